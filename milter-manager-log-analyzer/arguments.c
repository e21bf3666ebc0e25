/*
 * arguments - the command line.
 *
 * Options that contradict each other are refused: one of them would be ignored.
 */
#include "milter-manager-log-analyzer/arguments.h"

#include "milter-manager-log-analyzer/moment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char name[] = "milter-manager-log-analyzer";

/* As given. */
static struct given {
    struct option_strings logs, files;
    const char *directory, *format, *since, *until, *title, *export_format;
    bool update, no_update, follow, quiet;
} given;

static const struct option_entry log_entries[] = {
    {.name = "log",
     .kind = OPTION_STRINGS,
     .target = &given.logs,
     .argument = "FILE",
     .help = "log to read, also a pattern (mail.log*) or packed; again for more; "
             "\"-\" and without any: standard input"},
    {.name = "update-db",
     .kind = OPTION_FLAG,
     .target = &given.update,
     .help = "read what is new in the logs (default)"},
    {.name = "no-update-db",
     .kind = OPTION_FLAG,
     .target = &given.no_update,
     .help = "read no log, draw what is there"},
    {.name = "since",
     .kind = OPTION_STRING,
     .target = &given.since,
     .argument = "TIME",
     .help = "leave out what is older: 2024-05-01T10:00, local unless Z or +02:00 follows; or so "
             "long ago: -1h, -2d"},
    {.name = "until",
     .kind = OPTION_STRING,
     .target = &given.until,
     .argument = "TIME",
     .help = "leave out this and later"},
    {.name = "follow",
     .kind = OPTION_FLAG,
     .target = &given.follow,
     .help = "do not end: read what the logs grow by, also over rotations"},
    {0},
};

static const struct option_entry output_entries[] = {
    {.name = "output-directory",
     .kind = OPTION_STRING,
     .target = &given.directory,
     .argument = "DIRECTORY",
     .help = "of database, graphs and index.html; made when it is missing (default: .)"},
    {.name = "title",
     .kind = OPTION_STRING,
     .target = &given.title,
     .argument = "TEXT",
     .help = "title of the pages"},
    {.name = "format",
     .kind = OPTION_STRING,
     .target = &given.format,
     .argument = "svg|png",
     .help = "of the graphs (default: svg)"},
    {.name = "export",
     .kind = OPTION_STRING,
     .target = &given.export_format,
     .argument = "csv|json",
     .help = "only print the numbers from --since to --until, read nothing, draw nothing"},
    {0},
};

static const struct option_entry general_entries[] = {
    {.name = "quiet",
     .kind = OPTION_FLAG,
     .target = &given.quiet,
     .help = "no progress, and nothing about what was left out"},
    {.name = "help",
     .letter = 'h',
     .kind = OPTION_HELP,
     .maximum = OPTION_ALL_GROUPS,
     .help = "show this help"},
    {.name = "version", .kind = OPTION_VERSION, .help = "show the version"},
    {0},
};

static const struct option_group groups[] = {
    {.title = "Logs", .entries = log_entries},
    {.title = "Output", .entries = output_entries},
    {.title = "General", .entries = general_entries},
};

static const struct option_program program = {
    .name = name,
    .version = MILTER_MANAGER_VERSION,
    .usage = "[FILE...]",
    .summary = "Reads the log of milter-manager, keeps the numbers, and draws them on a page.",
    .groups = groups,
    .group_count = sizeof(groups) / sizeof(groups[0]),
    .words = &given.files,
};

/* ---- what goes together */

struct contradiction {
    bool there;
    const char *sentence;
};

static bool check_contradictions(struct error *error)
{
    bool logs = given.logs.count + given.files.count > 0;
    bool exports = given.export_format != NULL;
    const struct contradiction contradictions[] = {
        {given.update && given.no_update, "either --update-db or --no-update-db"},
        {given.no_update && logs, "--no-update-db reads no log: leave out one or the other"},
        {given.no_update && given.follow,
         "--no-update-db reads no log, --follow does nothing else"},
        {exports && logs, "--export only prints what is stored: read the log by another run"},
        {exports && given.update, "--export only prints what is stored, it cannot --update-db"},
        {exports && given.follow, "--export only prints what is stored, it cannot --follow"},
        {exports && given.title != NULL, "--export draws no page that could have a --title"},
        {exports && given.format != NULL,
         "--export draws no graphs that could have a --format (csv or json belongs to --export)"},
        {given.follow && given.until != NULL, "--follow does not end, so it has no --until"},
        {given.follow && !logs, "--follow needs a file, --log=FILE: standard input ends by itself"},
    };

    for (size_t i = 0; i < sizeof(contradictions) / sizeof(contradictions[0]); i++) {
        if (contradictions[i].there) {
            error_set(error, ERROR_USAGE, "%s", contradictions[i].sentence);
            return false;
        }
    }
    return true;
}

static bool check_logs(const struct arguments *arguments, struct error *error)
{
    size_t inputs = 0;

    for (size_t i = 0; i < arguments->logs.count; i++) {
        if (arguments->logs.items[i][0] == '\0') {
            error_set(error, ERROR_USAGE, "the name of a log is empty");
            return false;
        }
        inputs += strcmp(arguments->logs.items[i], "-") == 0;
    }
    if (inputs > 1) {
        error_set(error, ERROR_USAGE,
                  "standard input can be read only once, \"-\" is there %zu times", inputs);
        return false;
    }
    if (inputs > 0 && given.follow) {
        error_set(error, ERROR_USAGE, "--follow needs files: standard input ends by itself");
        return false;
    }
    return true;
}

/* ---- values */

static bool take_word(const char *option, const char *word, const char *const words[2],
                      unsigned *index, struct error *error)
{
    for (*index = 0; word != NULL && *index < 2; (*index)++) {
        if (strcmp(word, words[*index]) == 0) {
            return true;
        }
    }
    *index = 0;
    if (word != NULL) {
        error_set(error, ERROR_USAGE, "--%s: neither %s nor %s: <%s>", option, words[0], words[1],
                  word);
        return false;
    }
    return true;
}

static bool take_formats(struct arguments *arguments, struct error *error)
{
    static const char *const graphs[] = {[GRAPH_SVG] = "svg", [GRAPH_PNG] = "png"};
    static const char *const exports[] = {[EXPORT_CSV] = "csv", [EXPORT_JSON] = "json"};
    unsigned index = 0;

    if (!take_word("format", given.format, graphs, &index, error)) {
        return false;
    }
    arguments->format = (enum graph_format)index;
    if (!take_word("export", given.export_format, exports, &index, error)) {
        return false;
    }
    arguments->export_format = (enum export_format)index;
    arguments->exports = given.export_format != NULL;
    return true;
}

static bool take_moment(const char *option, const char *text, int64_t now, int64_t *time,
                        struct error *error)
{
    struct error failure = {0};

    if (text == NULL || moment_parse(text, now, time, &failure)) {
        return true;
    }
    error_set(error, ERROR_USAGE, "--%s: %s", option, failure.message);
    return false;
}

static bool take_range(struct arguments *arguments, struct error *error)
{
    if (!take_moment("since", given.since, arguments->now, &arguments->since, error) ||
        !take_moment("until", given.until, arguments->now, &arguments->until, error)) {
        return false;
    }
    if (given.since != NULL && arguments->since >= arguments->now) {
        error_set(error, ERROR_USAGE, "--since is not past: %s", given.since);
        return false;
    }
    if (given.until != NULL && arguments->since >= arguments->until) {
        error_set(error, ERROR_USAGE, "--since is not before --until: %s, %s", given.since,
                  given.until);
        return false;
    }
    return true;
}

static void take_logs(struct arguments *arguments)
{
    for (size_t i = 0; i < given.logs.count; i++) {
        option_strings_add(&arguments->logs, given.logs.items[i]);
    }
    for (size_t i = 0; i < given.files.count; i++) {
        option_strings_add(&arguments->logs, given.files.items[i]);
    }
    if (arguments->logs.count == 0 && arguments->update) {
        option_strings_add(&arguments->logs, "-");
    }
}

static bool take(struct arguments *arguments, struct error *error)
{
    *arguments = (struct arguments){
        .directory = given.directory == NULL ? "." : given.directory,
        .title = given.title,
        .update = !given.no_update && given.export_format == NULL,
        .follow = given.follow,
        .quiet = given.quiet,
        .now = time(NULL),
    };
    if (arguments->directory[0] == '\0') {
        error_set(error, ERROR_USAGE, "--output-directory: the name is empty");
        return false;
    }
    if (given.title != NULL && given.title[0] == '\0') {
        error_set(error, ERROR_USAGE, "--title: it is empty, and pages need one");
        return false;
    }
    take_logs(arguments);
    return check_contradictions(error) && check_logs(arguments, error) &&
           take_formats(arguments, error) && take_range(arguments, error);
}

enum option_outcome arguments_parse(struct arguments *arguments, int argc, char **argv)
{
    struct error error = {0};
    enum option_outcome outcome = options_parse(&program, argc, argv);

    if (outcome == OPTIONS_RUN && !take(arguments, &error)) {
        fprintf(stderr, "%s: %s\n", name, error.message);
        return OPTIONS_EXIT_FAILURE;
    }
    return outcome;
}

void arguments_clear(struct arguments *arguments)
{
    option_strings_clear(&arguments->logs);
    option_strings_clear(&given.logs);
    option_strings_clear(&given.files);
}
