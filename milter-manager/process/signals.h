/*
 * signals - the signals a process of the manager handles in its loop, as a table.
 */
#ifndef MILTER_MANAGER_PROCESS_SIGNALS_H
#define MILTER_MANAGER_PROCESS_SIGNALS_H

#include "libcore/net/loop.h"

struct signals;

struct signal_handler {
    int number; /* 0 ends the table */
    loop_signal_fn *handler;
};

/* Handles them from now on; afterwards they may be let in. */
struct signals *signals_new(struct loop *loop, const struct signal_handler *handlers, void *owner);
/* They have their default action again. */
void signals_free(struct signals *signals);

/* Holds back what the manager handles, over a fork or a start; SIG_BLOCK or SIG_UNBLOCK. */
void signals_hold(int how);
/* Ends the process by that signal, as if nobody handled it. */
void signals_die(int number);
/* USR1: the log file is opened anew. */
void signals_reopen_log(void *owner, int number);

/*
 * Before there is a loop: HUP and USR1 are noted (a thread of the configuration's
 * libraries may get what the main thread holds back), and raised again once they
 * are handled.
 */
void signals_note_early(void);
void signals_raise_early(void);

#endif
