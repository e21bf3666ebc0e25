/*
 * workers - processes that do the same work side by side, and their supervisor.
 *
 * The calling process forks them when everything they share is there (sockets
 * that listen, privileges given up) and does nothing else until they are gone:
 * it replaces those that die and passes signals on.
 */
#ifndef LIBCORE_NET_WORKERS_H
#define LIBCORE_NET_WORKERS_H

#include "libcore/base/error.h"

struct workers_options {
    unsigned count;
    /* Sent on to every worker; 0 ends the list.  INT and TERM are, and stop everything. */
    const int *passed_signals;
    /* A worker has died, or none could be forked: a sentence for the operator.  May be NULL. */
    void (*complain)(void *owner, const char *sentence);
    /* Signals are in hand, the workers follow.  May be NULL. */
    void (*ready)(void *owner);
    /* The first INT or TERM has come: take in what nobody will work for.  May be NULL. */
    void (*stopping)(void *owner);
    void *owner;
};

enum workers_outcome {
    WORKERS_WORKER,  /* this is a worker: do the work, then exit */
    WORKERS_STOPPED, /* INT or TERM came and every worker ended well */
    WORKERS_FAILED,  /* *error says what went wrong; no worker is left */
};

/*
 * Forks the workers and supervises them.  Returns in each worker at once, with
 * *number from 0, signals as they were before the call, a process group of its
 * own (what a terminal sends goes to the supervisor, who passes it on), and a
 * TERM to come should the supervisor die.  A loop made before needs
 * loop_after_fork.
 *
 * Returns in the supervisor when all are gone.  A worker that dies is replaced,
 * later and later when they die at once.  A second INT or TERM of the same kind
 * kills them, and the outcome is WORKERS_FAILED.
 */
enum workers_outcome workers_run(const struct workers_options *options, unsigned *number,
                                 struct error *error);

#endif
