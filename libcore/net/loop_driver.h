/*
 * loop_driver - how another event loop drives this one.  For libcore/net alone.
 *
 * The watchers, their order and their callbacks are the same; only the waiting is
 * the driver's.  It waits for the descriptor (ready to be read), no longer than the
 * patience and not at all when the loop is restless, and lets the loop take turns
 * in between.  A signal interrupts no wait by itself: the driver sees to that.
 */
#ifndef LIBCORE_NET_LOOP_DRIVER_H
#define LIBCORE_NET_LOOP_DRIVER_H

#include "libcore/net/loop.h"

struct loop_driver {
    /* Turns until loop_driven_stopping. */
    void (*run)(struct loop *loop, void *data);
    /* The loop handles that signal from now on, by a handler that may be replaced. */
    void (*signal_watched)(void *data, int signal_number);
    /* In a child process that goes on with the loop. */
    void (*forked)(struct loop *loop, void *data);
    /* No run any more; may come twice. */
    void (*leave)(void *data);
};

/* data: of malloc, the loop's from now on. */
struct loop *loop_new_driven(const struct loop_driver *driver, void *data);
/* After the first turn; and after a fork another one, again after a turn. */
int loop_driven_descriptor(const struct loop *loop);
bool loop_driven_stopping(const struct loop *loop);
/* There is something to do that no descriptor and no timer tells. */
bool loop_driven_restless(const struct loop *loop);
/* When it is not restless: others may have had their turn since its own. */
void loop_driven_before_sleep(struct loop *loop);
/* Seconds until the first timer; 0: it is due, INFINITY: there is none. */
double loop_driven_patience(const struct loop *loop);
/* All that is ready now, without waiting. */
void loop_driven_turn(struct loop *loop);
/* From a signal handler. */
void loop_driven_feed_signal(int signal_number);

#endif
