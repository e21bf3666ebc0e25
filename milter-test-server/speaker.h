/*
 * speaker - says the MTA's steps of a session file through the asking machine,
 * and knows what may be answered to them.
 *
 * A ">" step is said as an MTA would say it, or not at all; a "!" step is said
 * whatever was agreed.  No I/O: bytes go to the output buffer.
 */
#ifndef MILTER_TEST_SERVER_SPEAKER_H
#define MILTER_TEST_SERVER_SPEAKER_H

#include "libcore/session/mta.h"
#include "libcore/session/session_file.h"

struct speaker {
    struct mta mta;
    bool
        unasked; /* something was said anyway: answers nobody owes may come; the owner's to clear */
    bool lock_step; /* the last command was an MTA's: its answer comes before anything else */
    bool left;      /* the filter is out of the whole SMTP session */
    bool skipped;   /* it wants no more body */
};

void speaker_init(struct speaker *speaker, struct buffer *output);
void speaker_clear(struct speaker *speaker);

/* A SEND step.  False with *error where the file is wrong: before negotiate, after quit. */
bool speaker_say(struct speaker *speaker, const struct session_step *step, struct error *error);
/* A SEND_ANYWAY or SEND_BYTES step. */
void speaker_say_anyway(struct speaker *speaker, const struct session_step *step);
/* ABORT and QUIT as far as they are due. */
void speaker_leave(struct speaker *speaker);

enum speaker_heard {
    SPEAKER_ANSWER, /* an answer */
    SPEAKER_STALE,  /* the answer to what "! abort" cut off: nobody expects it */
    SPEAKER_WRONG,  /* *error says why */
};

/* Takes a packet of the filter; whole: with its length and letter. */
enum speaker_heard speaker_hear(struct speaker *speaker, const struct packet *packet,
                                struct slice whole, struct error *error);

/* True while the reply to a command has to come. */
bool speaker_owed(const struct speaker *speaker);
/* True while a reply is to come, also one to what was cut off. */
bool speaker_awaits(const struct speaker *speaker);
/* True while it is the reply to the whole message. */
bool speaker_at_end(const struct speaker *speaker);
/* True while something may come: a reply, or what nobody asked for. */
bool speaker_listens(const struct speaker *speaker);
/* Nothing more can come. */
void speaker_forget_owed(struct speaker *speaker);
/* For messages: the command whose reply is owed, else where the conversation stands. */
const char *speaker_stage(const struct speaker *speaker);

#endif
