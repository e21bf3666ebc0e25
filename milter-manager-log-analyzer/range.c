/*
 * range - the stretches of time that graphs show.  Pure functions, but for the local time zone.
 */
#include "milter-manager-log-analyzer/range.h"

#include <string.h>
#include <time.h>

enum { MINUTE = 60, HOUR = 3600, DAY = 86400, BINS = 180 };

static const struct {
    const char *label, *id, *tag;
    int64_t length;
    enum store_span span; /* the finest that is kept as long and that a bin is a multiple of */
} usual[] = {
    {"Last Day", "last-day", "day", DAY, STORE_MINUTE},
    {"Last Week", "last-week", "week", (int64_t)7 * DAY, STORE_MINUTE},
    {"Last Month", "last-month", "month", (int64_t)35 * DAY, STORE_FIVE_MINUTES},
    {"Last Year", "last-year", "year", (int64_t)420 * DAY, STORE_HOUR},
};

enum { USUAL = sizeof(usual) / sizeof(usual[0]) };

static const int64_t kept[STORE_SPANS] = {(int64_t)10 * DAY, (int64_t)70 * DAY, (int64_t)730 * DAY,
                                          INT64_MAX};

static int64_t round_up(int64_t value, int64_t to)
{
    return (value + to - 1) / to * to;
}

static struct range own_range(int64_t now, int64_t since, int64_t until)
{
    struct range range = {.label = "Chosen Range", .id = "chosen-range", .tag = "range"};
    int64_t span;

    until = until > 0 ? until : now;
    since = since > 0 && since < until ? since : until - DAY;
    while (now - since > kept[range.span]) {
        range.span++;
    }
    span = store_span_seconds(range.span);
    range.from = since / span * span;
    range.until = round_up(until, span);
    range.step = round_up((range.until - range.from + BINS - 1) / BINS, span);
    range.bins = (size_t)((range.until - range.from + range.step - 1) / range.step);
    range.from = range.until - (int64_t)range.bins * range.step;
    return range;
}

size_t ranges_of(int64_t now, int64_t since, int64_t until, struct range ranges[RANGES])
{
    size_t count = 0;

    if (since > 0 || until > 0) {
        ranges[count++] = own_range(now, since, until);
    }
    for (size_t i = 0; i < USUAL; i++) {
        int64_t end = round_up(now, store_span_seconds(usual[i].span));

        ranges[count++] = (struct range){
            .label = usual[i].label,
            .id = usual[i].id,
            .tag = usual[i].tag,
            .from = end - usual[i].length,
            .until = end,
            .step = usual[i].length / BINS,
            .bins = BINS,
            .span = usual[i].span,
        };
    }
    return count;
}

struct range range_whole(int64_t from, int64_t until)
{
    struct range range = {.from = from / MINUTE * MINUTE, .until = round_up(until, MINUTE)};

    range.step = range.until > range.from ? range.until - range.from : MINUTE;
    range.bins = 1;
    range.span = STORE_MINUTE;
    return range;
}

/* ---- ticks */

enum tick_unit { TICK_MINUTE, TICK_HOUR, TICK_DAY, TICK_MONTH, TICK_YEAR };

/* The first row that is long enough. */
static const struct tick_plan {
    int64_t length;
    enum tick_unit unit;
    int every;
    const char *format;
} plans[] = {
    {(int64_t)2 * HOUR, TICK_MINUTE, 15, "%H:%M"},
    {(int64_t)8 * HOUR, TICK_HOUR, 1, "%H:%M"},
    {(int64_t)30 * HOUR, TICK_HOUR, 3, "%H:%M"},
    {(int64_t)4 * DAY, TICK_HOUR, 12, "%a %H:%M"},
    {(int64_t)12 * DAY, TICK_DAY, 1, "%a %d"},
    {(int64_t)100 * DAY, TICK_DAY, 7, "%d %b"},
    {(int64_t)600 * DAY, TICK_MONTH, 1, "%b"},
    {(int64_t)6000 * DAY, TICK_YEAR, 1, "%Y"},
    {INT64_MAX, TICK_YEAR, 10, "%Y"},
};

static void step_back(struct tm *date, const struct tick_plan *plan)
{
    date->tm_sec = 0;
    date->tm_min = plan->unit == TICK_MINUTE ? date->tm_min / plan->every * plan->every : 0;
    if (plan->unit >= TICK_HOUR) {
        date->tm_hour = plan->unit == TICK_HOUR ? date->tm_hour / plan->every * plan->every : 0;
    }
    if (plan->unit == TICK_DAY && plan->every == 7) {
        date->tm_mday -= (date->tm_wday + 6) % 7; /* Monday */
    }
    if (plan->unit >= TICK_MONTH) {
        date->tm_mday = 1;
    }
    if (plan->unit == TICK_YEAR) {
        date->tm_mon = 0;
        date->tm_year = date->tm_year / plan->every * plan->every;
    }
}

static void step_on(struct tm *date, const struct tick_plan *plan)
{
    int *const fields[] = {&date->tm_min, &date->tm_hour, &date->tm_mday, &date->tm_mon,
                           &date->tm_year};

    *fields[plan->unit] += plan->every;
}

size_t range_ticks(const struct range *range, struct range_tick ticks[RANGE_TICKS])
{
    double length = (double)(range->until - range->from);
    const struct tick_plan *plan = plans;
    time_t time = (time_t)range->from;
    struct tm date;
    size_t count = 0;

    while (range->until - range->from > plan->length) {
        plan++;
    }
    if (localtime_r(&time, &date) == NULL) {
        return 0;
    }
    for (step_back(&date, plan); count < RANGE_TICKS; step_on(&date, plan)) {
        struct tm whole = date;
        double at;

        whole.tm_isdst = -1;
        time = mktime(&whole);
        at = ((double)time - (double)range->from) / length;
        if (at > 1) {
            break;
        }
        if (at >= 0) {
            ticks[count].at = at;
            (void)strftime(ticks[count].text, sizeof(ticks[count].text), plan->format, &whole);
            ticks[count].less = count % 2 == 1;
            count++;
        }
    }
    return count;
}
