/*
 * chart - what a graph shows: its title, its traces bin by bin, its legend, its scale.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_CHART_H
#define MILTER_MANAGER_LOG_ANALYZER_CHART_H

#include "milter-manager-log-analyzer/view.h"

enum { CHART_TRACES = 24, CHART_FIGURES = 3, CHART_TICKS = 12 };

struct chart_trace {
    char *label;
    unsigned colour; /* palette.h */
    bool line;       /* over the areas, not stacked */
    double *values;  /* one for each bin; NAN: none */
    char figures[CHART_FIGURES][96];
};

struct chart_tick {
    double at; /* from 0 at the bottom to 1 */
    char text[64];
};

struct chart {
    struct range range;
    char *title;
    char *file;       /* its picture's name without range and suffix: "milter.status.X" */
    const char *unit; /* of the vertical axis */
    bool logarithmic; /* milliseconds; traces are lines */
    const char *figures[CHART_FIGURES];      /* heads of the legend's columns */
    struct chart_trace traces[CHART_TRACES]; /* those that have something */
    size_t count;
    const char *nothing[CHART_TRACES]; /* labels of those that have nothing */
    size_t nothing_count;
    const char *note;   /* below the legend; NULL: none */
    double bottom, top; /* of the scale, which begins and ends with a tick */
    struct chart_tick ticks[CHART_TICKS];
    size_t tick_count;
};

/*
 * Each returns false when there is nothing to draw; chart_clear in any case.
 */
/* The items of a series, stacked; on the status of the manager lie the lines of its sessions. */
bool chart_of_items(struct chart *chart, const struct view *view, enum series_kind kind,
                    const char *name);
/* p50 and p99 of a latency series. */
bool chart_of_latency(struct chart *chart, const struct view *view, enum series_kind kind,
                      const char *name);
/* p99 of the children that are slowest, and the failures of those that fail most. */
bool chart_of_slowest(struct chart *chart, const struct view *view);
bool chart_of_failing(struct chart *chart, const struct view *view);
void chart_clear(struct chart *chart);

#endif
