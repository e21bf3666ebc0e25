/*
 * options - the command line of milter-manager (milter-manager-cli.md section 1).
 *
 * What overrides an item becomes a list of overrides that wins at every load
 * of the configuration, the first and every later one.
 */
#ifndef MILTER_MANAGER_OPTIONS_H
#define MILTER_MANAGER_OPTIONS_H

#include "libcore/base/options.h"
#include "milter-manager/ruby/loader.h"

#include <stdio.h>

enum { MANAGER_OPTIONS_OVERRIDES = 17 };

struct explain_arguments;

struct manager_options {
    const char *config_directory; /* NULL: not given */
    bool show_config, check_config;
    bool control;                            /* ask the manager that runs (control/client.h) */
    const struct explain_arguments *explain; /* NULL: not wanted */
    bool syslog;                             /* log to syslog from the start on */
    const char *syslog_facility;             /* NULL: not given */
    const char *log_level, *log_path;
    struct configuration_override overrides[MANAGER_OPTIONS_OVERRIDES];
    unsigned override_count;
};

/*
 * Fills *options.  Messages go to standard error; the caller ends with 0 or 1
 * unless the outcome is OPTIONS_RUN.
 */
enum option_outcome manager_options_parse(struct manager_options *options, int argc, char **argv);

/*
 * What the command line says of logging takes effect at once, before any file
 * is read: --verbose, --log-path, --syslog, ...
 */
bool manager_options_start_log(const struct manager_options *options, struct error *error);

/* The command line gives that item ("log.path", say) its value. */
bool manager_options_override(const struct manager_options *options, const char *key);

/*
 * Loads the configuration with the overrides; engine_start first.  NULL with
 * the first message in *error; all messages go to report, warnings to warn, or
 * to the log when NULL.
 */
struct configuration *manager_options_load(const struct manager_options *options,
                                           configuration_report_fn *report,
                                           configuration_report_fn *warn, void *report_owner,
                                           struct error *error);

/*
 * The whole of --show-config: loads and prints to stream.  Log lines and error
 * messages go to standard error, so that the output is nothing but
 * configuration.  False: the messages were printed.
 */
bool manager_options_show(const struct manager_options *options, FILE *stream);

#endif
