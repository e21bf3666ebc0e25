/*
 * milter-manager - a milter that manages other milters.
 *
 * What the command line asks for: the daemon (start.h), or an answer.
 */
#include "libcore/base/log.h"
#include "libcore/net/activation.h"
#include "libcore/net/process.h"
#include "milter-manager/check/check.h"
#include "milter-manager/control/client.h"
#include "milter-manager/explain/explain.h"
#include "milter-manager/options.h"
#include "milter-manager/process/signals.h"
#include "milter-manager/process/upgrade.h"
#include "milter-manager/ruby/engine.h"
#include "milter-manager/start.h"

#include <stdio.h>
#include <stdlib.h>

/* Not one of the questions that are answered at once. */
static bool main_is_daemon(const struct manager_options *options)
{
    return !options->control && !options->check_config && !options->show_config &&
           options->explain == NULL;
}

int main(int argc, char **argv)
{
    struct manager_options options;
    struct error error = {0};
    enum option_outcome outcome;
    int status;

    upgrade_remember(argv);
    process_ignore_broken_pipes();
    process_learn_of_deaths();
    log_open("milter-manager");
    outcome = manager_options_parse(&options, argc, argv);
    if (outcome != OPTIONS_RUN) {
        return outcome == OPTIONS_EXIT_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    if (main_is_daemon(&options)) {
        signals_note_early();
    }
    if (!manager_options_start_log(&options, &error) || !activation_begin(&error) ||
        !engine_start(&error)) {
        (void)fprintf(stderr, "milter-manager: %s\n", error.message);
        return EXIT_FAILURE;
    }
    if (options.control) {
        status = (int)client_run(&options, stdout);
    } else if (options.check_config) {
        status = check_run(&options, stdout);
    } else if (options.show_config) {
        status = manager_options_show(&options, stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
    } else if (options.explain != NULL) {
        status = explain_run(&options, stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
    } else {
        status = start_run(&options);
    }
    log_close();
    return status;
}
