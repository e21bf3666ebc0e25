/*
 * loop - descriptors, timers, signals and deferred tasks on top of libev.
 *
 * Owns the libev loop and the watchers it hands out.  Never closes a
 * descriptor, never blocks outside loop_run, knows nothing of streams.
 */
#include "libcore/net/loop.h"

#include "libcore/base/clock.h"
#include "libcore/base/memory.h"
#include "libcore/net/due_heap.h"
#include "libcore/net/loop_driver.h"

#include <ev.h>
#include <fcntl.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    /* Tasks posting tasks share one turn for that many rounds; then descriptors get their share. */
    TASK_ROUNDS_PER_TURN = 16,
};

/* Clocks of libev and ours are read a moment apart; a timer that close to its deadline is due. */
static const double TIMER_TOLERANCE = 0.001;

struct loop_hook {
    loop_fn *callback;
    void *owner;
};

struct loop {
    struct ev_loop *ev;
    ev_prepare before_sleep;   /* runs tasks and hooks */
    ev_check after_sleep;      /* takes the time of the turn */
    ev_idle sleepless;         /* active while tasks are left over */
    struct loop_task *posted;  /* newest first */
    struct loop_task *running; /* oldest first */
    struct loop_hook *hooks;
    size_t hook_count;
    struct loop_io *all;   /* every watcher of a descriptor */
    struct loop_io *ready; /* what libev has told in this turn and is still to be done */
    double now;
    unsigned depth; /* of loop_run */
    bool stopping;
    /* For a driver. */
    const struct loop_driver *driver; /* NULL: libev waits itself */
    void *driver_data;
    struct due_heap due;   /* the libev timers that run */
    bool changed;          /* something has happened since tasks, hooks and libev had a look */
    unsigned always_ready; /* watched descriptors that no system call waits for */
};

struct loop_io {
    ev_io watcher;
    struct loop *loop;
    loop_io_fn *callback;
    void *owner;
    unsigned events;
    unsigned told;                            /* ready for that */
    struct loop_io *next_ready, **ready_link; /* ready_link != NULL: on the list */
    struct loop_io *next, **link;
    bool always_ready; /* a file: libev knows without asking, and a driver has to as well */
};

struct loop_timer {
    ev_timer watcher;
    struct loop *loop;
    loop_fn *callback;
    void *owner;
    double deadline;
    double watcher_deadline; /* when the libev timer fires, if it is active */
    bool active;
    bool looked; /* since it became due the descriptors had their turn */
    struct due due;
};

struct loop_signal {
    ev_signal watcher;
    struct loop *loop;
    loop_signal_fn *callback;
    void *owner;
};

/* Tasks. */

static void task_link(struct loop_task **head, struct loop_task *task)
{
    task->next = *head;
    task->link = head;
    if (task->next != NULL) {
        task->next->link = &task->next;
    }
    *head = task;
}

void loop_task_post(struct loop *loop, struct loop_task *task)
{
    if (task->link == NULL) {
        task_link(&loop->posted, task);
        loop->changed = true;
    }
}

void loop_task_cancel(struct loop_task *task)
{
    if (task->link == NULL) {
        return;
    }
    *task->link = task->next;
    if (task->next != NULL) {
        task->next->link = task->link;
    }
    task->next = NULL;
    task->link = NULL;
}

/* Moves what was posted to the running list, which turns it oldest first. */
static bool take_posted_tasks(struct loop *loop)
{
    while (loop->posted != NULL) {
        struct loop_task *task = loop->posted;
        loop_task_cancel(task);
        task_link(&loop->running, task);
    }
    return loop->running != NULL;
}

static void run_tasks(struct loop *loop)
{
    for (int round = 0; round < TASK_ROUNDS_PER_TURN && take_posted_tasks(loop); round++) {
        while (loop->running != NULL) {
            struct loop_task *task = loop->running;
            loop_task_cancel(task);
            task->callback(task->owner);
        }
    }
}

static void run_hooks(struct loop *loop)
{
    for (size_t i = 0; i < loop->hook_count; i++) {
        loop->hooks[i].callback(loop->hooks[i].owner);
    }
}

static void on_before_sleep(struct ev_loop *ev, ev_prepare *watcher, int events)
{
    (void)events;
    struct loop *loop = watcher->data;
    run_tasks(loop);
    run_hooks(loop);
    if (loop->posted != NULL) {
        ev_idle_start(ev, &loop->sleepless);
    } else {
        ev_idle_stop(ev, &loop->sleepless);
    }
    /* libev takes changes of descriptors to the kernel right after this. */
    loop->changed = loop->posted != NULL;
}

static void on_after_sleep(struct ev_loop *ev, ev_check *watcher, int events)
{
    (void)ev;
    (void)events;
    struct loop *loop = watcher->data;
    loop->now = clock_seconds();
}

static void on_sleepless(struct ev_loop *ev, ev_idle *watcher, int events)
{
    (void)events;
    ev_idle_stop(ev, watcher);
}

/* Descriptors. */

static void ready_unlink(struct loop_io *io)
{
    if (io->ready_link == NULL) {
        return;
    }
    *io->ready_link = io->next_ready;
    if (io->next_ready != NULL) {
        io->next_ready->ready_link = io->ready_link;
    }
    io->next_ready = NULL;
    io->ready_link = NULL;
}

static void ready_link(struct loop_io *io, unsigned told)
{
    ready_unlink(io);
    io->told = told;
    io->next_ready = io->loop->ready;
    if (io->next_ready != NULL) {
        io->next_ready->ready_link = &io->next_ready;
    }
    io->ready_link = &io->loop->ready;
    io->loop->ready = io;
}

/*
 * libev calls what is pending last first; where many connections are busy, that
 * lets some wait for others turn after turn.  So its callbacks of descriptors
 * only put them on a stack, which turns them round: first come, first served.
 */
static void on_pending(struct ev_loop *ev)
{
    struct loop *loop = ev_userdata(ev);

    ev_invoke_pending(ev);
    while (loop->ready != NULL) {
        struct loop_io *io = loop->ready;

        ready_unlink(io);
        loop->changed = true;
        io->callback(io->owner, io->told);
    }
}

void loop_before_sleep(struct loop *loop, loop_fn *callback, void *owner)
{
    loop->hooks = memory_resize(loop->hooks, loop->hook_count + 1, sizeof(*loop->hooks));
    loop->hooks[loop->hook_count++] = (struct loop_hook){callback, owner};
}

/* The loop. */

static struct loop *new_with(unsigned flags)
{
    struct loop *loop = NEW(struct loop);
    loop->ev = ev_loop_new(flags);
    if (loop->ev == NULL) {
        fputs("no event mechanism of this system is usable\n", stderr);
        abort();
    }
    ev_set_userdata(loop->ev, loop);
    ev_set_invoke_pending_cb(loop->ev, on_pending);
    loop->now = clock_seconds();
    ev_prepare_init(&loop->before_sleep, on_before_sleep);
    loop->before_sleep.data = loop;
    ev_prepare_start(loop->ev, &loop->before_sleep);
    ev_check_init(&loop->after_sleep, on_after_sleep);
    loop->after_sleep.data = loop;
    ev_set_priority(&loop->after_sleep, EV_MAXPRI);
    ev_check_start(loop->ev, &loop->after_sleep);
    ev_idle_init(&loop->sleepless, on_sleepless);
    loop->sleepless.data = loop;
    return loop;
}

struct loop *loop_new(void)
{
    return new_with(EVFLAG_AUTO);
}

struct loop *loop_new_driven(const struct loop_driver *driver, void *data)
{
    /* Only these have one descriptor to wait for, and the environment has no say in it. */
    struct loop *loop = new_with(EVFLAG_NOENV | EVBACKEND_EPOLL | EVBACKEND_KQUEUE);

    loop->driver = driver;
    loop->driver_data = data;
    loop->changed = true;
    return loop;
}

int loop_driven_descriptor(const struct loop *loop)
{
    /* libev says it only to a loop in which the other is embedded. */
    struct ev_loop *outer = ev_loop_new(EVFLAG_NOENV | EVBACKEND_SELECT);
    ev_embed embed;
    int fd = -1;

    if (outer != NULL) {
        ev_embed_init(&embed, NULL, loop->ev);
        ev_embed_start(outer, &embed);
        fd = embed.io.fd;
        ev_embed_stop(outer, &embed);
        ev_loop_destroy(outer);
    }
    return fd;
}

bool loop_driven_stopping(const struct loop *loop)
{
    return loop->stopping;
}

bool loop_driven_restless(const struct loop *loop)
{
    return loop->changed || loop->stopping || loop->always_ready > 0;
}

void loop_driven_before_sleep(struct loop *loop)
{
    run_hooks(loop);
}

double loop_driven_patience(const struct loop *loop)
{
    const struct due *first = due_heap_first(&loop->due);
    double seconds = first == NULL ? INFINITY : first->when - clock_seconds();

    return seconds > 0 ? seconds : 0;
}

void loop_driven_turn(struct loop *loop)
{
    ev_run(loop->ev, EVRUN_NOWAIT);
}

void loop_driven_feed_signal(int signal_number)
{
    ev_feed_signal(signal_number);
}

static void driver_leave(const struct loop *loop)
{
    if (loop->driver != NULL) {
        loop->driver->leave(loop->driver_data);
    }
}

void loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    driver_leave(loop);
    free(loop->driver_data);
    due_heap_clear(&loop->due);
    ev_prepare_stop(loop->ev, &loop->before_sleep);
    ev_check_stop(loop->ev, &loop->after_sleep);
    ev_idle_stop(loop->ev, &loop->sleepless);
    ev_loop_destroy(loop->ev);
    free(loop->hooks);
    free(loop);
}

void loop_after_fork(struct loop *loop)
{
    ev_loop_fork(loop->ev);
    loop->changed = true;
    if (loop->driver != NULL) {
        loop->driver->forked(loop, loop->driver_data);
    }
}

void loop_abandon(struct loop *loop)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

    driver_leave(loop);
    for (const struct loop_io *io = loop->all; io != NULL && nothing >= 0; io = io->next) {
        (void)dup2(nothing, io->watcher.fd);
        (void)fcntl(io->watcher.fd, F_SETFD, FD_CLOEXEC);
    }
    if (nothing >= 0) {
        (void)close(nothing);
    }
}

void loop_run(struct loop *loop)
{
    loop->depth++;
    if (!loop->stopping) {
        ev_now_update(loop->ev);
        loop->now = clock_seconds();
        if (loop->driver != NULL) {
            loop->driver->run(loop, loop->driver_data);
        } else {
            ev_run(loop->ev, 0);
        }
    }
    loop->stopping = false;
    loop->depth--;
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
    ev_break(loop->ev, EVBREAK_ONE);
}

double loop_now(const struct loop *loop)
{
    return loop->now;
}

/* Descriptors. */

/* epoll refuses files and directories; libev then takes them for ready. */
static bool is_always_ready(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

static void count_always_ready(const struct loop_io *io, unsigned events)
{
    if (io->always_ready) {
        io->loop->always_ready += (events != 0 ? 1U : 0U) - (io->events != 0 ? 1U : 0U);
    }
}

static void on_io(struct ev_loop *ev, ev_io *watcher, int events)
{
    (void)ev;
    struct loop_io *io = watcher->data;
    unsigned ready =
        ((events & EV_READ) ? LOOP_READ : 0U) | ((events & EV_WRITE) ? LOOP_WRITE : 0U);
    if ((events & EV_ERROR) != 0) {
        /* libev refuses a broken descriptor and stops the watcher; let the system call say why. */
        ready = io->events;
        count_always_ready(io, 0);
        io->events = 0;
    }
    ready_link(io, ready);
}

struct loop_io *loop_io_new(struct loop *loop, int fd, loop_io_fn *callback, void *owner)
{
    struct loop_io *io = NEW(struct loop_io);
    io->loop = loop;
    io->callback = callback;
    io->owner = owner;
    ev_io_init(&io->watcher, on_io, fd, EV_READ);
    io->watcher.data = io;
    io->always_ready = loop->driver != NULL && is_always_ready(fd);
    io->next = loop->all;
    io->link = &loop->all;
    if (io->next != NULL) {
        io->next->link = &io->next;
    }
    loop->all = io;
    return io;
}

void loop_io_watch(struct loop_io *io, unsigned events)
{
    if (events == io->events) {
        return;
    }
    count_always_ready(io, events);
    io->loop->changed = true;
    io->events = events;
    ev_io_stop(io->loop->ev, &io->watcher);
    io->told &= events;
    if (io->told == 0) {
        ready_unlink(io);
    }
    if (events != 0) {
        /* ev_io_modify, unlike ev_io_set, does not cost a system call when nothing changes. */
        ev_io_modify(&io->watcher,
                     ((events & LOOP_READ) ? EV_READ : 0) | ((events & LOOP_WRITE) ? EV_WRITE : 0));
        ev_io_start(io->loop->ev, &io->watcher);
    }
}

void loop_io_free(struct loop_io *io)
{
    if (io != NULL) {
        count_always_ready(io, 0);
        ev_io_stop(io->loop->ev, &io->watcher);
        ready_unlink(io);
        *io->link = io->next;
        if (io->next != NULL) {
            io->next->link = io->link;
        }
        free(io);
    }
}

/* Timers. */

static void timer_arm(struct loop_timer *timer)
{
    double seconds = timer->deadline - timer->loop->now;
    ev_timer_set(&timer->watcher, seconds > 0 ? seconds : 0, 0);
    ev_timer_start(timer->loop->ev, &timer->watcher);
    timer->watcher_deadline = timer->deadline;
    if (timer->loop->driver != NULL) {
        /* Not before libev has it: loop->now is taken a moment after libev's own time. */
        due_heap_put(&timer->loop->due, &timer->due, timer->deadline);
    }
}

static void timer_disarm(struct loop_timer *timer)
{
    ev_timer_stop(timer->loop->ev, &timer->watcher);
    due_heap_remove(&timer->loop->due, &timer->due);
}

static void on_timer(struct ev_loop *ev, ev_timer *watcher, int events)
{
    (void)ev;
    (void)events;
    struct loop_timer *timer = watcher->data;
    due_heap_remove(&timer->loop->due, &timer->due);
    if (!timer->active) {
        return;
    }
    if (timer->deadline > timer->loop->now + TIMER_TOLERANCE) {
        timer_arm(timer);
        return;
    }
    if (!timer->looked) {
        /* What has arrived while the process was held up is not late: look once more. */
        timer->looked = true;
        timer_arm(timer);
        return;
    }
    timer->active = false;
    timer->loop->changed = true;
    timer->callback(timer->owner);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *callback, void *owner)
{
    struct loop_timer *timer = NEW(struct loop_timer);
    timer->loop = loop;
    timer->callback = callback;
    timer->owner = owner;
    ev_timer_init(&timer->watcher, on_timer, 0, 0);
    ev_set_priority(&timer->watcher, EV_MINPRI); /* descriptors that are ready come first */
    timer->watcher.data = timer;
    return timer;
}

void loop_timer_start(struct loop_timer *timer, double seconds)
{
    struct loop *loop = timer->loop;
    if (loop->depth == 0) {
        /* Outside the loop nobody else takes the time. */
        ev_now_update(loop->ev);
        loop->now = clock_seconds();
    }
    /* Not loop->now: a long callback before this one must not shorten the time. */
    timer->deadline = clock_seconds() + (seconds > 0 ? seconds : 0);
    timer->active = true;
    timer->looked = false;
    if (ev_is_active(&timer->watcher)) {
        if (timer->watcher_deadline <= timer->deadline) {
            return;
        }
        timer_disarm(timer);
    }
    timer_arm(timer);
}

void loop_timer_stop(struct loop_timer *timer)
{
    timer->active = false;
}

bool loop_timer_active(const struct loop_timer *timer)
{
    return timer->active;
}

void loop_timer_free(struct loop_timer *timer)
{
    if (timer != NULL) {
        timer_disarm(timer);
        free(timer);
    }
}

/* Signals. */

static void on_signal(struct ev_loop *ev, ev_signal *watcher, int events)
{
    (void)ev;
    (void)events;
    struct loop_signal *signal = watcher->data;
    signal->loop->changed = true;
    signal->callback(signal->owner, watcher->signum);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signal_number, loop_signal_fn *callback,
                                    void *owner)
{
    struct loop_signal *signal = NEW(struct loop_signal);
    signal->loop = loop;
    signal->callback = callback;
    signal->owner = owner;
    ev_signal_init(&signal->watcher, on_signal, signal_number);
    signal->watcher.data = signal;
    ev_signal_start(loop->ev, &signal->watcher);
    loop->changed = true;
    if (loop->driver != NULL) {
        loop->driver->signal_watched(loop->driver_data, signal_number);
    }
    return signal;
}

void loop_signal_free(struct loop_signal *signal)
{
    if (signal != NULL) {
        ev_signal_stop(signal->loop->ev, &signal->watcher);
        free(signal);
    }
}
