/*
 * report_arguments - the options that say what is told, and what counts as failed.
 */
#include "milter-performance-check/arguments.h"

#include "libcore/base/memory.h"

#include <stdlib.h>
#include <string.h>

static struct {
    const char *statistics_path;
    const char *interval;
    bool periodically, failure_responses;
    unsigned fail_on;
    double max_p99;
    struct report_wanted *reports;
    size_t report_count;
} given;

static const char *const format_names[REPORT_FORMATS] = {
    [REPORT_TEXT] = "text",
    [REPORT_JSON] = "json",
    [REPORT_CSV] = "csv",
    [REPORT_HTML] = "html",
};

static bool find_format(struct slice name, enum report_format *format)
{
    for (size_t i = 0; i < REPORT_FORMATS; i++) {
        if (slice_equal_string(name, format_names[i])) {
            *format = (enum report_format)i;
            return true;
        }
    }
    return false;
}

static bool take_report(void *target, const char *value, struct error *error)
{
    struct report_wanted wanted = {0};
    size_t length = strcspn(value, ":");

    (void)target;
    if (!find_format(slice_of(value, length), &wanted.format)) {
        error_set(error, ERROR_USAGE,
                  "not a form of the report: <%s>; it is text, json, csv or html, and :FILE behind "
                  "it if it is to go to a file",
                  value);
        return false;
    }
    if (value[length] == ':') {
        wanted.path = value + length + 1;
        if (wanted.path[0] == '\0') {
            error_set(error, ERROR_USAGE, "the name of the file is missing: <%s>", value);
            return false;
        }
    }
    given.reports = memory_resize(given.reports, given.report_count + 1, sizeof(*given.reports));
    given.reports[given.report_count++] = wanted;
    return true;
}

static bool take_fail_on(void *target, const char *value, struct error *error)
{
    static const struct {
        const char *name;
        unsigned bit;
    } kinds[] = {{"4xx", FAIL_ON_4XX}, {"5xx", FAIL_ON_5XX}, {"error", FAIL_ON_ERROR}};
    const char *word = value;

    (void)target;
    for (;;) {
        size_t length = strcspn(word, ",");
        unsigned bit = 0;

        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
            if (slice_equal_ignoring_case(slice_of(word, length),
                                          slice_from_string(kinds[i].name))) {
                bit = kinds[i].bit;
            }
        }
        if (bit == 0) {
            error_set(error, ERROR_USAGE,
                      "not something to fail on: <%.*s>; it is 4xx, 5xx, error or several of them "
                      "with commas",
                      (int)length, word);
            return false;
        }
        given.fail_on |= bit;
        if (word[length] == '\0') {
            return true;
        }
        word += length + 1;
    }
}

static bool take_max_p99(void *target, const char *value, struct error *error)
{
    (void)target;
    return arguments_take_duration(&given.max_p99, value, false, error);
}

const struct option_entry report_entries[] = {
    {.name = "report",
     .kind = OPTION_CALLBACK,
     .callback = take_report,
     .argument = "text|json|csv|html[:FILE]",
     .help = "report with percentiles, to a file or standard output; may "
             "be given several times"},
    {.name = "report-statistics-data",
     .kind = OPTION_STRING,
     .target = &given.statistics_path,
     .argument = "FILE",
     .help = "write time, duration and size of each mail as CSV"},
    {.name = "report-failure-responses",
     .kind = OPTION_FLAG,
     .target = &given.failure_responses,
     .help = "list the texts of refusals and errors at the end"},
    {.name = "no-report-failure-responses",
     .kind = OPTION_FLAG_OFF,
     .target = &given.failure_responses,
     .help = "do not (default)"},
    {.name = "report-periodically",
     .kind = OPTION_OPTIONAL_STRING,
     .target = &given.interval,
     .given = &given.periodically,
     .argument = "DURATION",
     .help = "print a line every DURATION (1s)"},
    {.name = "fail-on",
     .kind = OPTION_CALLBACK,
     .callback = take_fail_on,
     .argument = "4xx|5xx|error[,...]",
     .help = "end with 1 when there was such an answer, or an error"},
    {.name = "max-p99",
     .kind = OPTION_CALLBACK,
     .callback = take_max_p99,
     .argument = "DURATION",
     .help = "end with 1 when 1 mail in 100 took longer"},
    {0},
};

bool report_arguments_check(struct plan *plan, struct error *error)
{
    size_t on_output = 0;

    plan->report_interval = given.periodically ? 1 : 0;
    if (given.periodically && given.interval[0] != '\0' &&
        !arguments_take_duration(&plan->report_interval, given.interval, false, error)) {
        return false;
    }
    for (size_t i = 0; i < given.report_count; i++) {
        on_output += given.reports[i].path == NULL && given.reports[i].format != REPORT_TEXT;
    }
    if (on_output > 1 || (on_output == 1 && plan->report_interval > 0)) {
        error_set(
            error, ERROR_USAGE,
            "--report: only one form that programs read can go to standard output, and nothing "
            "beside it; name a file for the others (--report json:FILE)");
        return false;
    }
    plan->statistics_path = given.statistics_path;
    plan->failure_responses = given.failure_responses;
    plan->fail_on = given.fail_on;
    plan->max_p99 = given.max_p99;
    plan->reports = given.reports;
    plan->report_count = given.report_count;
    return true;
}

void report_arguments_clear(void)
{
    free(given.reports);
}
