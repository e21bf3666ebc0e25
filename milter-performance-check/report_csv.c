/*
 * report_csv - one table of latencies in seconds, for spreadsheets: every row is always there.
 */
#include "milter-performance-check/report_part.h"

#include "libcore/base/figures.h"

#include <inttypes.h>

static void append_row(struct buffer *output, const char *name, const struct histogram *histogram)
{
    double figures[FIGURES];

    figures_of(histogram, figures);
    buffer_append_format(output, "%s,%" PRIu64, name, histogram->count);
    for (size_t i = 0; i < FIGURES; i++) {
        if (histogram->count > 0) {
            buffer_append_format(output, ",%.9f", figures[i]);
        } else {
            buffer_append_byte(output, ',');
        }
    }
    buffer_append_byte(output, '\n');
}

void report_append_csv(struct buffer *output, const struct report *report)
{
    buffer_append_string(output, "name,count");
    for (size_t i = 0; i < FIGURES; i++) {
        buffer_append_format(output, ",%s", figure_name(i));
    }
    buffer_append_byte(output, '\n');
    for (enum measured what = 0; what < MEASURED; what++) {
        if (what != MEASURED_DELAY || report_scheduled(report)) {
            append_row(output, measured_name(what), report->measurement->histograms + what);
        }
    }
}
