/*
 * condition - how a session asks applicable conditions about a child.
 *
 * A condition's answer is always asynchronous in principle: asking gives the
 * answer at once when no stopper had to wait, else a callback later.  The
 * session knows nothing of Ruby; the engine knows nothing of sockets.
 */
#ifndef MILTER_MANAGER_SESSION_CONDITION_H
#define MILTER_MANAGER_SESSION_CONDITION_H

#include "libcore/base/slice.h"

#include <stdint.h>

/* The stopper kinds, in protocol order (configuration section 6). */
enum condition_stage {
    CONDITION_CONNECT,
    CONDITION_HELO,
    CONDITION_ENVELOPE_FROM,
    CONDITION_ENVELOPE_RECIPIENT,
    CONDITION_ENVELOPE, /* before DATA, with all recipients that were accepted */
    CONDITION_DATA,
    CONDITION_HEADER,
    CONDITION_END_OF_HEADER,
    CONDITION_BODY,
    CONDITION_END_OF_MESSAGE,
    CONDITION_STAGES,
};

enum condition_answer {
    CONDITION_RUN,     /* no stopper said true: the child sees this command */
    CONDITION_STOP,    /* a stopper said true */
    CONDITION_PENDING, /* the callback will tell */
};

/* What a stopper is called with; slices are only valid during the call of ask. */
struct condition_question {
    enum condition_stage stage;
    uint64_t context;          /* handle for the functions of context.h */
    struct slice arguments[2]; /* host | fqdn | from | recipient | name, value | chunk */
    unsigned argument_count;
    /* CONDITION_ENVELOPE only; the sender is the one argument. */
    const struct slice *recipients;
    unsigned recipient_count;
    /* CONDITION_CONNECT only, as on the wire: */
    char family; /* '4', '6', 'L', 'U' */
    uint16_t port;
    struct slice address;
};

/* Which stopper said true; lives as long as the configuration snapshot. */
struct condition_stopper {
    const char *condition; /* its name */
    enum condition_stage stage;
    const char *file; /* where it stands */
    int line;
};

/* stopper NULL: none said true, the child sees the command. */
typedef void condition_answered_fn(void *owner, const struct condition_stopper *stopper);

struct condition;        /* one applicable condition of a configuration snapshot */
struct condition_ticket; /* one pending question */

/* True when the condition has at least one stopper of that kind: otherwise do not ask. */
bool condition_has_stopper(const struct condition *condition, enum condition_stage stage);

/*
 * Asks all conditions in order; the first true wins, an exception or a passed
 * deadline (manager.condition_timeout) counts as false and is logged.
 * CONDITION_STOP: *stopper is set.  CONDITION_PENDING: *ticket is set and
 * answered is called once from the loop, unless condition_cancel comes first.
 */
enum condition_answer condition_ask(struct condition *const *conditions, unsigned count,
                                    const struct condition_question *question,
                                    condition_answered_fn *answered, void *owner,
                                    struct condition_ticket **ticket,
                                    const struct condition_stopper **stopper);
/* The answer is not wanted any more; the callback will not be called. */
void condition_cancel(struct condition_ticket *ticket);

/* What became of one condition of a question. */
enum condition_outcome {
    CONDITION_PASSED,    /* none of its stoppers said true */
    CONDITION_STOPPED,   /* one did */
    CONDITION_RAISED,    /* an exception: counts as false */
    CONDITION_TIMED_OUT, /* no answer within its deadline: counts as false */
};

/* One of them; valid during the call of the observer only. */
struct condition_remark {
    uint64_t context; /* of the question */
    enum condition_stage stage;
    struct slice condition; /* its name */
    enum condition_outcome outcome;
    const struct condition_stopper *stopper; /* CONDITION_STOPPED: which */
    struct slice text;                       /* the exception and its place, or the deadline */
};

typedef void condition_observer_fn(void *owner, const struct condition_remark *remark);

/*
 * From now on this is told of each condition that was asked, before the answer
 * to the whole question; it must not call back.  NULL: nobody is.  One at a
 * time.
 */
void condition_observe(condition_observer_fn *hears, void *owner);

/* "envelope-recipient", as logs name the stage. */
const char *condition_stage_name(enum condition_stage stage);

#endif
