/*
 * report_plots - what gnuplot is to draw of a run.  Pure functions.
 *
 * Scripts hold figures only, no text of a server or a user.  Series have the colours of the page
 * (gnuplot.h); what they are is said by the page.
 */
#ifndef MILTER_PERFORMANCE_CHECK_REPORT_PLOTS_H
#define MILTER_PERFORMANCE_CHECK_REPORT_PLOTS_H

#include "milter-performance-check/report_part.h"

/* Colours var(--cN), and what they stand for. */
enum plot_colour {
    PLOT_P50 = 1,
    PLOT_P99,
    PLOT_MAXIMUM,
    PLOT_SENT,
    PLOT_TEMPORARY_FAILURE,
    PLOT_REJECT,
    PLOT_ERROR,
    PLOT_FIRST_PHASE, /* then those that follow in plot_phases */
};

/* The rows that the distribution shows; how many. */
size_t plot_phases(const enum measured **rows);

struct plot_size {
    unsigned width, height; /* pixels */
    size_t slots;           /* of a timeline at most */
};

struct plot {
    const char *name, *title;
    /* False when there is nothing to draw. */
    bool (*script)(struct buffer *script, const struct report *report,
                   const struct plot_size *size);
    /* Appends its key. */
    void (*key)(struct buffer *html, const struct report *report);
};

size_t report_plots(const struct plot **plots);

#endif
