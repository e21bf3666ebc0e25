/*
 * loop - the event loop: descriptors, timers, signals and deferred tasks.
 *
 * The only interface to libev; nothing outside libcore/net includes ev.h.
 * Single-threaded: every callback runs from loop_run, one after another.
 */
#ifndef LIBCORE_NET_LOOP_H
#define LIBCORE_NET_LOOP_H

#include <stdbool.h>

struct loop;
struct loop_io;
struct loop_timer;
struct loop_signal;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

typedef void loop_fn(void *owner);
typedef void loop_io_fn(void *owner, unsigned events);
typedef void loop_signal_fn(void *owner, int signal_number);

struct loop *loop_new(void);
/* Every watcher must have been freed before. */
void loop_free(struct loop *loop);
/* Returns after loop_stop and only then; a loop_stop before loop_run counts. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* In a child process that goes on using a loop made by its parent. */
void loop_after_fork(struct loop *loop);
/*
 * In a child process that does not go on using it, as long as the parent does:
 * every descriptor that is watched, or may be, becomes one of /dev/null, so that
 * the child keeps no connection open.  After this the loop must not be touched.
 */
void loop_abandon(struct loop *loop);
/* Monotonic seconds, taken once per turn of the loop. */
double loop_now(const struct loop *loop);

/* Watches nothing until loop_io_watch; does not own fd. */
struct loop_io *loop_io_new(struct loop *loop, int fd, loop_io_fn *callback, void *owner);
/* events: LOOP_READ | LOOP_WRITE; 0 stops.  Cheap when nothing changes. */
void loop_io_watch(struct loop_io *io, unsigned events);
void loop_io_free(struct loop_io *io);

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *callback, void *owner);
/*
 * One shot after seconds; starting again moves the deadline.  Start and stop
 * are lazy (the libev timer keeps running and is checked against the deadline
 * when it fires), so they cost nothing per packet.
 */
void loop_timer_start(struct loop_timer *timer, double seconds);
void loop_timer_stop(struct loop_timer *timer);
bool loop_timer_active(const struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer);

struct loop_signal *loop_signal_new(struct loop *loop, int signal_number, loop_signal_fn *callback,
                                    void *owner);
void loop_signal_free(struct loop_signal *signal);

/*
 * A task runs once before the loop sleeps the next time.  Posting a posted task
 * is a no-op.  Zero-initialise it, set callback and owner; it is embedded in
 * the object it belongs to and must be cancelled before that is freed.
 */
struct loop_task {
    loop_fn *callback;
    void *owner;
    struct loop_task *next, **link; /* link != NULL: posted */
};
void loop_task_post(struct loop *loop, struct loop_task *task);
void loop_task_cancel(struct loop_task *task);

/* Runs each time before the loop sleeps, after the tasks (log flushing). */
void loop_before_sleep(struct loop *loop, loop_fn *callback, void *owner);

#endif
