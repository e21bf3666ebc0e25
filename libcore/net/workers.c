/*
 * workers - processes that do the same work side by side, and their supervisor.
 *
 * The supervisor has no event loop: it sleeps in sigtimedwait until a signal
 * comes or a worker may be replaced.  Owns the processes it forked, never waits
 * for others.
 */
#include "libcore/net/workers.h"

#include "libcore/base/clock.h"
#include "libcore/base/log.h"
#include "libcore/base/memory.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

/* A worker that lived shorter has died at once: the next one waits twice as long as the last. */
static const double short_life = 5;
static const double first_pause = 0.1;
static const double longest_pause = 10;

struct worker {
    pid_t pid; /* 0: there is none */
    double started;
    double pause; /* seconds before the next one; 0: none */
    double due;   /* while there is none: when the next one is to be forked */
};

struct supervisor {
    const struct workers_options *options;
    struct worker *workers;
    sigset_t awaited;
    sigset_t before;
    unsigned stops; /* INT and TERM that have come */
    sigset_t heard; /* which of the two */
    bool killed;    /* one has come again */
    bool unclean;   /* a worker ended badly after the first of them */
};

static void supervisor_complain(const struct supervisor *supervisor, const char *sentence)
{
    if (supervisor->options->complain != NULL) {
        supervisor->options->complain(supervisor->options->owner, sentence);
    }
    log_flush();
}

/* ---- forking */

static void become_worker(const struct supervisor *supervisor, pid_t parent)
{
    (void)setpgid(0, 0);
#ifdef __linux__
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* elsewhere a worker outlives a killed supervisor */
#endif
    if (getppid() != parent) {
        _exit(EXIT_FAILURE); /* it has died before it could be watched */
    }
    (void)sigprocmask(SIG_SETMASK, &supervisor->before, NULL);
}

/* 0 in the worker; else its number, or -1. */
static pid_t worker_start(struct supervisor *supervisor, struct worker *worker)
{
    pid_t parent = getpid();

    log_flush(); /* or the worker would write it, too */
    pid_t pid = fork();
    if (pid == 0) {
        become_worker(supervisor, parent);
    } else if (pid > 0) {
        (void)setpgid(pid, pid); /* whoever comes first */
        worker->pid = pid;
        worker->started = clock_seconds();
    }
    return pid;
}

static void worker_postpone(struct worker *worker)
{
    worker->pause = worker->pause <= 0 ? first_pause : 2 * worker->pause;
    if (worker->pause > longest_pause) {
        worker->pause = longest_pause;
    }
    worker->due = clock_seconds() + worker->pause;
}

/* True in a worker. */
static bool supervisor_replace(struct supervisor *supervisor, unsigned *number)
{
    double now = clock_seconds();

    for (unsigned i = 0; i < supervisor->options->count && supervisor->stops == 0; i++) {
        struct worker *worker = &supervisor->workers[i];
        pid_t pid;

        if (worker->pid != 0 || worker->due > now) {
            continue;
        }
        pid = worker_start(supervisor, worker);
        if (pid == 0) {
            *number = i;
            return true;
        }
        if (pid < 0) {
            char sentence[256];
            int reason = errno;

            worker_postpone(worker);
            (void)snprintf(sentence, sizeof(sentence),
                           "cannot fork worker %u: %s; trying again in %g seconds", i,
                           strerror(reason), worker->pause);
            supervisor_complain(supervisor, sentence);
        }
    }
    return false;
}

/* ---- dying */

static void describe_end(int status, char *text, size_t size)
{
    if (WIFSIGNALED(status)) {
        (void)snprintf(text, size, "was killed by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    } else {
        (void)snprintf(text, size, "ended with status %d", WEXITSTATUS(status));
    }
}

static void worker_ended(struct supervisor *supervisor, unsigned number, int status)
{
    struct worker *worker = &supervisor->workers[number];
    bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    char end[128], sentence[256];
    pid_t pid = worker->pid;

    worker->pid = 0;
    if (supervisor->stops > 0) {
        /* One that was stopped before it was ready has ended as it was told. */
        bool told =
            WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM);

        supervisor->unclean = supervisor->unclean || !(well || told);
        return;
    }
    if (clock_seconds() - worker->started < short_life) {
        worker_postpone(worker);
    } else {
        worker->pause = worker->due = 0;
    }
    describe_end(status, end, sizeof(end));
    (void)snprintf(sentence, sizeof(sentence), "worker %u (process %ld) %s; the next one follows%s",
                   number, (long)pid, end, worker->pause > first_pause ? " a little later" : "");
    supervisor_complain(supervisor, sentence);
}

static void supervisor_bury(struct supervisor *supervisor)
{
    for (unsigned i = 0; i < supervisor->options->count; i++) {
        pid_t pid = supervisor->workers[i].pid;
        int status = 0;

        if (pid != 0 && waitpid(pid, &status, WNOHANG) == pid) {
            worker_ended(supervisor, i, status);
        }
    }
}

static bool supervisor_is_done(const struct supervisor *supervisor)
{
    if (supervisor->stops == 0) {
        return false;
    }
    for (unsigned i = 0; i < supervisor->options->count; i++) {
        if (supervisor->workers[i].pid != 0) {
            return false;
        }
    }
    return true;
}

/* ---- signals */

static void supervisor_pass_on(const struct supervisor *supervisor, int signal_number)
{
    for (unsigned i = 0; i < supervisor->options->count; i++) {
        if (supervisor->workers[i].pid != 0) {
            (void)kill(supervisor->workers[i].pid, signal_number);
        }
    }
}

static void supervisor_await(struct supervisor *supervisor)
{
    (void)sigemptyset(&supervisor->heard);
    (void)sigemptyset(&supervisor->awaited);
    (void)sigaddset(&supervisor->awaited, SIGCHLD);
    (void)sigaddset(&supervisor->awaited, SIGINT);
    (void)sigaddset(&supervisor->awaited, SIGTERM);
    for (const int *passed = supervisor->options->passed_signals; passed != NULL && *passed != 0;
         passed++) {
        (void)sigaddset(&supervisor->awaited, *passed);
    }
    (void)signal(SIGCHLD, SIG_DFL); /* where it is ignored nobody learns of a death */
    (void)sigprocmask(SIG_BLOCK, &supervisor->awaited, &supervisor->before);
}

/* Seconds until the next worker is due; -1: none is. */
static double supervisor_patience(const struct supervisor *supervisor)
{
    double now = clock_seconds(), patience = -1;

    for (unsigned i = 0; i < supervisor->options->count && supervisor->stops == 0; i++) {
        const struct worker *worker = &supervisor->workers[i];
        double seconds = worker->due > now ? worker->due - now : 0;

        if (worker->pid == 0 && (patience < 0 || seconds < patience)) {
            patience = seconds;
        }
    }
    return patience;
}

/* What is passed on.  A worker that waits for its output hears nothing but the last word. */
static int supervisor_stop(struct supervisor *supervisor, int signal_number)
{
    if (supervisor->stops++ == 0 && supervisor->options->stopping != NULL) {
        supervisor->options->stopping(supervisor->options->owner);
    }
    if (sigismember(&supervisor->heard, signal_number) == 1) {
        supervisor->killed = true;
        return SIGKILL;
    }
    (void)sigaddset(&supervisor->heard, signal_number);
    return signal_number;
}

/* Sleeps until a signal comes or a worker is due. */
static void supervisor_sleep(struct supervisor *supervisor)
{
    double seconds = supervisor_patience(supervisor);
    struct timespec patience = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    int signal_number = sigtimedwait(&supervisor->awaited, NULL, seconds < 0 ? NULL : &patience);

    if (signal_number <= 0 || signal_number == SIGCHLD) {
        return;
    }
    if (signal_number == SIGINT || signal_number == SIGTERM) {
        signal_number = supervisor_stop(supervisor, signal_number);
    }
    supervisor_pass_on(supervisor, signal_number);
}

/* ---- the whole */

static bool supervisor_succeeded(const struct supervisor *supervisor, struct error *error)
{
    if (supervisor->killed) {
        error_set(error, ERROR_SYSTEM, "stopped a second time: the workers were ended at once");
    } else if (supervisor->unclean) {
        error_set(error, ERROR_SYSTEM, "a worker did not stop in order");
    } else {
        return true;
    }
    return false;
}

enum workers_outcome workers_run(const struct workers_options *options, unsigned *number,
                                 struct error *error)
{
    struct supervisor supervisor = {
        .options = options,
        .workers = memory_new(options->count, sizeof(struct worker)),
    };
    enum workers_outcome outcome;
    bool worker = false;

    supervisor_await(&supervisor);
    if (options->ready != NULL) {
        options->ready(options->owner);
    }
    while (!worker && !supervisor_is_done(&supervisor)) {
        worker = supervisor_replace(&supervisor, number);
        if (!worker) {
            supervisor_sleep(&supervisor);
            supervisor_bury(&supervisor);
        }
    }
    if (worker) {
        outcome = WORKERS_WORKER;
    } else {
        (void)sigprocmask(SIG_SETMASK, &supervisor.before, NULL);
        outcome = supervisor_succeeded(&supervisor, error) ? WORKERS_STOPPED : WORKERS_FAILED;
    }
    free(supervisor.workers);
    return outcome;
}
