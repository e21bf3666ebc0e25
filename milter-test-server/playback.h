/*
 * playback - what became of a session file: its lines, and where the filter
 * answered otherwise.
 *
 * Expected and actual lines are kept in the order of the conversation, so the
 * difference is known as it happens and need not be looked for afterwards.
 */
#ifndef MILTER_TEST_SERVER_PLAYBACK_H
#define MILTER_TEST_SERVER_PLAYBACK_H

#include "libcore/session/session_file.h"

/* One thing the filter did. */
struct playback_answer {
    enum playback_kind {
        PLAYBACK_PACKET,
        PLAYBACK_BYTES,   /* that are no packet */
        PLAYBACK_CLOSE,   /* the filter went away */
        PLAYBACK_NOTHING, /* silence that was expected */
        PLAYBACK_NOTE,    /* a sentence: a time-out, a broken protocol */
    } kind;
    struct packet packet;
    struct slice line; /* as in a session file, "< " and LF included */
};

struct playback_line {
    char mark;         /* ' ' both, '-' expected only, '+' actual only */
    struct slice text; /* one or several lines, LF included */
};

struct playback {
    struct arena arena;
    struct playback_line *lines;
    size_t count, capacity;
    struct playback_answer *answers; /* of the block being collected */
    size_t answer_count, answer_capacity;
    bool differs;
};

void playback_clear(struct playback *playback);

/* A line that is as it was: what the MTA said, comments. */
void playback_add_text(struct playback *playback, struct slice text);

/* Each adds an answer to the open block; bytes are copied. */
void playback_add_packet(struct playback *playback, const struct packet *packet);
void playback_add_bytes(struct playback *playback, struct slice bytes);
void playback_add_close(struct playback *playback);
/* step: the expectation that was fulfilled. */
void playback_add_nothing(struct playback *playback, const struct session_step *step);
void playback_add_note(struct playback *playback, const char *sentence);

/* True when all that has to come has come, in order, whatever came besides. */
bool playback_satisfied(const struct playback *playback, const struct session_step *expected,
                        size_t count);
/* True when the last answer is no edit and no progress. */
bool playback_reply_ended(const struct playback *playback);

/*
 * Ends a block: compares what was expected with the answers collected since the
 * last block.  owed: a reply was owed when the block began, so that an expected
 * continue has to come; else it counts as given.  A continue, a negotiation
 * nobody wrote an expectation for, and progress are fine where they come unexpected.
 */
void playback_compare(struct playback *playback, const struct session_step *expected, size_t count,
                      bool owed);

/* The difference as a unified diff (three lines around each); nothing when there is none. */
void playback_append_diff(const struct playback *playback, const char *name, const char *peer,
                          struct buffer *output);
/* The file with what was answered in place of what was expected. */
void playback_append_updated(const struct playback *playback, struct buffer *output);

#endif
