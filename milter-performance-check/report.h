/*
 * report - what a run has found, for people and for programs.
 *
 * Appends to the caller's buffer and prints nothing itself.
 */
#ifndef MILTER_PERFORMANCE_CHECK_REPORT_H
#define MILTER_PERFORMANCE_CHECK_REPORT_H

#include "milter-performance-check/file_records.h"
#include "milter-performance-check/plan.h"

struct report {
    const struct plan *plan;
    const struct measurement *measurement; /* of all workers together */
    const struct mails *mails;
    const struct file_record *files; /* one for each mail file */
    const struct ramp_step *steps;   /* of --ramp */
    unsigned step_count;
    const char *stopped; /* why before its time; NULL: it ran to its end */
    double wall_clock;   /* seconds since 1970 at measurement->begun */
};

/* The lists of files and the report of tools.md section 3; with plan->failure_responses the texts.
 */
void report_append_summary(struct buffer *output, const struct report *report);
/* Percentiles and the rest, behind the summary. */
void report_append_text(struct buffer *output, const struct report *report);
void report_append_json(struct buffer *output, const struct report *report);
void report_append_csv(struct buffer *output, const struct report *report);
/* Draws with gnuplot.  False with *error when that cannot be run: nothing is appended then. */
bool report_append_html(struct buffer *output, const struct report *report, struct error *error);

/*
 * What --fail-on and --max-p99 find wrong: a sentence for each ("12 mails were rejected
 * (--fail-on 5xx)"), one a line.  False: nothing.
 */
bool report_append_verdict(struct buffer *output, const struct report *report);

#endif
