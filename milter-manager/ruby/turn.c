/*
 * turn - how long code of the administrator runs without waiting.
 *
 * Native.turn_begin(seconds) and Native.turn_end enclose such code.  Code that
 * goes on for longer holds up every session, so a timer of the system sends a
 * signal whose Ruby handler (Engine.overdue) interrupts it.  Owns that timer.
 *
 * The timer is only armed when it would not fire in time and looks at the clock
 * when it fires: beginning and ending usually cost no system call.
 */
#include "milter-manager/ruby/binding.h"

#include "libcore/base/clock.h"
#include "libcore/base/log.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What code that was interrupted in vain gets in addition, s. */
static const double turn_grace = 1.0;
/* What at_exit, finalizers and the ends of threads get together, s. */
enum { TURN_LAST = 5 };
/* How much later than its limit a turn may end without another system call, s. */
static const double turn_tolerance = 0.01;

static struct {
    bool running;
    double since;           /* monotonic s */
    double limit;           /* s */
    unsigned interruptions; /* so far */
} turn;

static timer_t timer;
static bool timer_made, timer_armed, timer_refused;
static double timer_due; /* monotonic s */

static bool make_timer(void)
{
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};

    if (!timer_made && !timer_refused) {
        timer_made = timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
        timer_refused = !timer_made;
        if (timer_refused) {
            log_warning("[ruby] conditions that never wait cannot be interrupted: timer_create: %s",
                        strerror(errno));
        }
    }
    return timer_made;
}

static void arm_timer(double seconds)
{
    double whole;
    double rest = modf(seconds, &whole);
    /* Zero would disarm it. */
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)whole, .tv_nsec = (long)(rest * 1e9) + 1}};

    if (make_timer()) {
        timer_armed = timer_settime(timer, 0, &when, NULL) == 0;
        timer_due = clock_seconds() + seconds;
    }
}

/* seconds nil: it may run for as long as it likes. */
static VALUE native_turn_begin(VALUE self, VALUE seconds)
{
    (void)self;
    turn.running = !NIL_P(seconds) && !forking_in_child();
    if (turn.running) {
        turn.limit = NUM2DBL(seconds);
        turn.since = clock_seconds();
        turn.interruptions = 0;
        /* While limits are the same it is never due too late. */
        if (!timer_armed || timer_due > turn.since + turn.limit + turn_tolerance) {
            arm_timer(turn.limit);
        }
    }
    return Qnil;
}

/* The seconds of the turn that ends, nil when there were none. */
static VALUE native_turn_end(VALUE self)
{
    bool running = turn.running;

    (void)self;
    turn.running = false;
    return running ? rb_float_new(turn.limit) : Qnil;
}

/* Called for the signal: how often the code that runs should have ended; 0: all is well. */
static VALUE native_turn_overdue(VALUE self)
{
    double left;

    (void)self;
    timer_armed = false;
    if (!turn.running) {
        return INT2FIX(0);
    }
    left = turn.since + turn.limit + turn.interruptions * turn_grace - clock_seconds();
    if (left > 0) {
        arm_timer(left);
        return INT2FIX(0);
    }
    turn.interruptions++;
    arm_timer(turn_grace);
    return UINT2NUM(turn.interruptions);
}

void turn_define(void)
{
    BINDING_DEFINE("turn_begin", native_turn_begin, 1);
    BINDING_DEFINE("turn_end", native_turn_end, 0);
    BINDING_DEFINE("turn_overdue", native_turn_overdue, 0);
}

void turn_stop(void)
{
    turn.running = false;
}

static void last_overdue(int number)
{
    static const char text[] = "milter-manager: Ruby code that runs at the end goes on for too "
                               "long: ended without it\n";

    (void)number;
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(EXIT_SUCCESS);
}

void turn_last(void)
{
    if (timer_made) {
        (void)timer_delete(timer);
        timer_made = timer_armed = false;
    }
    log_flush();
    (void)signal(SIGALRM, last_overdue);
    (void)alarm(TURN_LAST);
}

void turn_over(void)
{
    (void)alarm(0);
}

void turn_after_fork(void)
{
    timer_made = timer_armed = false;
}
