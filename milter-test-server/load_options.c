/*
 * load_options - the options of several messages, and of load.  Owns the values
 * given; one command line per process.
 */
#include "milter-test-server/load_options.h"

#include "libcore/base/duration.h"
#include "libcore/base/option_value.h"
#include "libcore/net/limits.h"

#include <string.h>

enum {
    CONCURRENCY = 10,
    CONCURRENCY_OF_RATE = 1000, /* sessions pile up there when the filter is slow */
    RATE_MAXIMUM = 1000000,
    DURATION_MAXIMUM = 366 * 24 * 3600,
};

static struct {
    struct load_options options;
    unsigned sessions;
    bool sessions_given, duration_given, rate_given, concurrency_given, report_given;
} given = {.options = {.messages_per_session = 1}};

static bool take_duration(void *target, const char *value, struct error *error)
{
    (void)target;
    if (!duration_parse(slice_from_string(value), &given.options.duration, error)) {
        return false;
    }
    if (given.options.duration < 1e-9 || given.options.duration > DURATION_MAXIMUM) {
        error_set(error, ERROR_USAGE, "not above 0 and up to %d seconds: <%s>", DURATION_MAXIMUM,
                  value);
        return false;
    }
    return true;
}

static bool take_rate(void *target, const char *value, struct error *error)
{
    (void)target;
    if (!option_parse_seconds(value, &given.options.rate, NULL) || given.options.rate <= 0 ||
        given.options.rate > RATE_MAXIMUM) {
        error_set(error, ERROR_USAGE, "not a number of sessions a second above 0, up to %d: <%s>",
                  RATE_MAXIMUM, value);
        return false;
    }
    return true;
}

static bool take_report(void *target, const char *value, struct error *error)
{
    static const char *const names[] = {"text", "json", "csv"};

    (void)target;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(value, names[i]) == 0) {
            given.options.format = (enum load_format)i;
            return true;
        }
    }
    error_set(error, ERROR_USAGE, "not a form of the report: <%s>; it is text, json or csv", value);
    return false;
}

const struct option_entry load_entries[] = {
    {.name = "n-messages",
     .kind = OPTION_UNSIGNED,
     .target = &given.options.messages_per_session,
     .argument = "N",
     .help = "messages in one connection (default 1)"},
    {.name = "n-sessions",
     .kind = OPTION_UNSIGNED,
     .target = &given.sessions,
     .argument = "N",
     .help = "load: run N sessions in all",
     .given = &given.sessions_given},
    {.name = "duration",
     .kind = OPTION_CALLBACK,
     .callback = take_duration,
     .argument = "DURATION",
     .help = "load: start sessions for that long (30s, 5m)",
     .given = &given.duration_given},
    {.name = "rate",
     .kind = OPTION_CALLBACK,
     .callback = take_rate,
     .argument = "R",
     .help = "load: start R sessions a second, however long they take",
     .given = &given.rate_given},
    {.name = "concurrency",
     .kind = OPTION_UNSIGNED,
     .target = &given.options.concurrency,
     .argument = "N",
     .help = "load: sessions at a time (default 10; with --rate at most 1000)",
     .given = &given.concurrency_given},
    {.name = "report",
     .kind = OPTION_CALLBACK,
     .callback = take_report,
     .argument = "text|json|csv",
     .help = "load: form of the report (default text)",
     .given = &given.report_given},
    {0},
};

static const char *useless_option(void)
{
    if (given.concurrency_given) {
        return "--concurrency";
    }
    return given.report_given ? "--report" : NULL;
}

static bool check_concurrency(struct load_options *options, struct error *error)
{
    if (!given.concurrency_given) {
        unsigned long possible = limits_sessions();
        unsigned usual = options->rate > 0 ? CONCURRENCY_OF_RATE : CONCURRENCY;

        options->concurrency = usual < possible ? usual : (unsigned)possible;
        return true;
    }
    if (options->concurrency == 0) {
        error_set(error, ERROR_USAGE, "--concurrency: with 0 sessions at a time nothing is sent");
        return false;
    }
    return limits_raise(options->concurrency, error);
}

const struct load_options *load_options_check(struct error *error)
{
    struct load_options *options = &given.options;

    options->wanted = given.sessions_given || given.duration_given || given.rate_given;
    if (options->messages_per_session == 0) {
        error_set(error, ERROR_USAGE, "--n-messages: a session sends one message at least");
        return NULL;
    }
    if (given.sessions_given && given.sessions == 0) {
        error_set(error, ERROR_USAGE, "--n-sessions: 0 sessions send nothing");
        return NULL;
    }
    options->sessions = given.sessions;
    if (!options->wanted) {
        if (useless_option() != NULL) {
            error_set(error, ERROR_USAGE,
                      "%s: is for load alone, which --n-sessions, --duration or --rate ask for",
                      useless_option());
            return NULL;
        }
        return options;
    }
    return check_concurrency(options, error) ? options : NULL;
}
