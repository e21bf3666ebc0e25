/*
 * milter-test-server - plays the mail server for one message and reports what
 * the filter made of it.
 *
 * Results go to standard output, everything that went wrong to standard error.
 */
#include "libcore/base/log.h"
#include "milter-test-server/arguments.h"
#include "milter-test-server/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void flush_log(void *owner)
{
    (void)owner;
    log_flush();
}

static void warn_of_surplus(const struct negotiation *surplus)
{
    if (surplus->actions != 0 || surplus->steps != 0) {
        fprintf(stderr,
                "milter-test-server: the filter took what was not offered, ignored: "
                "actions 0x%x, steps 0x%x\n",
                (unsigned)surplus->actions, (unsigned)surplus->steps);
    }
}

static bool print_report(const struct arguments *arguments, const struct session_result *result)
{
    struct buffer text = {0};
    size_t written;

    report_result(&text, result);
    if (arguments->output_message) {
        report_message(&text, &arguments->message, &result->message, arguments->colour);
    }
    written = fwrite(text.data + text.start, 1, buffer_length(&text), stdout);
    if (written < buffer_length(&text) || fflush(stdout) != 0) {
        fprintf(stderr, "milter-test-server: failed to write the report: %s\n", strerror(errno));
        written = 0;
    }
    buffer_clear(&text);
    return written > 0;
}

static bool run(const struct arguments *arguments)
{
    struct loop *loop = loop_new();
    struct session_result result;
    bool ok;

    loop_before_sleep(loop, flush_log, NULL);
    if (arguments->replays) {
        ok = replay_run(loop, &arguments->replay);
        loop_free(loop);
        return ok;
    }
    session_run(loop, &arguments->plan, &result);
    loop_free(loop);
    log_flush();
    warn_of_surplus(&result.surplus);
    if (result.complete) {
        ok = print_report(arguments, &result);
    } else {
        fprintf(stderr, "%s\n", result.error.message);
        ok = false;
    }
    session_result_clear(&result);
    return ok;
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
