/*
 * load_arguments - the options that say how much is sent, and when.
 */
#include "milter-performance-check/arguments.h"

#include "libcore/base/option_value.h"
#include "libcore/net/limits.h"

#include <string.h>
#include <unistd.h>

enum { CONNECTIONS_OF_RATE = 1000, RATE_MAXIMUM = 1000000, WORKERS_MAXIMUM = 1024 };

static const double step_seconds = 5;

static struct {
    unsigned connections, workers, mails_per_connection;
    double period, interval, rate, duration, warm_up, reading_timeout;
    struct ramp ramp;
    bool flood, connections_given, period_given, interval_given, rate_given, ramp_given,
        ramp_step_given;
} given = {.connections = 1, .workers = 1, .mails_per_connection = 1, .reading_timeout = 60};

static bool take_duration(void *target, const char *value, struct error *error)
{
    return arguments_take_duration(target, value, false, error);
}

static bool take_warm_up(void *target, const char *value, struct error *error)
{
    return arguments_take_duration(target, value, true, error);
}

static bool take_rate(void *target, const char *value, struct error *error)
{
    double *rate = target;

    if (!option_parse_seconds(value, rate, NULL) || *rate <= 0 || *rate > RATE_MAXIMUM) {
        error_set(error, ERROR_USAGE, "not a number of mails a second above 0, up to %d: <%s>",
                  RATE_MAXIMUM, value);
        return false;
    }
    return true;
}

static bool take_ramp(void *target, const char *value, struct error *error)
{
    return ramp_parse(value, target, error);
}

static const char *flood_value;

const struct option_entry load_entries[] = {
    {.name = "n-concurrent-connections",
     .kind = OPTION_UNSIGNED,
     .target = &given.connections,
     .given = &given.connections_given,
     .argument = "N",
     .help = "connections at a time (1; where mails have their times at most 1000)"},
    {.name = "n-workers",
     .kind = OPTION_UNSIGNED,
     .target = &given.workers,
     .maximum = WORKERS_MAXIMUM,
     .argument = "N",
     .help = "processes, each of which sends all mails (1)"},
    {.name = "messages-per-connection",
     .kind = OPTION_UNSIGNED,
     .target = &given.mails_per_connection,
     .argument = "N",
     .help = "mails in one connection (1)"},
    {.name = "period",
     .kind = OPTION_CALLBACK,
     .callback = take_duration,
     .target = &given.period,
     .given = &given.period_given,
     .argument = "DURATION",
     .help = "spread all mails of each worker over that time (30s, 5m)"},
    {.name = "interval",
     .kind = OPTION_CALLBACK,
     .callback = take_duration,
     .target = &given.interval,
     .given = &given.interval_given,
     .argument = "DURATION",
     .help = "start a mail every DURATION in each worker, however long the others take"},
    {.name = "rate",
     .kind = OPTION_CALLBACK,
     .callback = take_rate,
     .target = &given.rate,
     .given = &given.rate_given,
     .argument = "R",
     .help = "start R mails a second, of all workers together, however long the others take"},
    {.name = "ramp",
     .kind = OPTION_CALLBACK,
     .callback = take_ramp,
     .target = &given.ramp,
     .given = &given.ramp_given,
     .argument = "FROM:TO:STEP",
     .help = "try rates one after another, up to the one the server cannot keep up with"},
    {.name = "ramp-step",
     .kind = OPTION_CALLBACK,
     .callback = take_duration,
     .target = &given.ramp.step_seconds,
     .given = &given.ramp_step_given,
     .argument = "DURATION",
     .help = "how long each rate of --ramp is tried (5s)"},
    {.name = "flood",
     .kind = OPTION_OPTIONAL_STRING,
     .target = &flood_value,
     .given = &given.flood,
     .argument = "DURATION",
     .help = "begin the list of mails again and again, for that long or without end"},
    {.name = "warm-up",
     .kind = OPTION_CALLBACK,
     .callback = take_warm_up,
     .target = &given.warm_up,
     .argument = "DURATION",
     .help = "send that long before measuring begins"},
    {.name = "reading-timeout",
     .kind = OPTION_CALLBACK,
     .callback = take_duration,
     .target = &given.reading_timeout,
     .argument = "DURATION",
     .help = "how long the server may be silent (60s)"},
    {0},
};

/* "--flood mails/" means the directory, not a duration. */
static bool take_flood(struct error *error)
{
    struct error trouble = {0};

    if (!given.flood || flood_value[0] == '\0') {
        return true;
    }
    if (arguments_take_duration(&given.duration, flood_value, false, &trouble)) {
        return true;
    }
    if (strcmp(flood_value, "-") == 0 || access(flood_value, F_OK) == 0) {
        option_strings_add(&mail_paths, flood_value);
        return true;
    }
    error_set(error, ERROR_USAGE, "--flood: %s", trouble.message);
    return false;
}

/* What says when mails start; only one of them can. */
static bool check_schedule(struct error *error)
{
    const struct {
        const char *name;
        bool given;
    } schedules[] = {
        {"--period", given.period_given},
        {"--interval", given.interval_given},
        {"--rate", given.rate_given},
        {"--ramp", given.ramp_given},
    };
    const char *first = NULL;

    for (size_t i = 0; i < sizeof(schedules) / sizeof(schedules[0]); i++) {
        if (schedules[i].given && first != NULL) {
            error_set(error, ERROR_USAGE, "%s and %s: only one of them can say when mails start",
                      first, schedules[i].name);
            return false;
        }
        first = schedules[i].given ? schedules[i].name : first;
    }
    return true;
}

static bool check_ramp(struct error *error)
{
    const char *with = given.flood ? "--flood" : given.workers > 1 ? "--n-workers" : NULL;

    if (given.ramp_given && mail_arguments_counted()) {
        error_set(error, ERROR_USAGE,
                  "--ramp and --n-mails: do not go together; rates and --ramp-step say how many "
                  "mails there are");
        return false;
    }
    if (given.ramp_given && with != NULL) {
        error_set(error, ERROR_USAGE, "--ramp and %s: do not go together", with);
        return false;
    }
    if (!given.ramp_given && given.ramp_step_given) {
        error_set(error, ERROR_USAGE, "--ramp-step: is for --ramp alone");
        return false;
    }
    return true;
}

static bool check_counts(struct error *error)
{
    const struct {
        const char *name;
        unsigned count;
    } counts[] = {
        {"--n-concurrent-connections", given.connections},
        {"--n-workers", given.workers},
        {"--messages-per-connection", given.mails_per_connection},
    };

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (counts[i].count == 0) {
            error_set(error, ERROR_USAGE, "%s: with 0 nothing is sent", counts[i].name);
            return false;
        }
    }
    return true;
}

static bool check_connections(bool scheduled, struct error *error)
{
    if (scheduled && !given.connections_given) {
        unsigned long possible = limits_sessions();

        given.connections =
            possible < CONNECTIONS_OF_RATE ? (unsigned)possible : CONNECTIONS_OF_RATE;
        return true;
    }
    return limits_raise(given.connections, error);
}

bool load_arguments_check(struct plan *plan, struct error *error)
{
    bool scheduled =
        given.period_given || given.interval_given || given.rate_given || given.ramp_given;

    if (!take_flood(error) || !check_schedule(error) || !check_ramp(error) ||
        !check_counts(error) || !check_connections(scheduled, error)) {
        return false;
    }
    if (given.ramp.step_seconds <= 0) {
        given.ramp.step_seconds = step_seconds;
    }
    plan->connections = given.connections;
    plan->workers = given.workers;
    plan->mails_per_connection = given.mails_per_connection;
    plan->period = given.period;
    plan->rate = given.interval_given ? 1 / given.interval : given.rate / given.workers;
    plan->flood = given.flood;
    plan->duration = given.duration;
    plan->warm_up = given.warm_up;
    plan->ramps = given.ramp_given;
    plan->ramp = given.ramp;
    plan->reading_timeout = given.reading_timeout;
    return true;
}
