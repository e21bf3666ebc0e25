/*
 * tally - what is counted, and the memory it is counted in.
 *
 * All processes of the manager share one area with a slot for each.  A process
 * writes in its own slot only, so counting is an addition without any lock; who
 * reads adds the slots up (sums.h).  Names of children stay in a slot for ever:
 * neither a reload nor a new process in the slot takes a counter back.
 *
 * Who counts writes into the structures directly: counter_increment(&tally()->messages).
 */
#ifndef MILTER_MANAGER_CONTROL_TALLY_H
#define MILTER_MANAGER_CONTROL_TALLY_H

#include "libcore/base/counter.h"
#include "libcore/wire/protocol.h"
#include "libcore/wire/verdict.h"
#include "milter-manager/session/condition.h"

#include <stdbool.h>
#include <sys/types.h>

enum {
    TALLY_CHILDREN = 128, /* names in a slot; the rest is counted as TALLY_OTHERS */
    TALLY_NAME = 256,     /* bytes of a name with its NUL; a longer one likewise */
    TALLY_STAGES = COMMAND_END_OF_MESSAGE + 1, /* by enum command */
    TALLY_VERDICTS = VERDICT_DISCARD + 1,
    TALLY_BOUNDS = 17, /* upper bounds of reply times; one more bucket is above them */
};

#define TALLY_OTHERS "(others)"

/* Seconds, ascending. */
extern const double tally_bounds[TALLY_BOUNDS];

/* How a child has failed. */
enum tally_failure {
    TALLY_FAILED_CONNECT,  /* it could not be reached */
    TALLY_FAILED_CLOSED,   /* it closed the connection */
    TALLY_FAILED_IO,       /* the connection broke */
    TALLY_FAILED_PROTOCOL, /* it said what it may not */
    TALLY_FAILED_TIMEOUT,
    TALLY_FAILURES,
};

/* What a child had no more time for. */
enum tally_timeout {
    TALLY_TIMEOUT_CONNECTION,
    TALLY_TIMEOUT_WRITING,
    TALLY_TIMEOUT_READING,
    TALLY_TIMEOUT_END_OF_MESSAGE,
    TALLY_TIMEOUTS,
};

/* "connect", "closed", ... and "connection", "writing", ...: the words of the labels. */
extern const char *const tally_failure_names[TALLY_FAILURES];
extern const char *const tally_timeout_names[TALLY_TIMEOUTS];

struct tally_times {
    struct counter nanoseconds; /* all of them together */
    struct counter buckets[TALLY_BOUNDS + 1];
};

/* Nothing but counters: sums.c adds them up one after the other. */
struct tally_child {
    struct counter messages; /* MAIL was sent to it */
    struct counter verdicts[TALLY_STAGES][TALLY_VERDICTS];
    struct tally_times replies[TALLY_STAGES];
    struct counter edits[REPLIES]; /* asked for */
    struct counter failures[TALLY_STAGES][TALLY_FAILURES];
    struct counter timeouts[TALLY_TIMEOUTS];
    struct counter fallbacks[TALLY_VERDICTS]; /* taken */
    struct counter stopped[CONDITION_STAGES];
    struct counter received_bytes, sent_bytes;
    struct counter connections_open; /* the one that goes down again */
};

/* Likewise; what the side of the MTA says. */
struct tally_totals {
    struct counter sessions;
    struct counter messages;
    struct counter replies[TALLY_STAGES][TALLY_VERDICTS];
    struct counter received_bytes, sent_bytes;
    struct counter suspensions; /* of accepting */
    struct counter sessions_open;
};

enum tally_switch { TALLY_UNCONFIGURED, TALLY_DISABLED, TALLY_ENABLED };

struct tally_entry {
    char name[TALLY_NAME];
    struct counter configured; /* enum tally_switch; looked at in slot 0 only */
    struct tally_child child;
};

/* About the manager as a whole; only those of slot 0 are looked at. */
struct tally_manager {
    struct counter start_time; /* ns since the epoch */
    struct counter generation; /* of the configuration */
    struct counter workers;
    struct counter worker_restarts;
    struct counter reloads_succeeded, reloads_failed;
};

struct tally_slot {
    struct counter pid; /* 0: nobody */
    struct tally_totals totals;
    struct tally_manager manager;
    _Atomic unsigned entry_count;
    struct counter others_used;                     /* 0: nobody has counted in the last entry */
    struct tally_entry entries[TALLY_CHILDREN + 1]; /* the last one: the others */
};

/* Where this process counts; slot 0 of an area for one process before tally_open. */
extern struct tally_slot *tally_here;

static inline struct tally_totals *tally(void)
{
    return &tally_here->totals;
}

/* Before the first fork. */
void tally_open(unsigned slots);
/* This process counts in that slot from now on, and nobody else. */
void tally_enter(unsigned slot);
/* Its process is gone. */
void tally_leave(unsigned slot);
unsigned tally_slots(void);
const struct tally_slot *tally_slot(unsigned slot);

/*
 * The child's counters in this process' slot, for as long as the process counts
 * there.  likely: at which place in the slot it probably is (its index in the
 * configuration); only saves time.
 */
struct tally_child *tally_child(const char *name, unsigned likely);
/* In this slot it has counters of its own; if not it is counted among the others, or never was. */
bool tally_is_named(const char *name);
/* In this slot: no child is configured any more, and this one is again. */
void tally_forget_configured(void);
void tally_configured(const char *name, bool enabled);

/* One reply that took so many seconds. */
void tally_reply_time(struct tally_child *child, enum command stage, double seconds);

#endif
