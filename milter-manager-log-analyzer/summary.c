/*
 * summary - how it goes.  Owns its views.
 */
#include "milter-manager-log-analyzer/summary.h"

#include "libcore/base/memory.h"
#include "milter-manager-log-analyzer/summary_judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HOUR = 3600, WEEK = 7, SLOWEST = 3 };

/* ---- periods */

/* Of so many local days ago: its midnight, or the time of day that it is now. */
static int64_t days_ago(int64_t now, int days, bool midnight)
{
    time_t time = (time_t)now;
    struct tm date;

    if (days == 0 && !midnight) {
        return now; /* an hour that the clock shows twice is this one */
    }
    if (localtime_r(&time, &date) == NULL) {
        return 0;
    }
    date.tm_mday -= days;
    date.tm_isdst = -1;
    if (midnight) {
        date.tm_hour = 0;
        date.tm_min = 0;
        date.tm_sec = 0;
    }
    return (int64_t)mktime(&date);
}

static struct range period(int64_t now, enum summary_period number)
{
    static const int days[SUMMARY_PERIODS] = {
        [SUMMARY_YESTERDAY] = 1,
        [SUMMARY_WEEK] = WEEK,
        [SUMMARY_HOUR_YESTERDAY] = 1,
        [SUMMARY_HOUR_WEEK] = WEEK,
    };
    int64_t until = days_ago(now, days[number], false);

    return range_whole(number >= SUMMARY_HOUR ? until - HOUR : days_ago(now, days[number], true),
                       until);
}

/* ---- figures */

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/*
 * Of a child.  While it is down the log tells hourly how often it failed, and until then, but for
 * the first time, nothing: but it ends each session, and worked on none.
 */
static uint64_t failures_of(const struct view *view, const char *child)
{
    const struct view_series *failure = view_find(view, SERIES_MILTER_FAILURE, child);
    const struct view_series *status = view_find(view, SERIES_MILTER_STATUS, child);
    const struct view_series *latency = view_find(view, SERIES_MILTER_LATENCY, child);
    uint64_t told = view_sum(failure), ends = view_sum(status);
    uint64_t idle = view_total(latency, "b0"), stopped = view_total(status, "stop");
    uint64_t down = view_peak(failure, "down");

    if (down == 0 || view_total(failure, "untold") > 0) { /* it answers again, and that is told */
        return told;
    }
    told = larger(told, down < ends ? down : ends);
    return idle > stopped ? larger(told, idle - stopped) : told;
}

/* A percentile of few sessions is the slowest of them, which may have been a large mail. */
static double tail_of(const struct view_series *latency)
{
    double sessions = (double)view_sum(latency);

    return sessions < SLOWEST
               ? 0
               : view_percentile(latency, VIEW_ALL,
                                 fmin(99, 100 * (sessions - SLOWEST + 1) / sessions));
}

static struct summary_figures figures_of(const struct view *view, const char *name)
{
    bool child = name[0] != '\0';
    const struct view_series *status =
        view_find(view, child ? SERIES_MILTER_STATUS : SERIES_STATUS, name);
    const struct view_series *latency =
        view_find(view, child ? SERIES_MILTER_LATENCY : SERIES_LATENCY, name);
    uint64_t failures = child ? failures_of(view, name) : 0;
    uint64_t mails = view_total(view_find(view, SERIES_SESSION, ""), "smtp");

    /*
     * A failure may end the child's part in a session without a line of its own, or with one.  A
     * session may have several verdicts, one of them for each mail that is quarantined.
     */
    return (struct summary_figures){
        .sessions = child        ? larger(view_sum(status), failures)
                    : mails == 0 ? view_sum(status)
                                 : mails,
        .refused = view_total(status, "reject") + view_total(status, "temporary-failure") +
                   view_total(status, "discard"),
        .failed = child ? larger(view_total(status, "error"), failures) : 0,
        .p50 = view_percentile(latency, VIEW_ALL, 50),
        .p99 = view_percentile(latency, VIEW_ALL, 99),
        .tail = tail_of(latency),
    };
}

/* ---- hours */

/* From the finest numbers that are kept for a week: there are zones of half an hour. */
static bool load_hours(struct store *store, struct summary *summary, struct error *error)
{
    struct range range = {.step = 300, .span = STORE_FIVE_MINUTES};
    const struct view_series *series;
    struct view view;
    unsigned smtp;
    bool ok;

    for (int i = 0; i < SUMMARY_DAYS; i++) {
        summary->days[i] = days_ago(summary->now, SUMMARY_DAYS - 1 - i, true);
    }
    range.from = summary->days[0] / range.step * range.step;
    range.bins = (size_t)((summary->now - range.from) / range.step) + 1;
    range.until = range.from + (int64_t)range.bins * range.step;
    ok = view_load(store, &range, SERIES_SESSION, &view, error);
    series = view_find(&view, SERIES_SESSION, "");
    if (series != NULL && series_item_find(SERIES_SESSION, slice_from_string("smtp"), &smtp) &&
        series->items[smtp].bins != NULL) {
        size_t day = 0;

        for (size_t i = 0; i < range.bins; i++) {
            time_t time = (time_t)(range.from + (int64_t)i * range.step);
            struct tm date;

            while (day + 1 < SUMMARY_DAYS && time >= summary->days[day + 1]) {
                day++;
            }
            if (localtime_r(&time, &date) != NULL) {
                summary->hours[day][date.tm_hour] += (uint64_t)series->items[smtp].bins[i];
            }
        }
    }
    view_clear(&view);
    return ok;
}

bool summary_busiest(const struct summary *summary, size_t day, unsigned *hour)
{
    *hour = 0;
    for (unsigned i = 1; i < SUMMARY_HOURS; i++) {
        *hour = summary->hours[day][i] > summary->hours[day][*hour] ? i : *hour;
    }
    return summary->hours[day][*hour] > 0;
}

/* ---- all */

bool summary_load(struct store *store, const struct option_strings *children, int64_t now,
                  struct summary *summary, struct error *error)
{
    bool ok = true;

    *summary = (struct summary){.now = now};
    for (enum summary_period i = 0; i < SUMMARY_PERIODS; i++) {
        struct range range = period(now, i);

        ok = ok && view_load(store, &range, SERIES_KINDS, summary->periods + i, error);
        summary->manager[i] = figures_of(summary->periods + i, "");
    }
    ok = ok && load_hours(store, summary, error);
    summary->children =
        (struct summary_child *)memory_new(children->count + 1, sizeof(struct summary_child));
    for (size_t i = 0; i < children->count; i++) {
        struct summary_child *child = summary->children + summary->count++;

        child->name = children->items[i];
        for (enum summary_period j = 0; j < SUMMARY_PERIODS; j++) {
            child->figures[j] = figures_of(summary->periods + j, child->name);
            summary->manager[j].failed += child->figures[j].failed;
        }
        summary_judge(child, summary->manager);
    }
    summary_sort(summary->children, summary->count);
    return ok;
}

void summary_clear(struct summary *summary)
{
    for (size_t i = 0; i < SUMMARY_PERIODS; i++) {
        view_clear(summary->periods + i);
    }
    free(summary->children);
    *summary = (struct summary){0};
}
