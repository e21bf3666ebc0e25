/*
 * workers - processes that do the same work side by side, and their supervisor.
 *
 * Owns the processes it forked, never waits for others.  The supervisor without
 * an event loop sleeps in sigtimedwait until a signal comes or a worker may be
 * replaced.
 */
#include "libcore/net/workers.h"

#include "libcore/base/clock.h"
#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

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

struct workers {
    struct workers_options options;
    struct worker *all;
    unsigned stops; /* INT and TERM that have come */
    sigset_t heard; /* which of the two */
    bool killed;    /* one has come again */
    bool unclean;   /* a worker ended badly after the first of them */
};

struct workers *workers_new(const struct workers_options *options)
{
    struct workers *workers = NEW(struct workers);

    workers->options = *options;
    workers->all = memory_new(options->count, sizeof(struct worker));
    (void)sigemptyset(&workers->heard);
    return workers;
}

void workers_free(struct workers *workers)
{
    if (workers != NULL) {
        free(workers->all);
        free(workers);
    }
}

static void workers_complain(const struct workers *workers, const char *sentence)
{
    if (workers->options.complain != NULL) {
        workers->options.complain(workers->options.owner, sentence);
    }
    log_flush();
}

static void workers_tell_ended(const struct workers *workers, unsigned number, bool begun)
{
    if (workers->options.ended != NULL) {
        workers->options.ended(workers->options.owner, number, begun);
    }
}

/* ---- forking */

static void become_worker(pid_t parent)
{
    (void)setpgid(0, 0);
    process_follow_parent(parent);
}

/* 0 in the worker; else its number, or -1. */
static pid_t worker_start(struct workers *workers, unsigned number)
{
    struct worker *worker = &workers->all[number];
    pid_t parent = getpid();
    pid_t pid;

    if (workers->options.starting != NULL) {
        workers->options.starting(workers->options.owner, number);
    }
    log_flush(); /* or the worker would write it, too */
    pid = workers->options.fork != NULL ? workers->options.fork() : fork();
    if (pid == 0) {
        become_worker(parent);
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

static void worker_failed(struct workers *workers, unsigned number, int reason)
{
    struct worker *worker = &workers->all[number];
    char sentence[256];

    worker_postpone(worker);
    (void)snprintf(sentence, sizeof(sentence),
                   "cannot fork worker %u: %s; trying again in %g seconds", number,
                   strerror(reason), worker->pause);
    workers_complain(workers, sentence);
    workers_tell_ended(workers, number, false);
}

bool workers_start(struct workers *workers, unsigned *number)
{
    double now = clock_seconds();

    for (unsigned i = 0; i < workers->options.count && workers->stops == 0; i++) {
        const struct worker *worker = &workers->all[i];
        pid_t pid;

        if (worker->pid != 0 || worker->due > now) {
            continue;
        }
        pid = worker_start(workers, i);
        if (pid == 0) {
            *number = i;
            return true;
        }
        if (pid < 0) {
            worker_failed(workers, i, errno);
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

static void worker_ended(struct workers *workers, unsigned number, int status)
{
    struct worker *worker = &workers->all[number];
    bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    char end[128], sentence[256];
    pid_t pid = worker->pid;

    worker->pid = 0;
    if (workers->stops > 0) {
        /* One that was stopped before it was ready has ended as it was told. */
        bool told =
            WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM);

        workers->unclean = workers->unclean || !(well || told);
        workers_tell_ended(workers, number, true);
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
    workers_complain(workers, sentence);
    workers_tell_ended(workers, number, true);
}

void workers_bury(struct workers *workers)
{
    for (unsigned i = 0; i < workers->options.count; i++) {
        pid_t pid = workers->all[i].pid, buried;
        int status = 0;

        if (pid == 0) {
            continue;
        }
        buried = waitpid(pid, &status, WNOHANG);
        /* Somebody else in this process may have waited for any child: how it ended is lost. */
        if (buried == pid || (buried < 0 && errno == ECHILD)) {
            worker_ended(workers, i, status);
        }
    }
}

pid_t workers_process(const struct workers *workers, unsigned number)
{
    return workers->all[number].pid;
}

/* ---- signals and the end */

void workers_signal(const struct workers *workers, int signal_number)
{
    for (unsigned i = 0; i < workers->options.count; i++) {
        if (workers->all[i].pid != 0) {
            (void)kill(workers->all[i].pid, signal_number);
        }
    }
}

/* A worker that waits for its output hears nothing but the last word. */
void workers_stop(struct workers *workers, int signal_number)
{
    workers->stops++;
    if (sigismember(&workers->heard, signal_number) == 1) {
        workers->killed = true;
        workers_signal(workers, SIGKILL);
        return;
    }
    (void)sigaddset(&workers->heard, signal_number);
    workers_signal(workers, signal_number);
}

bool workers_stopped(const struct workers *workers)
{
    return workers->stops > 0;
}

bool workers_gone(const struct workers *workers)
{
    if (workers->stops == 0) {
        return false;
    }
    for (unsigned i = 0; i < workers->options.count; i++) {
        if (workers->all[i].pid != 0) {
            return false;
        }
    }
    return true;
}

bool workers_ended_well(const struct workers *workers, struct error *error)
{
    if (workers->killed) {
        error_set(error, ERROR_SYSTEM, "stopped a second time: the workers were ended at once");
    } else if (workers->unclean) {
        error_set(error, ERROR_SYSTEM, "a worker did not stop in order");
    } else {
        return true;
    }
    return false;
}

double workers_patience(const struct workers *workers)
{
    double now = clock_seconds(), patience = -1;

    for (unsigned i = 0; i < workers->options.count && workers->stops == 0; i++) {
        const struct worker *worker = &workers->all[i];
        double seconds = worker->due > now ? worker->due - now : 0;

        if (worker->pid == 0 && (patience < 0 || seconds < patience)) {
            patience = seconds;
        }
    }
    return patience;
}

/* ---- a supervisor without a loop */

static void supervisor_await(const struct workers_supervision *supervision, sigset_t *awaited,
                             sigset_t *before)
{
    (void)sigemptyset(awaited);
    (void)sigaddset(awaited, SIGCHLD);
    (void)sigaddset(awaited, SIGINT);
    (void)sigaddset(awaited, SIGTERM);
    for (const int *passed = supervision->passed_signals; passed != NULL && *passed != 0;
         passed++) {
        (void)sigaddset(awaited, *passed);
    }
    process_learn_of_deaths();
    (void)sigprocmask(SIG_BLOCK, awaited, before);
}

/* Sleeps until a signal comes or a worker is due. */
static void supervisor_sleep(struct workers *workers, const struct workers_supervision *supervision,
                             const sigset_t *awaited)
{
    double seconds = workers_patience(workers);
    struct timespec patience = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    int signal_number = sigtimedwait(awaited, NULL, seconds < 0 ? NULL : &patience);

    if (signal_number == SIGINT || signal_number == SIGTERM) {
        if (workers->stops == 0 && supervision->stopping != NULL) {
            supervision->stopping(workers->options.owner);
        }
        workers_stop(workers, signal_number);
    } else if (signal_number > 0 && signal_number != SIGCHLD) {
        workers_signal(workers, signal_number);
    }
}

enum workers_outcome workers_run(const struct workers_options *options,
                                 const struct workers_supervision *supervision, unsigned *number,
                                 struct error *error)
{
    struct workers *workers = workers_new(options);
    enum workers_outcome outcome = WORKERS_WORKER;
    sigset_t awaited, before;
    bool worker = false;

    supervisor_await(supervision, &awaited, &before);
    if (supervision->ready != NULL) {
        supervision->ready(options->owner);
    }
    while (!worker && !workers_gone(workers)) {
        worker = workers_start(workers, number);
        if (!worker) {
            supervisor_sleep(workers, supervision, &awaited);
            workers_bury(workers);
        }
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (!worker) {
        outcome = workers_ended_well(workers, error) ? WORKERS_STOPPED : WORKERS_FAILED;
    }
    workers_free(workers);
    return outcome;
}
