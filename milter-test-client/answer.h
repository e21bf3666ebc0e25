/*
 * answer - how one connection's commands are answered: what the policy says, at
 * its time, with its edits, or with a fault in the place of the reply.
 *
 * Everything that is said to the MTA goes through the filter machine or, where
 * it is no reply at all, through one function that tells the machine's recorder.
 */
#ifndef MILTER_TEST_CLIENT_ANSWER_H
#define MILTER_TEST_CLIENT_ANSWER_H

#include "libcore/net/stream.h"
#include "libcore/session/filter.h"
#include "milter-test-client/policy.h"

/* Handlers may end the session. */
struct answer_handlers {
    /* The reply was given, later than from inside answer_begin: go on with the input. */
    void (*given)(void *owner);
    /* The connection is to be closed instead of an answer. */
    void (*closes)(void *owner);
    /* what: a sentence without the peer. */
    void (*complain)(void *owner, const char *what);
};

/* What will be said to a command. */
struct answer_plan {
    bool due; /* false: no reply is owed, none will be sent */
    struct reply reply;
    struct negotiation negotiation; /* for NEGOTIATE */
    bool edits;                     /* those of the policy that the MTA takes come first */
    enum policy_fault fault;
    double delay; /* seconds */
};

struct answer {
    const struct policy *policy;
    const struct answer_handlers *handlers;
    void *owner;
    struct loop *loop;
    struct stream *stream;
    struct filter *filter;
    struct loop_timer *timer; /* made when first needed */
    struct answer_plan plan;
    struct buffer lists; /* of the negotiation */
    double time;         /* on the loop's clock: when the reply is due */
    bool silent;         /* after a fault: nothing is answered any more */
    uint32_t missed;     /* actions already complained about */
    bool skip_missed;
};

/* policy, handlers, stream and filter must outlive the answer. */
void answer_init(struct answer *answer, const struct policy *policy, struct loop *loop,
                 struct stream *stream, struct filter *filter,
                 const struct answer_handlers *handlers, void *owner);
/* Also when the stream is gone. */
void answer_clear(struct answer *answer);

/*
 * Decides; command is the event the machine has just given out.  session: its
 * number, for faults.  The plan is valid until the next one.
 */
const struct answer_plan *answer_decide(struct answer *answer, const struct command_packet *command,
                                        unsigned long session);
/* Does what was decided, at once or when its time has come. */
void answer_begin(struct answer *answer);
/* True when that edit will be sent at the end of a message. */
bool answer_sends(const struct answer *answer, const struct reply *edit);
/*
 * The MTA has sent ABORT instead of waiting: the delayed reply goes out at
 * once, for MTAs count replies, without its edits; behind a fault there is none.
 */
void answer_cut_off(struct answer *answer);

#endif
