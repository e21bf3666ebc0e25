/*
 * load - many sessions, as fast as the filter ends them or at a given rate.
 *
 * The latency of a session counts from the moment the schedule wanted it, also
 * when it had to wait because as many as allowed were running: a filter that
 * stalls is charged with everybody it kept waiting.
 *
 * Owns the runners, each of which is used again for the next session.
 */
#include "milter-test-server/load.h"

#include "libcore/base/clock.h"
#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/base/schedule.h"
#include "libcore/net/alarm.h"
#include "milter-test-server/load_report.h"
#include "milter-test-server/progress.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOPELESS = 10 }; /* so many sessions in a row without a connection, from the start */

static const double interrupted_seconds = 2; /* what running sessions get after SIGINT */
static const double resting_seconds = 0.1;   /* before a place is used again where nobody listens */

struct runner {
    struct load *load;
    struct session *session;
    uint64_t due;
    struct runner *next; /* idle ones */
};

struct load {
    const struct session_plan *plan;
    const struct load_options *options;
    struct loop *loop;
    struct schedule schedule;
    struct measurement measurement;
    struct runner *runners;
    size_t runner_count; /* in use or used before; never more than the concurrency */
    struct runner *idle;
    struct runner *resting; /* found nobody: idle when the timer fires */
    struct loop_timer *rest;
    struct alarm *alarm;
    uint64_t alarm_time; /* it is set to; 0: not set */
    struct loop_task task;
    struct loop_signal *interrupt;
    struct loop_timer *cut_off;
    const char *stopped; /* why no more sessions are started */
};

static void flush_log(void *owner)
{
    (void)owner;
    log_flush();
}

/* ---- starting */

static uint64_t load_running(const struct load *load)
{
    return load->measurement.started - load->measurement.completed - load->measurement.failed;
}

static struct runner *load_take_runner(struct load *load)
{
    struct runner *runner = load->idle;

    if (runner != NULL) {
        load->idle = runner->next;
    } else if (load->runner_count < load->options->concurrency) {
        runner = load->runners + load->runner_count++;
    }
    return runner;
}

static void load_start_session(struct load *load, struct runner *runner, uint64_t now)
{
    uint64_t number = load->measurement.started++;

    runner->due = load->schedule.rate > 0 ? schedule_time(&load->schedule, number) : now;
    if (load->schedule.rate > 0) {
        histogram_record(load->measurement.histograms + MEASURED_DELAY, now - runner->due);
    }
    session_start(runner->session, (size_t)number * load->plan->messages_per_session);
}

/* Wakes up when the next session is due, or when none is any more. */
static void load_set_alarm(struct load *load, uint64_t now)
{
    const struct schedule *schedule = &load->schedule;
    uint64_t end = schedule->duration > 0 ? schedule->start + schedule->duration : UINT64_MAX;
    uint64_t next = schedule->rate > 0 ? schedule_time(schedule, load->measurement.started) : end;
    uint64_t time = next < end ? next : end;

    /* What is due already waits for a runner, not for the clock. */
    if (time > now && time != UINT64_MAX && time != load->alarm_time) {
        load->alarm_time = time;
        alarm_set(load->alarm, time);
    }
}

static bool load_over(const struct load *load, uint64_t now)
{
    return load_running(load) == 0 &&
           (load->stopped != NULL ||
            schedule_over(&load->schedule, load->measurement.started, now));
}

/* Starts what is due, as far as runners go. */
static void load_go_on(void *owner)
{
    struct load *load = owner;
    uint64_t now = clock_nanoseconds();
    uint64_t due = load->stopped != NULL ? 0 : schedule_due(&load->schedule, now);
    struct runner *runner;

    while (load->measurement.started < due && (runner = load_take_runner(load)) != NULL) {
        load_start_session(load, runner, now);
    }
    if (load_over(load, now)) {
        load->measurement.ended = now;
        loop_stop(load->loop);
    } else {
        load_set_alarm(load, now);
    }
}

static void load_rung(void *owner)
{
    struct load *load = owner;

    load->alarm_time = 0;
    load_go_on(load);
}

/* ---- events of the sessions */

static void runner_replied(void *owner, enum command command, enum verdict verdict,
                           uint64_t nanoseconds)
{
    struct runner *runner = owner;

    measurement_reply(&runner->load->measurement, command, verdict, nanoseconds);
}

static void runner_message_ended(void *owner, const struct session_result *result,
                                 uint64_t nanoseconds)
{
    struct runner *runner = owner;

    measurement_message(&runner->load->measurement, result->status, nanoseconds);
}

/* Where nobody listens a run would be over before a user could read what is wrong. */
static bool load_hopeless(const struct load *load)
{
    const struct measurement *measurement = &load->measurement;

    return measurement->completed == 0 && measurement->failed >= HOPELESS &&
           measurement->bytes_out == 0;
}

static void load_rested(void *owner)
{
    struct load *load = owner;

    while (load->resting != NULL) {
        struct runner *runner = load->resting;

        load->resting = runner->next;
        runner->next = load->idle;
        load->idle = runner;
    }
    load_go_on(load);
}

/* A filter that is gone refuses as fast as it can be asked: that is no measurement. */
static void runner_rest(struct runner *runner)
{
    struct load *load = runner->load;

    runner->next = load->resting;
    load->resting = runner;
    if (!loop_timer_active(load->rest)) {
        loop_timer_start(load->rest, resting_seconds);
    }
}

static void runner_ended(void *owner, const struct session_result *result)
{
    struct runner *runner = owner;
    struct load *load = runner->load;

    measurement_session(&load->measurement, result, runner->due);
    if (!result->complete && result->bytes_written == 0) {
        runner_rest(runner);
    } else {
        runner->next = load->idle;
        load->idle = runner;
    }
    if (load->stopped == NULL && load_hopeless(load)) {
        load->stopped = "no session reached the filter";
    }
    loop_task_post(load->loop, &load->task);
}

static const struct session_handlers runner_handlers = {
    .ended = runner_ended,
    .message_ended = runner_message_ended,
    .replied = runner_replied,
};

/* ---- stopping */

static void load_cut_off(void *owner)
{
    struct load *load = owner;

    for (size_t i = 0; i < load->runner_count; i++) {
        session_cut_off(load->runners[i].session);
    }
}

static void load_interrupted(void *owner, int signal_number)
{
    struct load *load = owner;

    (void)signal_number;
    load->stopped = "interrupted";
    /* The next one kills, as it does without us. */
    loop_signal_free(load->interrupt);
    load->interrupt = NULL;
    loop_timer_start(load->cut_off, interrupted_seconds);
    loop_task_post(load->loop, &load->task);
}

/* ---- all of it */

static bool load_print(const struct load *load)
{
    const struct load_report report = {
        .peer = load->plan->spec,
        .options = load->options,
        .measurement = &load->measurement,
        .stopped = load->stopped,
    };
    struct buffer text = {0};
    struct buffer failures = {0};
    bool written;

    load_report_append(&text, &report);
    written =
        fwrite(text.data + text.start, 1, buffer_length(&text), stdout) == buffer_length(&text) &&
        fflush(stdout) == 0;
    if (!written) {
        fprintf(stderr, "milter-test-server: failed to write the report: %s\n", strerror(errno));
    }
    if (load->stopped != NULL) {
        buffer_append_format(&failures, "stopped: %s\n", load->stopped);
    }
    load_report_failures(&failures, &load->measurement);
    if (load->options->format == LOAD_CSV && buffer_length(&failures) > 0) {
        /* A table has no room for them. */
        (void)fwrite(failures.data, 1, buffer_length(&failures), stderr);
    }
    buffer_clear(&text);
    buffer_clear(&failures);
    return written;
}

static void load_make_runners(struct load *load)
{
    load->runners = memory_new(load->options->concurrency, sizeof(*load->runners));
    for (size_t i = 0; i < load->options->concurrency; i++) {
        struct runner *runner = load->runners + i;

        runner->load = load;
        runner->session = session_new(load->loop, load->plan, &runner_handlers, runner);
    }
}

static void load_begin(struct load *load)
{
    const struct load_options *options = load->options;

    load->measurement.begun = clock_nanoseconds();
    load->schedule = (struct schedule){
        .rate = options->rate,
        .start = load->measurement.begun,
        .duration = (uint64_t)(options->duration * 1e9),
        .limit = options->sessions,
    };
    load->task = (struct loop_task){.callback = load_go_on, .owner = load};
    load->interrupt = loop_signal_new(load->loop, SIGINT, load_interrupted, load);
    load->cut_off = loop_timer_new(load->loop, load_cut_off, load);
    load->rest = loop_timer_new(load->loop, load_rested, load);
    loop_task_post(load->loop, &load->task);
}

static void load_free(struct load *load)
{
    for (size_t i = 0; i < load->options->concurrency; i++) {
        session_free(load->runners[i].session);
    }
    free(load->runners);
    loop_task_cancel(&load->task);
    loop_signal_free(load->interrupt);
    loop_timer_free(load->cut_off);
    loop_timer_free(load->rest);
    alarm_free(load->alarm);
    loop_free(load->loop);
    free(load);
}

bool load_run(const struct session_plan *plan, const struct load_options *options)
{
    struct load *load = NEW(struct load);
    struct error error = {0};
    bool ok = false;

    load->plan = plan;
    load->options = options;
    load->loop = loop_new();
    loop_before_sleep(load->loop, flush_log, NULL);
    load_make_runners(load);
    load->alarm = alarm_new(load->loop, load_rung, load, &error);
    if (load->alarm == NULL) {
        fprintf(stderr, "milter-test-server: %s\n", error.message);
    } else {
        struct progress *progress;

        load_begin(load);
        progress = progress_new(load->loop, &load->measurement);
        loop_run(load->loop);
        log_flush();
        progress_free(progress);
        ok = load_print(load) && load->measurement.failed == 0;
    }
    load_free(load);
    return ok;
}
