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

static bool in_child;

bool forking_in_child(void)
{
    return in_child;
}

void forking_end_child(int status)
{
    if (in_child) {
        log_flush();
        ruby_stop(status);
    }
}

/* What is collected would be written twice. */
static VALUE native_fork_begin(VALUE self)
{
    (void)self;
    log_flush();
    return Qnil;
}

/* In the child: signals mean what they mean to any program. */
static VALUE native_fork_child(VALUE self)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGALRM};
    sigset_t none;

    (void)self;
    in_child = true;
    binding_abandon_loop();
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)signal(numbers[i], SIG_DFL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
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
    BINDING_DEFINE("in_child?", native_in_child, 0);
    BINDING_DEFINE("end_child", native_end_child, 1);
}
