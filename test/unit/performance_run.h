/*
 * performance_run - a run of milter-performance-check that never was, for the tests of its
 * reports.  Include it in one file of a program: it stands in for mails.c.
 */
#ifndef TEST_UNIT_PERFORMANCE_RUN_H
#define TEST_UNIT_PERFORMANCE_RUN_H

#include "milter-performance-check/report.h"

#include "libcore/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* ---- mail files */

static const char *const performance_run_files[3] = {"a.eml", "b.eml", "c.eml"};
static const char *const *performance_run_many; /* NULL: those three */
static size_t performance_run_file_count;

size_t mails_file_count(const struct mails *mails)
{
    (void)mails;
    return performance_run_file_count;
}

const char *mails_file_name(const struct mails *mails, size_t file)
{
    (void)mails;
    return performance_run_many != NULL ? performance_run_many[file] : performance_run_files[file];
}

/* ---- the run */

enum { RUN_BEGUN = 1000000000 }; /* nanoseconds */

struct performance_run {
    struct plan plan;
    struct server server;
    struct measurement measurement;
    struct file_record files[3];
    struct ramp_step *steps;
    struct report report;
};

static inline struct performance_run *performance_run_new(void)
{
    struct performance_run *run = NEW(struct performance_run);

    run->server.name = "mx.example.net:25";
    run->plan.servers = (struct servers){.each = &run->server, .count = 1};
    run->plan.connections = 10;
    run->plan.workers = 2;
    run->plan.mails_per_connection = 1;
    run->plan.reading_timeout = 60;
    run->plan.command_line = "milter-performance-check --smtp-server mx.example.net";
    measurement_begin(&run->measurement, RUN_BEGUN, 0);
    run->report = (struct report){
        .plan = &run->plan,
        .measurement = &run->measurement,
        .files = run->files,
        .wall_clock = 1795777200, /* 2026-11-27T11:00:00Z */
    };
    return run;
}

static inline void performance_run_free(struct performance_run *run)
{
    free(run->steps);
    free(run);
}

/* A mail that was due and ended so many milliseconds after the beginning. */
static inline void performance_run_mail(struct performance_run *run, uint64_t due, uint64_t ended,
                                        enum outcome outcome, const char *text)
{
    const struct mail_result result = {
        .due = RUN_BEGUN + due * 1000000,
        .started = RUN_BEGUN + due * 1000000,
        .ended = RUN_BEGUN + ended * 1000000,
        .outcome = outcome,
        .accepted = outcome == OUTCOME_SENT ? 1 : 0,
        .refused = outcome == OUTCOME_REJECT ? 1 : 0,
        .file = MAILS_NO_FILE,
        .size = 1000,
        .scheduled = run->plan.rate > 0,
        .text = text,
    };

    run->measurement.started++;
    (void)measurement_mail(&run->measurement, &result);
}

/* Room for so many steps of a ramp. */
static inline void performance_run_ramp(struct performance_run *run, unsigned count)
{
    run->plan.ramps = true;
    run->steps = memory_new(count, sizeof(*run->steps));
    run->report.steps = run->steps;
    run->report.step_count = count;
}

/* NUL-terminated; free it. */
static inline char *performance_run_text(struct performance_run *run,
                                         void (*append)(struct buffer *output,
                                                        const struct report *report))
{
    struct buffer output = {0};
    char *text;

    append(&output, &run->report);
    text = memory_copy_bytes(buffer_slice(&output).data, buffer_length(&output));
    buffer_clear(&output);
    return text;
}

#endif
