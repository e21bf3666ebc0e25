/*
 * chart - what a graph shows.  Pure functions of a view; a chart owns its labels and values.
 */
#include "milter-manager-log-analyzer/chart.h"

#include "libcore/base/human.h"
#include "libcore/base/memory.h"
#include "milter-manager-log-analyzer/chart_scale.h"
#include "milter-manager-log-analyzer/palette.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double minute = 60;

static void chart_begin(struct chart *chart, const struct view *view, const char *title,
                        const char *file, const char *name)
{
    *chart = (struct chart){.range = view->range};
    chart->title =
        name[0] == '\0' ? memory_copy_string(title) : memory_format("%s: %s", title, name);
    chart->file = memory_copy_string(file);
}

void chart_clear(struct chart *chart)
{
    for (size_t i = 0; i < chart->count; i++) {
        free(chart->traces[i].label);
        free(chart->traces[i].values);
    }
    free(chart->title);
    free(chart->file);
    *chart = (struct chart){0};
}

static struct chart_trace *add_trace(struct chart *chart, const char *label, unsigned colour)
{
    struct chart_trace *trace = chart->traces + chart->count++;

    trace->label = memory_copy_string(label);
    trace->colour = colour;
    trace->values = (double *)memory_new(chart->range.bins, sizeof(double));
    return trace;
}

static void figure(struct chart_trace *trace, size_t number, const char *text, const char *unit)
{
    (void)snprintf(trace->figures[number], sizeof(trace->figures[number]), "%s%s%s", text,
                   unit[0] != '\0' ? " " : "", unit);
}

/* ---- areas and lines of items */

static double mean(const struct chart *chart, const double *values)
{
    double sum = 0;

    for (size_t i = 0; i < chart->range.bins; i++) {
        sum += values[i];
    }
    return sum / (double)chart->range.bins;
}

static void count_figures(struct chart *chart, struct chart_trace *trace, const char *unit,
                          uint64_t peak)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%.2f", mean(chart, trace->values));
    figure(trace, 1, text, unit);
    figure(trace, 2, human_count((double)peak).text, unit);
}

static void add_item(struct chart *chart, const struct series_item *info, unsigned colour,
                     const struct view_item *item)
{
    double minutes = (double)chart->range.step / minute;
    const char *unit = info->gauge ? "" : chart->unit;
    struct chart_trace *trace;

    if (item->total == 0 || chart->count == CHART_TRACES) {
        if (item->total == 0 && chart->nothing_count < CHART_TRACES) {
            chart->nothing[chart->nothing_count++] = info->label;
        }
        return;
    }
    trace = add_trace(chart, info->label, colour);
    trace->line = info->line;
    for (size_t i = 0; i < chart->range.bins; i++) {
        trace->values[i] = info->gauge ? item->bins[i] : item->bins[i] / minutes;
    }
    figure(trace, 0, info->gauge ? "" : human_count((double)item->total).text, "");
    count_figures(chart, trace, unit, item->peak);
}

static void add_items(struct chart *chart, const struct view_series *series)
{
    const struct series_info *info = series_info(series->kind);

    for (unsigned i = 0; i < info->item_count; i++) {
        /* A child that is down counts to thousands: beside that, nothing else would be seen. */
        if (series->kind == SERIES_MILTER_FAILURE && info->items[i].gauge) {
            continue;
        }
        add_item(chart, info->items + i, palette_item(series->kind, i), series->items + i);
    }
}

/* Lines over the status: what of the sessions is none of the manager's verdicts. */
static void add_sessions(struct chart *chart, const struct view *view)
{
    static const char *const names[] = {"smtp", "disconnected", "concurrent"};
    const struct view_series *series = view_find(view, SERIES_SESSION, "");
    const struct series_info *info = series_info(SERIES_SESSION);

    for (size_t i = 0; series != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        struct series_item item;
        unsigned number;

        if (series_item_find(SERIES_SESSION, slice_from_string(names[i]), &number)) {
            item = info->items[number];
            item.line = true;
            add_item(chart, &item, palette_item(SERIES_SESSION, number), series->items + number);
        }
    }
}

static void scale_counts(struct chart *chart)
{
    double highest = 0;

    for (size_t i = 0; i < chart->range.bins; i++) {
        double stack = 0;

        for (size_t j = 0; j < chart->count; j++) {
            double value = chart->traces[j].values[i];

            stack += chart->traces[j].line ? 0 : value;
            highest = chart->traces[j].line && value > highest ? value : highest;
        }
        highest = stack > highest ? stack : highest;
    }
    chart_scale_linear(chart, highest);
}

static const char *picture(enum series_kind kind)
{
    static const char *const files[SERIES_KINDS] = {
        [SERIES_SESSION] = "session",
        [SERIES_STATUS] = "milter-manager.status",
        [SERIES_REPORT] = "milter-manager.report",
        [SERIES_LATENCY] = "milter-manager.latency",
        [SERIES_MILTER_STATUS] = "milter.status",
        [SERIES_MILTER_REPORT] = "milter.report",
        [SERIES_MILTER_LATENCY] = "milter.latency",
        [SERIES_MILTER_FAILURE] = "milter.failure",
        [SERIES_MEMORY] = "memory",
    };

    return files[kind];
}

static void count_columns(struct chart *chart)
{
    chart->figures[0] = "total";
    chart->figures[1] = "avg";
    chart->figures[2] = "max";
}

bool chart_of_items(struct chart *chart, const struct view *view, enum series_kind kind,
                    const char *name)
{
    const struct view_series *series = view_find(view, kind, name);
    const struct series_info *info = series_info(kind);

    chart_begin(chart, view, info->title, picture(kind), name);
    chart->unit = info->unit;
    count_columns(chart);
    if (series != NULL) {
        add_items(chart, series);
    }
    if (kind == SERIES_STATUS) {
        add_sessions(chart, view);
    }
    scale_counts(chart);
    return chart->count > 0;
}

/* ---- latency */

static void add_percentile(struct chart *chart, const struct view_series *series, const char *label,
                           unsigned colour, double percent)
{
    struct chart_trace *trace = add_trace(chart, label, colour);
    double highest = 0, latest = 0;

    trace->line = true;
    for (size_t i = 0; i < chart->range.bins; i++) {
        double seconds = view_percentile(series, (long)i, percent);

        trace->values[i] = seconds > 0 ? seconds * 1000 : NAN;
        highest = seconds > highest ? seconds : highest;
        latest = seconds > 0 ? seconds : latest;
    }
    figure(trace, 0, human_latency(view_percentile(series, VIEW_ALL, percent)).text, "");
    figure(trace, 1, human_latency(highest).text, "");
    figure(trace, 2, human_latency(latest).text, "");
}

static void scale_latency(struct chart *chart)
{
    double lowest = INFINITY, highest = 0;

    for (size_t i = 0; i < chart->count; i++) {
        for (size_t j = 0; j < chart->range.bins; j++) {
            double value = chart->traces[i].values[j];

            if (!isnan(value)) {
                lowest = fmin(lowest, value);
                highest = fmax(highest, value);
            }
        }
    }
    chart->logarithmic = true;
    chart->unit = "latency";
    if (highest > 0) {
        chart_scale_logarithmic(chart, lowest, highest);
    }
}

static void latency_columns(struct chart *chart)
{
    chart->figures[0] = "over all";
    chart->figures[1] = "highest";
    chart->figures[2] = "latest";
}

bool chart_of_latency(struct chart *chart, const struct view *view, enum series_kind kind,
                      const char *name)
{
    const struct view_series *series = view_find(view, kind, name);

    chart_begin(chart, view, series_info(kind)->title, picture(kind), name);
    latency_columns(chart);
    if (series == NULL || view_sum(series) == 0) {
        return false;
    }
    chart->note = "One session of 100 takes longer than p99, half of them take longer than p50.";
    add_percentile(chart, series, "p99", palette_free(1), 99);
    add_percentile(chart, series, "p50", palette_free(0), 50);
    scale_latency(chart);
    return true;
}

/* ---- children against each other */

struct rank {
    const struct view_series *series;
    double weight;
};

static int by_weight(const void *a, const void *b)
{
    const struct rank *first = (const struct rank *)a;
    const struct rank *second = (const struct rank *)b;

    if (first->weight > second->weight || first->weight < second->weight) {
        return first->weight > second->weight ? -1 : 1;
    }
    return strcmp(first->series->name, second->series->name);
}

/* The heaviest of that kind, PALETTE_FREE at most; *all: how many there were. */
static size_t rank(const struct view *view, enum series_kind kind, struct rank ranks[PALETTE_FREE],
                   size_t *all)
{
    struct rank *every = (struct rank *)memory_new(view->count + 1, sizeof(struct rank));
    size_t count;

    *all = 0;
    for (size_t i = 0; i < view->count; i++) {
        const struct view_series *series = view->series + i;

        if (series->kind == kind && view_sum(series) > 0) {
            every[*all].series = series;
            every[(*all)++].weight = kind == SERIES_MILTER_LATENCY
                                         ? view_percentile(series, VIEW_ALL, 99)
                                         : (double)view_sum(series);
        }
    }
    qsort(every, *all, sizeof(struct rank), by_weight);
    count = *all < PALETTE_FREE ? *all : PALETTE_FREE;
    memcpy(ranks, every, count * sizeof(struct rank));
    free(every);
    return count;
}

bool chart_of_slowest(struct chart *chart, const struct view *view)
{
    struct rank ranks[PALETTE_FREE];
    size_t all, count = rank(view, SERIES_MILTER_LATENCY, ranks, &all);

    chart_begin(chart, view, "milters: latency p99", "milters.latency", "");
    latency_columns(chart);
    for (unsigned i = 0; i < count; i++) {
        add_percentile(chart, ranks[i].series, ranks[i].series->name, palette_free(i), 99);
    }
    chart->note = all > count ? "The slowest ones; one session of 100 takes longer."
                              : "One session of 100 takes longer.";
    scale_latency(chart);
    return count > 0;
}

static void add_failures(struct chart *chart, const struct view_series *series, unsigned colour)
{
    struct chart_trace *trace = add_trace(chart, series->name, colour);
    double minutes = (double)chart->range.step / minute;
    uint64_t peak = 0;

    for (size_t i = 0; i < series->item_count; i++) {
        const struct view_item *item = series->items + i;

        if (item->bins == NULL || !view_is_stacked(series->kind, i)) {
            continue;
        }
        for (size_t j = 0; j < chart->range.bins; j++) {
            trace->values[j] += item->bins[j] / minutes;
        }
        peak = item->peak > peak ? item->peak : peak;
    }
    figure(trace, 0, human_count((double)view_sum(series)).text, "");
    count_figures(chart, trace, chart->unit, peak);
}

bool chart_of_failing(struct chart *chart, const struct view *view)
{
    struct rank ranks[PALETTE_FREE];
    size_t all, count = rank(view, SERIES_MILTER_FAILURE, ranks, &all);

    chart_begin(chart, view, "milters: failures", "milters.failure", "");
    chart->unit = "failures/min";
    count_columns(chart);
    for (unsigned i = 0; i < count; i++) {
        add_failures(chart, ranks[i].series, palette_free(i));
    }
    chart->note = all > count ? "Those that fail most often." : NULL;
    scale_counts(chart);
    return count > 0;
}
