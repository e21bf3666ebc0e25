/*
 * session_play - a session of the manager with everybody around it in memory: a
 * scripted MTA, scripted children, conditions and the host.
 *
 * Everything is said and heard as letters of the protocol with regular
 * payloads.  Failures of the play itself (a second disconnect, output for
 * nobody) fail the test at once.
 */
#ifndef TEST_UNIT_SESSION_PLAY_H
#define TEST_UNIT_SESSION_PLAY_H

#include "milter-manager/session/session.h"

enum {
    PLAY_CHILDREN = 3,
    PLAY_RECORD_QUESTIONS = 80, /* open at a time about the recording */
};

struct condition {
    unsigned stages; /* bit per condition_stage */
};

/* One child, over all its connections in the play. */
struct play_child {
    struct session_child *child; /* NULL: not connected */
    struct buffer *output;       /* NULL: not connected yet */
    struct buffer heard;         /* letters it was sent */
    struct buffer content;       /* payloads of its L, N and B, one after the other */
    struct negotiation answer;   /* what it will negotiate; set it before the play begins */
    unsigned connections, disconnections;
    bool graceful; /* the last disconnection was */
    bool stalled;  /* it does not read */
    double timer;  /* seconds, 0: not running */
};

struct play {
    struct session *session;
    struct configuration configuration;
    struct configuration_child configured[PLAY_CHILDREN];
    struct condition conditions[PLAY_CHILDREN];
    struct condition *condition_lists[PLAY_CHILDREN];
    struct play_child children[PLAY_CHILDREN];
    struct buffer front_output, front_input;
    struct buffer heard; /* letters the MTA was sent */
    struct buffer body;  /* bytes of replaced bodies it was sent */
    bool front_stalled, resume, finished;
    double keep_alive;
    double now;

    /* What conditions say: PENDING keeps the question until play_condition_answers. */
    enum condition_answer condition_answer;
    struct condition_ticket *tickets[PLAY_CHILDREN];
    uint64_t last_context; /* of the last question */
    unsigned asked;
    struct buffer envelope_asked; /* the recipients of the last question, a blank before each */
    struct buffer explained;      /* what explanation.h says, one line each */

    /* Connection checkers: CONDITION_STOP says that the client has gone. */
    enum condition_answer check_answer;
    struct condition_ticket *check_ticket;
    uint64_t check_context; /* of the last question */
    unsigned checked;

    /* manager.record_sessions: off unless the test sets it. */
    struct condition recording;
    struct condition *recording_list;
    enum condition_answer recording_answer;
    struct condition_ticket *recording_tickets[PLAY_RECORD_QUESTIONS];
    struct buffer recording_asked; /* per question: a digit for the stage, and its arguments */
    struct buffer record;          /* what was saved last */
    unsigned records_saved;
};

/* All defaults: fallback accept, no conditions, nothing switched off.  Change what you like, ... */
void play_init(struct play *play, unsigned child_count);
/* ... then begin.  The MTA says O, the children connect and answer. */
void play_begin(struct play *play);
/* As play_begin, but nothing has been said yet. */
void play_open(struct play *play);
/* Frees the session; what was heard and recorded stays for the test. */
void play_end_session(struct play *play);
/* Frees the session when there is one; all children must be disconnected then. */
void play_end(struct play *play);

/* The MTA sends these commands in one piece. */
void mta_says(struct play *play, const char *letters);
void mta_says_bytes(struct play *play, struct slice bytes);
/* The same, and every child answers continue as often as it is asked. */
void mta_says_and_all_continue(struct play *play, const char *letters);
void all_continue(struct play *play);
void mta_closes(struct play *play);
/* Reads what a stalled MTA has left. */
void mta_reads(struct play *play);

void child_connects(struct play *play, unsigned index);
/* 'O' stands for its own answer; it may say what nobody asked for. */
void child_says(struct play *play, unsigned index, const char *letters);
void child_says_bytes(struct play *play, unsigned index, struct slice bytes);
void child_fails(struct play *play, unsigned index);
void child_times_out(struct play *play, unsigned index);
/* Reads what a stalled child has left. */
void child_reads(struct play *play, unsigned index);

/* What session_play_conditions.h calls; a library must not define the engine's own names. */
enum condition_answer play_condition_ask(struct condition *const *conditions,
                                         const struct condition_question *question,
                                         condition_answered_fn *answered, void *owner,
                                         struct condition_ticket **ticket,
                                         const struct condition_stopper **stopper);
enum condition_answer play_checkers_ask(uint64_t context, condition_answered_fn *answered,
                                        void *owner, struct condition_ticket **ticket);
void play_condition_cancel(struct condition_ticket *ticket);
void play_condition_answers(struct play *play, unsigned index, enum condition_answer answer);

void play_checkers_answer(struct play *play, enum condition_answer answer);

/* The oldest open question about the recording. */
void play_recording_answers(struct play *play, enum condition_answer answer);

/* Compare what was heard since the last time and forget it. */
void assert_mta_heard(struct play *play, const char *letters);
void assert_child_heard(struct play *play, unsigned index, const char *letters);
void forget_heard(struct play *play);

#endif
