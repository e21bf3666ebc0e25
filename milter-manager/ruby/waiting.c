/*
 * waiting - what the Fiber scheduler needs of the event loop.
 *
 * Native.wait(fd, events, seconds) registers one wait and gives its number;
 * when it is over, Engine.woken(number, events) is called from the loop, once.
 * Native.forget ends a wait early.  Owns the watchers and timers.
 *
 * The time of thousands may be over at once: they are told in portions, between
 * which the loop looks after others.
 */
#include "libcore/base/clock.h"
#include "libcore/base/memory.h"
#include "milter-manager/ruby/binding.h"
#include "milter-manager/ruby/slots.h"

#include <stdlib.h>

struct waiting {
    uint64_t number;
    struct loop_io *io;
    struct loop_timer *timer;
    struct waiting *next, **link; /* link != NULL: its time is over, it is to be told */
};

static struct slots waits;
static struct loop_task ready_task;

/* s that telling whose time is over may take in a turn of the loop. */
static const double portion = 0.002;

static struct {
    double turn;  /* loop_now of the turn in which somebody was told last */
    double since; /* when that began, monotonic s */
    struct waiting *first, **end;
    struct loop_timer *timer; /* for the next portion; NULL until there is one */
} overdue = {.end = &overdue.first};

static void overdue_add(struct waiting *waiting)
{
    waiting->next = NULL;
    waiting->link = overdue.end;
    *overdue.end = waiting;
    overdue.end = &waiting->next;
}

static void overdue_remove(struct waiting *waiting)
{
    if (waiting->link == NULL) {
        return;
    }
    *waiting->link = waiting->next;
    if (waiting->next == NULL) {
        overdue.end = waiting->link;
    } else {
        waiting->next->link = waiting->link;
    }
    waiting->link = NULL;
}

static bool portion_is_over(void)
{
    double turn = loop_now(binding_loop());
    double now = clock_seconds();

    if (overdue.turn != turn) {
        overdue.turn = turn;
        overdue.since = now;
    }
    return now - overdue.since >= portion;
}

static void waiting_free(struct waiting *waiting)
{
    overdue_remove(waiting);
    if (waiting->io != NULL) {
        loop_io_free(waiting->io);
    }
    if (waiting->timer != NULL) {
        loop_timer_free(waiting->timer);
    }
    free(waiting);
}

static void wake(struct waiting *waiting, unsigned events)
{
    VALUE arguments[] = {ULL2NUM(waiting->number), UINT2NUM(events)};
    VALUE answers;

    (void)slots_remove(&waits, waiting->number);
    waiting_free(waiting);
    if (binding_call("woken", 2, arguments, &answers)) {
        condition_deliver(answers);
    }
}

static void io_ready(void *owner, unsigned events)
{
    wake(owner, events);
}

static void tell_overdue(void *owner)
{
    (void)owner;
    while (overdue.first != NULL && !portion_is_over()) {
        wake(overdue.first, 0);
    }
    if (overdue.first != NULL) {
        loop_timer_start(overdue.timer, 0);
    }
}

static void time_is_over(void *owner)
{
    if (overdue.first == NULL && !portion_is_over()) {
        wake(owner, 0);
        return;
    }
    overdue_add(owner);
    if (overdue.timer == NULL) {
        overdue.timer = loop_timer_new(binding_loop(), tell_overdue, NULL);
    }
    if (!loop_timer_active(overdue.timer)) {
        loop_timer_start(overdue.timer, 0);
    }
}

static void run_ready(void *owner)
{
    VALUE answers;

    (void)owner;
    if (binding_call("run_ready", 0, NULL, &answers)) {
        condition_deliver(answers);
    }
}

/* fd -1: none; events LOOP_READ | LOOP_WRITE; seconds nil: no limit.  False without a loop. */
static VALUE native_wait(VALUE self, VALUE fd, VALUE events, VALUE seconds)
{
    struct loop *loop = binding_loop();
    struct waiting *waiting;

    (void)self;
    if (loop == NULL) {
        return Qfalse;
    }
    waiting = NEW(struct waiting);
    waiting->number = slots_add(&waits, waiting);
    if (FIX2INT(fd) >= 0) {
        waiting->io = loop_io_new(loop, FIX2INT(fd), io_ready, waiting);
        loop_io_watch(waiting->io, FIX2UINT(events));
    }
    if (RB_FLOAT_TYPE_P(seconds)) {
        waiting->timer = loop_timer_new(loop, time_is_over, waiting);
        loop_timer_start(waiting->timer, RFLOAT_VALUE(seconds));
    }
    return ULL2NUM(waiting->number);
}

static VALUE native_forget(VALUE self, VALUE number)
{
    struct waiting *waiting = slots_remove(&waits, NUM2ULL(number));

    (void)self;
    if (waiting != NULL) {
        waiting_free(waiting);
    }
    return Qnil;
}

/* Engine.run_ready is called before the loop sleeps the next time. */
static VALUE native_post(VALUE self)
{
    (void)self;
    if (binding_loop() != NULL) {
        ready_task.callback = run_ready;
        loop_task_post(binding_loop(), &ready_task);
    }
    return Qnil;
}

void waiting_define(void)
{
    BINDING_DEFINE("wait", native_wait, 3);
    BINDING_DEFINE("forget", native_forget, 1);
    BINDING_DEFINE("post", native_post, 0);
}

void waiting_clear(void)
{
    struct waiting *waiting;

    loop_task_cancel(&ready_task);
    while ((waiting = slots_take_any(&waits)) != NULL) {
        waiting_free(waiting);
    }
    slots_clear(&waits);
    if (overdue.timer != NULL) {
        loop_timer_free(overdue.timer);
        overdue.timer = NULL;
    }
}
