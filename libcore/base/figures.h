/*
 * figures - what reports say of a histogram: minimum, mean, percentiles, maximum.
 */
#ifndef LIBCORE_BASE_FIGURES_H
#define LIBCORE_BASE_FIGURES_H

#include "libcore/base/histogram.h"

#include <stddef.h>

enum { FIGURES = 7 };

/* In seconds, in the order of every report. */
void figures_of(const struct histogram *histogram, double figures[FIGURES]);
/* "min", "mean", "p50", "p90", "p99", "p99.9", "max" */
const char *figure_name(size_t number);

#endif
