/*
 * forking - what becomes of a process that configuration code forks.
 *
 * It runs the code after its fork and ends: it never goes on as a second
 * manager, and from the first moment neither the event loop nor the
 * connections, which it shares with its parent, are its business.
 */
#include "milter-manager/ruby/binding.h"

#include "libcore/base/log.h"

#include <signal.h>
#include <stdlib.h>

static bool in_child;
static sigset_t former_mask;

/* What the manager handles in its loop, and the signal of turn.c. */
static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGALRM};
enum { HANDLED = sizeof(handled) / sizeof(handled[0]) };

bool forking_in_child(void)
{
    return in_child;
}

void forking_end_child(int status)
{
    if (in_child) {
        log_flush();
        /* at_exit, open files: as at the end of any Ruby program */
        (void)ruby_cleanup(0);
        exit(status);
    }
}

/*
 * What is collected of the log would be written twice; signals have to wait until
 * it is clear in which process they are.
 */
static VALUE native_fork_begin(VALUE self)
{
    sigset_t signals;

    (void)self;
    log_flush();
    (void)sigemptyset(&signals);
    for (unsigned i = 0; i < HANDLED; i++) {
        (void)sigaddset(&signals, handled[i]);
    }
    (void)sigprocmask(SIG_BLOCK, &signals, &former_mask);
    return Qnil;
}

/* In the child: signals mean what they mean to any program. */
static VALUE native_fork_child(VALUE self)
{
    (void)self;
    in_child = true;
    binding_abandon_loop();
    for (unsigned i = 0; i < HANDLED; i++) {
        (void)signal(handled[i], SIG_DFL);
    }
    return Qnil;
}

/* In both. */
static VALUE native_fork_end(VALUE self)
{
    (void)self;
    (void)sigprocmask(SIG_SETMASK, &former_mask, NULL);
    return Qnil;
}

static VALUE native_in_child(VALUE self)
{
    (void)self;
    return in_child ? Qtrue : Qfalse;
}

/* Does not return in a child; does nothing in the manager itself. */
static VALUE native_end_child(VALUE self, VALUE status)
{
    (void)self;
    forking_end_child(FIX2INT(status));
    return Qnil;
}

void forking_define(void)
{
    BINDING_DEFINE("fork_begin", native_fork_begin, 0);
    BINDING_DEFINE("fork_child", native_fork_child, 0);
    BINDING_DEFINE("fork_end", native_fork_end, 0);
    BINDING_DEFINE("in_child?", native_in_child, 0);
    BINDING_DEFINE("end_child", native_end_child, 1);
}
