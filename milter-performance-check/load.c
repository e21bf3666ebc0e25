/*
 * load - one worker.
 *
 * A mail counts from the moment the schedule wanted it, also when it had to wait because
 * as many connections as allowed were in use: a server that stalls is charged with
 * everything it kept waiting.  Owns the runners, one for each connection; each is used
 * again for the next.
 */
#include "milter-performance-check/load.h"

#include "libcore/base/clock.h"
#include "libcore/base/memory.h"
#include "libcore/base/schedule.h"
#include "libcore/net/alarm.h"

#include <stdlib.h>

enum {
    TIRED = 10,          /* connections in a row that came to nothing, before there is a pause */
    HOPELESS = 200,      /* so many from the start, and nothing else: nobody is there */
    OVERLOADED_STEPS = 2 /* of a ramp, one after the other, and it ends */
};

static const double stopping_seconds = 2;   /* what mails on their way get after load_stop */
static const double resting_seconds = 0.02; /* before the next connection to nobody */
static const double patience = 2; /* step lengths that mails of a step may be late to start */

enum runner_state {
    RUNNER_FREE,    /* no connection; in the list of free ones */
    RUNNER_BUSY,    /* has a mail, or takes its leave */
    RUNNER_WAITING, /* has a connection and waits for the next mail; in the list of waiting ones */
    RUNNER_RESTING, /* its connection came to nothing; free when the timer fires */
};

struct runner {
    struct load *load;
    struct session *session;
    enum runner_state state;
    struct runner *next; /* in the list of its state */
    struct mail mail;
    unsigned mails; /* given to this connection */
};

struct load {
    struct load_options options;
    struct session_context context;
    struct runner *runners;
    unsigned runner_count; /* in use or used before; never more than the plan's connections */
    unsigned connected;    /* runners that have a connection, or are making one */
    struct runner *lists[RUNNER_RESTING + 1];
    struct schedule schedule;
    uint64_t scheduled; /* mails that were started by this schedule */
    uint64_t number;    /* mails that were started */
    uint64_t running;   /* mails on their way */
    bool warming_up;
    unsigned step; /* of a ramp */
    unsigned overloaded_steps;
    uint64_t next_server;
    unsigned failures; /* connections in a row that came to nothing */
    bool reached;      /* one connection came to something */
    struct alarm *alarm;
    uint64_t alarm_time; /* it is set to; 0: not set */
    struct loop_task task;
    struct loop_timer *rest, *cut_off;
    const char *stopped;
    struct text_counts complaints;
};

/* ---- lists of runners */

static void runner_enter(struct runner *runner, enum runner_state state)
{
    struct runner **link = runner->load->lists + runner->state;

    while (*link != NULL && *link != runner) {
        link = &(*link)->next;
    }
    if (*link == runner) {
        *link = runner->next;
    }
    runner->state = state;
    if (state != RUNNER_BUSY) {
        runner->next = runner->load->lists[state];
        runner->load->lists[state] = runner;
    }
}

/* One with a connection is best. */
static struct runner *load_take_runner(struct load *load)
{
    struct runner *runner = load->lists[RUNNER_WAITING];

    if (runner == NULL) {
        runner = load->lists[RUNNER_FREE];
    }
    if (runner == NULL && load->runner_count < load->options.plan->connections) {
        runner = load->runners + load->runner_count++;
    }
    return runner;
}

/* ---- schedules */

static struct schedule plan_schedule(const struct plan *plan, uint64_t start)
{
    return (struct schedule){
        .rate = plan->rate,
        .start = start,
        .duration = (uint64_t)(plan->duration * 1e9),
        .limit = plan->mail_limit,
    };
}

/* Mails of several workers at a rate go turn by turn. */
static uint64_t worker_offset(const struct load *load)
{
    const struct plan *plan = load->options.plan;

    return plan->rate > 0 ? (uint64_t)(load->options.worker * 1e9 / (plan->rate * plan->workers))
                          : 0;
}

static void load_begin_schedule(struct load *load, struct schedule schedule)
{
    load->schedule = schedule;
    load->scheduled = 0;
}

static void load_begin_step(struct load *load, uint64_t now)
{
    const struct plan *plan = load->options.plan;
    struct ramp_step *step = load->options.steps + load->step;

    step->rate = ramp_rate(&plan->ramp, load->step);
    step->started = now;
    *load->options.step_count = load->step + 1;
    load_begin_schedule(load, (struct schedule){
                                  .rate = step->rate,
                                  .start = now,
                                  .duration = (uint64_t)(plan->ramp.step_seconds * 1e9),
                              });
}

static void load_begin_measured(struct load *load)
{
    uint64_t start = load->options.measurement->begun + worker_offset(load);

    load->warming_up = false;
    if (load->options.plan->ramps) {
        load_begin_step(load, start);
    } else {
        load_begin_schedule(load, plan_schedule(load->options.plan, start));
    }
}

/*
 * What comes first, the warm-up or the thing itself.  Measuring begins for all workers at
 * the same time: one whose turn is later has a shorter warm-up, or none.
 */
static void load_begin(struct load *load)
{
    const struct plan *plan = load->options.plan;
    struct schedule schedule = plan_schedule(plan, load->options.start + worker_offset(load));
    uint64_t begun = load->options.measurement->begun;

    load->warming_up = schedule.start < begun;
    if (load->warming_up) {
        schedule.rate = plan->ramps ? plan->ramp.from : plan->rate;
        schedule.duration = begun - schedule.start;
        schedule.limit = 0;
        load_begin_schedule(load, schedule);
    } else {
        load_begin_measured(load);
    }
}

/* Mails that were due long ago and found no connection are given up, or no step would end. */
static void load_give_up_late(struct load *load, uint64_t now)
{
    const struct plan *plan = load->options.plan;
    uint64_t limit =
        load->schedule.start + (uint64_t)(plan->ramp.step_seconds * 1e9 * (1 + patience));
    uint64_t due = schedule_due(&load->schedule, now);

    if (now >= limit && due > load->scheduled) {
        load->options.steps[load->step].abandoned += due - load->scheduled;
        load->scheduled = due;
    }
}

static void load_end_step(struct load *load, uint64_t now)
{
    const struct plan *plan = load->options.plan;

    if (load->options.steps != NULL && *load->options.step_count > load->step) {
        struct ramp_step *step = load->options.steps + load->step;

        if (step->sent + step->failed + step->abandoned == 0) {
            *load->options.step_count = load->step; /* interrupted before it began */
            return;
        }
        if (step->ended > 0) {
            return;
        }
        step->ended = now;
        if (load->stopped != NULL) {
            ramp_interrupt(step);
        } else {
            ramp_judge(step, load->options.steps, plan->ramp.step_seconds, plan->max_p99);
        }
    }
}

/* True when the ramp has one more step. */
static bool load_next_step(struct load *load, uint64_t now)
{
    const struct ramp *ramp = &load->options.plan->ramp;
    bool overloaded;

    load_end_step(load, now);
    overloaded = load->options.steps[load->step].overload != NULL;
    load->overloaded_steps = overloaded ? load->overloaded_steps + 1 : 0;
    if (load->overloaded_steps >= OVERLOADED_STEPS || load->step + 1 >= ramp_step_count(ramp)) {
        return false;
    }
    load->step++;
    load_begin_step(load, now);
    loop_task_post(load->options.loop, &load->task);
    return true;
}

/* ---- starting */

static void load_start_mail(struct load *load, struct runner *runner, uint64_t now)
{
    const struct plan *plan = load->options.plan;
    bool scheduled = load->schedule.rate > 0;
    uint64_t due;

    due = scheduled ? schedule_time(&load->schedule, load->scheduled) : now;
    load->scheduled++;
    load->running++;
    load->options.measurement->started += load->warming_up ? 0 : 1;
    mails_take(load->options.mails, load->number++, &runner->mail);
    runner->mail.due = due;
    if (runner->state == RUNNER_WAITING) {
        runner_enter(runner, RUNNER_BUSY);
        runner->mails++;
        session_send(runner->session, &runner->mail);
    } else {
        struct server *server =
            plan->servers.each + (load->next_server++ + load->options.worker) % plan->servers.count;

        runner_enter(runner, RUNNER_BUSY);
        runner->mails = 1;
        load->connected++;
        session_start(runner->session, server, &runner->mail);
    }
}

/* Wakes up when the next mail is due, or when none is any more. */
static void load_set_alarm(struct load *load, uint64_t now)
{
    const struct schedule *schedule = &load->schedule;
    uint64_t end = schedule->duration > 0 ? schedule->start + schedule->duration : UINT64_MAX;
    uint64_t next = schedule->rate > 0 ? schedule_time(schedule, load->scheduled) : end;
    uint64_t time = next < end ? next : end;

    if (schedule->start > now) {
        time = schedule->start;
    } else if (load->options.plan->ramps && now >= end) {
        time = schedule->start +
               (uint64_t)(load->options.plan->ramp.step_seconds * 1e9 * (1 + patience));
    }
    /* What is due already waits for a runner, not for the clock. */
    if (time > now && time != UINT64_MAX && time != load->alarm_time) {
        load->alarm_time = time;
        alarm_set(load->alarm, time);
    }
}

/* True when no further mail is to be started. */
static bool load_schedule_over(struct load *load, uint64_t now)
{
    if (load->stopped != NULL) {
        return true;
    }
    if (load->warming_up || !schedule_over(&load->schedule, load->scheduled, now)) {
        return false;
    }
    return !load->options.plan->ramps || (load->running == 0 && !load_next_step(load, now));
}

static void load_leave(struct load *load)
{
    struct runner *runner;

    while ((runner = load->lists[RUNNER_WAITING]) != NULL) {
        runner_enter(runner, RUNNER_BUSY);
        session_quit(runner->session);
    }
}

/* Starts what is due, as far as runners go. */
static void load_go_on(void *owner)
{
    struct load *load = owner;
    uint64_t now = clock_nanoseconds();
    struct runner *runner;
    uint64_t due;

    if (load->warming_up && now >= load->schedule.start + load->schedule.duration) {
        load_begin_measured(load);
    }
    if (load->options.plan->ramps && !load->warming_up && load->stopped == NULL) {
        load_give_up_late(load, now);
    }
    due = load->stopped != NULL ? 0 : schedule_due(&load->schedule, now);
    while (load->scheduled < due && (runner = load_take_runner(load)) != NULL) {
        load_start_mail(load, runner, now);
    }
    if (!load_schedule_over(load, now)) {
        load_set_alarm(load, now);
        return;
    }
    load_leave(load);
    if (load->connected == 0) {
        load_end_step(load, now);
        load->options.over(load->options.owner);
    }
}

static void load_rung(void *owner)
{
    struct load *load = owner;

    load->alarm_time = 0;
    load_go_on(load);
}

/* ---- events of the sessions */

/* Once for each sentence. */
static void load_complain(struct load *load, const char *sentence)
{
    if (text_counts_add(&load->complaints, sentence, 1)) {
        load->options.complain(load->options.owner, sentence);
    }
}

static void load_note_step(struct load *load, const struct runner *runner,
                           const struct mail_result *result)
{
    struct ramp_step *step = load->options.steps + load->step;

    if (runner->mail.due < step->started) {
        return; /* of the warm-up */
    }
    step->sent += result->outcome == OUTCOME_SENT ? 1 : 0;
    step->failed += result->outcome == OUTCOME_SENT ? 0 : 1;
    histogram_record(&step->mail, result->ended - runner->mail.due);
}

static void load_note(struct load *load, const struct runner *runner, struct mail_result result)
{
    struct measurement *measurement = load->options.measurement;

    result.due = runner->mail.due;
    result.scheduled = load->schedule.rate > 0;
    measurement_mail(measurement, &result);
    if (result.outcome == OUTCOME_ERROR) {
        load_complain(load, result.text);
    }
    if (result.due < measurement->begun) {
        return;
    }
    file_records_note(load->options.files, &result);
    if (load->options.steps != NULL) {
        load_note_step(load, runner, &result);
    }
    if (load->options.statistics != NULL) {
        statistics_add(load->options.statistics, load->options.worker, result.ended,
                       result.ended - result.due, result.size);
    }
}

static void runner_mail_ended(void *owner, const struct mail_result *result)
{
    struct runner *runner = owner;
    struct load *load = runner->load;

    load_note(load, runner, *result);
    load->running--;
    if (session_open(runner->session)) {
        load->reached = true;
        load->failures = 0;
        if (load->stopped == NULL && runner->mails < load->options.plan->mails_per_connection) {
            runner_enter(runner, RUNNER_WAITING);
        } else {
            session_quit(runner->session);
        }
    }
    loop_task_post(load->options.loop, &load->task);
}

static void load_rested(void *owner)
{
    struct load *load = owner;

    while (load->lists[RUNNER_RESTING] != NULL) {
        runner_enter(load->lists[RUNNER_RESTING], RUNNER_FREE);
    }
    load_go_on(load);
}

static void runner_ended(void *owner, const struct error *error)
{
    struct runner *runner = owner;
    struct load *load = runner->load;

    if (error != NULL) {
        load_complain(load, error->message);
    }
    load->connected--;
    load->failures = error != NULL ? load->failures + 1 : 0;
    load->reached = load->reached || error == NULL;
    if (load->failures > TIRED) {
        runner_enter(runner, RUNNER_RESTING);
        if (!loop_timer_active(load->rest)) {
            loop_timer_start(load->rest, resting_seconds);
        }
    } else {
        runner_enter(runner, RUNNER_FREE);
    }
    /* One that is still to be greeted may yet come to something. */
    if (!load->reached && load->failures >= HOPELESS && load->connected == 0) {
        load_stop(load, "no connection came to anything");
    }
    loop_task_post(load->options.loop, &load->task);
}

static const struct session_handlers runner_handlers = {
    .mail_ended = runner_mail_ended,
    .ended = runner_ended,
};

/* ---- stopping */

static void load_cut_off(void *owner)
{
    struct load *load = owner;

    for (unsigned i = 0; i < load->runner_count; i++) {
        session_cut_off(load->runners[i].session);
    }
}

void load_stop(struct load *load, const char *why)
{
    if (load->stopped == NULL) {
        load->stopped = why;
        loop_timer_start(load->cut_off, stopping_seconds);
        loop_task_post(load->options.loop, &load->task);
    }
}

const char *load_stopped(const struct load *load)
{
    return load->stopped;
}

/* ---- birth and death */

static bool load_make_contexts(struct load *load, struct error *error)
{
    const struct plan *plan = load->options.plan;

    load->context = (struct session_context){
        .loop = load->options.loop,
        .plan = plan,
        .measurement = load->options.measurement,
    };
    if (plan->client.secured || plan->client.starttls != SMTP_STARTTLS_NEVER) {
        load->context.tls = tls_context_new(plan->tls_verify, plan->tls_ca, error);
        if (load->context.tls == NULL) {
            return false;
        }
    }
    for (size_t i = 0; i < plan->servers.count; i++) {
        if (plan->servers.each[i].credentials.user != NULL) {
            load->context.sasl = sasl_context_new(error);
            return load->context.sasl != NULL;
        }
    }
    return true;
}

static void load_make_runners(struct load *load)
{
    unsigned count = load->options.plan->connections;

    load->runners = memory_new(count, sizeof(*load->runners));
    for (unsigned i = 0; i < count; i++) {
        struct runner *runner = load->runners + i;

        runner->load = load;
        runner->session = session_new(&load->context, &runner_handlers, runner);
    }
}

struct load *load_new(const struct load_options *options, struct error *error)
{
    struct load *load = NEW(struct load);

    load->options = *options;
    load->task = (struct loop_task){.callback = load_go_on, .owner = load};
    load->alarm = alarm_new(options->loop, load_rung, load, error);
    load->rest = loop_timer_new(options->loop, load_rested, load);
    load->cut_off = loop_timer_new(options->loop, load_cut_off, load);
    if (load->alarm == NULL || !load_make_contexts(load, error)) {
        load_free(load);
        return NULL;
    }
    load_make_runners(load);
    load_begin(load);
    loop_task_post(options->loop, &load->task);
    return load;
}

void load_free(struct load *load)
{
    if (load == NULL) {
        return;
    }
    for (unsigned i = 0; load->runners != NULL && i < load->options.plan->connections; i++) {
        session_free(load->runners[i].session);
        mail_clear(&load->runners[i].mail);
    }
    free(load->runners);
    loop_task_cancel(&load->task);
    loop_timer_free(load->rest);
    loop_timer_free(load->cut_off);
    alarm_free(load->alarm);
    tls_context_free(load->context.tls);
    sasl_context_free(load->context.sasl);
    free(load);
}
