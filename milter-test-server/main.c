/*
 * milter-test-server - plays the mail server, once, several times or under load,
 * and reports what the filter made of it.
 *
 * Results go to standard output, everything that went wrong to standard error.
 */
#include "libcore/base/log.h"
#include "milter-test-server/arguments.h"
#include "milter-test-server/load.h"
#include "milter-test-server/parallel.h"

#include <stdio.h>
#include <stdlib.h>

static bool run(const struct arguments *arguments)
{
    const struct parallel parallel = {
        .plan = &arguments->plan,
        .sessions = arguments->sessions,
        .output_message = arguments->output_message,
        .colour = arguments->colour,
    };

    if (arguments->replays) {
        return replay_run(&arguments->replay);
    }
    return arguments->load->wanted ? load_run(&arguments->plan, arguments->load)
                                   : parallel_run(&parallel);
}

int main(int argc, char **argv)
{
    static struct arguments arguments;
    enum option_outcome outcome = arguments_parse(&arguments, argc, argv);
    bool ok = false;

    if (outcome != OPTIONS_RUN) {
        arguments_clear(&arguments);
        return outcome == OPTIONS_EXIT_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    log_open(arguments.plan.name);
    if (arguments.plan.spec == NULL) {
        fprintf(stderr, "Failed to connect: no filter is named, use --connection-spec\n");
    } else {
        ok = run(&arguments);
    }
    log_close();
    arguments_clear(&arguments);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
