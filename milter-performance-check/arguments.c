/*
 * arguments - the command line.
 */
#include "milter-performance-check/arguments.h"

#include "libcore/base/buffer.h"
#include "libcore/base/duration.h"
#include "libcore/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DURATION_MAXIMUM = 366 * 24 * 3600 };

bool arguments_take_duration(double *seconds, const char *value, bool zero_too, struct error *error)
{
    double duration = 0;

    if (!duration_parse(slice_from_string(value), &duration, error)) {
        return false;
    }
    if ((duration <= 0 && !zero_too) || duration > DURATION_MAXIMUM) {
        error_set(error, ERROR_USAGE, "not %s and up to %d seconds: <%s>",
                  zero_too ? "0 or more" : "above 0", DURATION_MAXIMUM, value);
        return false;
    }
    *seconds = duration;
    return true;
}

static const struct option_entry general_entries[] = {
    {.name = "help",
     .letter = 'h',
     .kind = OPTION_HELP,
     .maximum = OPTION_ALL_GROUPS,
     .help = "show this help"},
    {.name = "version", .kind = OPTION_VERSION, .help = "show the version"},
    {0},
};

static const struct option_group groups[] = {
    {.title = "Server and connection", .entries = server_entries},
    {.title = "Mails", .entries = mail_entries},
    {.title = "Load", .entries = load_entries},
    {.title = "Report", .entries = report_entries},
    {.title = "General", .entries = general_entries},
};

static const struct option_program program = {
    .name = "milter-performance-check",
    .version = MILTER_MANAGER_VERSION,
    .usage = "[FILE|DIRECTORY|-]...",
    .summary = "Sends mails to an SMTP server, measures how long it takes, and reports.",
    .groups = groups,
    .group_count = sizeof(groups) / sizeof(groups[0]),
    .words = &mail_paths,
};

static char *line_as_typed;

/* As typed, for reports; but no password. */
static char *command_line(int argc, char **argv)
{
    static const char *const secret = "--auth-password";
    struct buffer text = {0};
    char *line;

    for (int i = 0; i < argc; i++) {
        size_t length = strlen(secret);
        bool hidden = strncmp(argv[i], secret, length) == 0;

        if (i > 0) {
            buffer_append_byte(&text, ' ');
        }
        buffer_append_string(&text, hidden ? secret : argv[i]);
        if (hidden) {
            buffer_append_string(&text, argv[i][length] == '=' ? "=..." : " ...");
            i += argv[i][length] == '=' ? 0 : 1;
        }
    }
    line = memory_copy_bytes(buffer_slice(&text).data, buffer_length(&text));
    buffer_clear(&text);
    return line;
}

static bool check(struct plan *plan, struct error *error)
{
    return mail_arguments_check(plan, error) && load_arguments_check(plan, error) &&
           report_arguments_check(plan, error) && server_arguments_check(plan, error);
}

enum option_outcome arguments_parse(struct plan *plan, int argc, char **argv)
{
    struct error error = {0};
    char *line = command_line(argc, argv);
    enum option_outcome outcome = options_parse(&program, argc, argv);

    line_as_typed = line;
    plan->command_line = line;
    if (outcome == OPTIONS_RUN && !check(plan, &error)) {
        fprintf(stderr, "%s: %s\n", program.name, error.message);
        return OPTIONS_EXIT_FAILURE;
    }
    return outcome;
}

void arguments_clear(struct plan *plan)
{
    mail_arguments_clear();
    server_arguments_clear();
    report_arguments_clear();
    servers_clear(&plan->servers);
    free(line_as_typed);
}
