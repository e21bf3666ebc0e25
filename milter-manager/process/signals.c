/*
 * signals - the signals a process of the manager handles in its loop.
 */
#include "milter-manager/process/signals.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIGNALS_MAXIMUM = 8 };

static const int handled[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};
enum { HANDLED = sizeof(handled) / sizeof(handled[0]) };

struct signals {
    struct loop_signal *watched[SIGNALS_MAXIMUM];
};

struct signals *signals_new(struct loop *loop, const struct signal_handler *handlers, void *owner)
{
    struct signals *signals = NEW(struct signals);

    for (unsigned i = 0; i < SIGNALS_MAXIMUM && handlers[i].number != 0; i++) {
        signals->watched[i] = loop_signal_new(loop, handlers[i].number, handlers[i].handler, owner);
    }
    return signals;
}

void signals_free(struct signals *signals)
{
    if (signals == NULL) {
        return;
    }
    for (unsigned i = 0; i < SIGNALS_MAXIMUM; i++) {
        loop_signal_free(signals->watched[i]);
    }
    free(signals);
}

void signals_hold(int how)
{
    sigset_t set;

    (void)sigemptyset(&set);
    for (unsigned i = 0; i < HANDLED; i++) {
        (void)sigaddset(&set, handled[i]);
    }
    (void)sigprocmask(how, &set, NULL);
}

void signals_die(int number)
{
    log_flush();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

void signals_reopen_log(void *owner, int number)
{
    struct error error = {0};

    (void)owner;
    (void)number;
    if (!log_reopen(&error)) {
        log_event(LOG_LEVEL_ERROR, LOG_FIELDS(LOG_TEXT("error", error.message)),
                  "[manager][log][error] %s (as user ID %lu); the former file is written on",
                  error.message, (unsigned long)geteuid());
    }
}

/* ---- before there is a loop */

static volatile sig_atomic_t early_reload, early_reopen;

static void signals_note(int number)
{
    if (number == SIGHUP) {
        early_reload = 1;
    } else if (number == SIGUSR1) {
        early_reopen = 1;
    }
}

void signals_note_early(void)
{
    const struct sigaction action = {.sa_handler = signals_note, .sa_flags = SA_RESTART};

    (void)sigaction(SIGHUP, &action, NULL);
    (void)sigaction(SIGUSR1, &action, NULL);
    (void)sigaction(SIGUSR2, &action, NULL); /* nothing is old enough yet to be replaced */
}

void signals_raise_early(void)
{
    if (early_reload != 0) {
        (void)raise(SIGHUP);
    }
    if (early_reopen != 0) {
        (void)raise(SIGUSR1);
    }
}
