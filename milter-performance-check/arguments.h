/*
 * arguments - the command line (tools.md section 3), one table for each subject.
 *
 * Values given stay for the life of the process.
 */
#ifndef MILTER_PERFORMANCE_CHECK_ARGUMENTS_H
#define MILTER_PERFORMANCE_CHECK_ARGUMENTS_H

#include "libcore/base/options.h"
#include "milter-performance-check/plan.h"

/*
 * Fills the plan and resolves its servers.  Any outcome but OPTIONS_RUN: all has been
 * said already.
 */
enum option_outcome arguments_parse(struct plan *plan, int argc, char **argv);
void arguments_clear(struct plan *plan);

/* ---- the subjects: a table each, and what is to be checked when all of it is known */

extern const struct option_entry mail_entries[], server_entries[], load_entries[], report_entries[];

/* Of the mails; words: paths. */
extern struct option_strings mail_paths;
bool mail_arguments_check(struct plan *plan, struct error *error);
/* --n-mails was given. */
bool mail_arguments_counted(void);
bool server_arguments_check(struct plan *plan, struct error *error);
bool load_arguments_check(struct plan *plan, struct error *error);
bool report_arguments_check(struct plan *plan, struct error *error);
/* Give back what the options hold; a plan made of them is not usable afterwards. */
void mail_arguments_clear(void);
void server_arguments_clear(void);
void report_arguments_clear(void);

/* A duration of the command line, above 0 unless zero_too; the sentence says what is wrong. */
bool arguments_take_duration(double *seconds, const char *value, bool zero_too,
                             struct error *error);

#endif
