/*
 * workers - processes that do the same work side by side, and their supervisor.
 *
 * The supervisor forks them when everything they share is there (sockets that
 * listen, privileges given up), replaces those that die and passes signals on.
 * workers_run is a whole supervisor without an event loop; a supervisor with
 * one calls the steps itself.
 */
#ifndef LIBCORE_NET_WORKERS_H
#define LIBCORE_NET_WORKERS_H

#include "libcore/base/error.h"
#include "libcore/net/process.h"

struct workers_options {
    unsigned count;
    process_fork_fn *fork; /* NULL: the system's */
    /* Before each fork: what only this worker is to have.  May be NULL. */
    void (*starting)(void *owner, unsigned number);
    /* In the supervisor: the worker has gone, or (begun: false) could not be forked.  May be NULL.
     */
    void (*ended)(void *owner, unsigned number, bool begun);
    /* A worker has died, or none could be forked: a sentence for the operator.  May be NULL. */
    void (*complain)(void *owner, const char *sentence);
    void *owner;
};

/* ---- the steps */

struct workers;

/* The options are copied.  Nothing is forked yet. */
struct workers *workers_new(const struct workers_options *options);
/* In a worker: forgets the others; in the supervisor: they must have gone. */
void workers_free(struct workers *workers);
/*
 * Forks those that are missing and due; none after workers_stop.  True in a
 * worker, with *number from 0, a process group of its own (what a terminal sends
 * goes to the supervisor) and a TERM to come should the supervisor die.  The
 * caller blocks the signals it handles meanwhile.
 */
bool workers_start(struct workers *workers, unsigned *number);
/* Notes those that have died. */
void workers_bury(struct workers *workers);
/* Seconds until a worker is due; negative: none is. */
double workers_patience(const struct workers *workers);
/* Sends the signal to all. */
void workers_signal(const struct workers *workers, int signal_number);
/* The end: the signal (INT or TERM) is passed on, as KILL when it comes a second time. */
void workers_stop(struct workers *workers, int signal_number);
bool workers_stopped(const struct workers *workers);
/* Stopped, and none is left. */
bool workers_gone(const struct workers *workers);
/* Once they have gone: false with *error when one was killed or did not end well. */
bool workers_ended_well(const struct workers *workers, struct error *error);
/* 0: that one is missing. */
pid_t workers_process(const struct workers *workers, unsigned number);

/* ---- a whole supervisor */

struct workers_supervision {
    /* Sent on to every worker; 0 ends the list.  INT and TERM are, and stop everything. */
    const int *passed_signals;
    /* Signals are in hand, the workers follow.  May be NULL. */
    void (*ready)(void *owner);
    /* The first INT or TERM has come: take in what nobody will work for.  May be NULL. */
    void (*stopping)(void *owner);
};

enum workers_outcome {
    WORKERS_WORKER,  /* this is a worker: do the work, then exit */
    WORKERS_STOPPED, /* INT or TERM came and every worker ended well */
    WORKERS_FAILED,  /* *error says what went wrong; no worker is left */
};

/*
 * Forks the workers and supervises them.  Returns in each worker at once, with
 * *number, and signals as they were before the call.  A loop made before needs
 * loop_after_fork.
 *
 * Returns in the supervisor when all are gone.  A worker that dies is replaced,
 * later and later when they die at once.  A second INT or TERM of the same kind
 * kills them, and the outcome is WORKERS_FAILED.
 */
enum workers_outcome workers_run(const struct workers_options *options,
                                 const struct workers_supervision *supervision, unsigned *number,
                                 struct error *error);

#endif
