/*
 * figures - what reports say of a histogram.  Pure functions.
 */
#include "libcore/base/figures.h"

static const struct {
    const char *name;
    double percent;
} percentiles[] = {{"p50", 50}, {"p90", 90}, {"p99", 99}, {"p99.9", 99.9}};

enum { PERCENTILES = sizeof(percentiles) / sizeof(percentiles[0]) };

static const double nanosecond = 1e-9;

void figures_of(const struct histogram *histogram, double figures[FIGURES])
{
    figures[0] = (double)histogram->minimum * nanosecond;
    figures[1] = histogram_mean(histogram) * nanosecond;
    for (size_t i = 0; i < PERCENTILES; i++) {
        figures[2 + i] =
            (double)histogram_percentile(histogram, percentiles[i].percent) * nanosecond;
    }
    figures[FIGURES - 1] = (double)histogram->maximum * nanosecond;
}

const char *figure_name(size_t number)
{
    if (number >= 2 && number < FIGURES - 1) {
        return percentiles[number - 2].name;
    }
    return number == 0 ? "min" : number == 1 ? "mean" : "max";
}
