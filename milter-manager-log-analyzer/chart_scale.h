/*
 * chart_scale - round numbers for the vertical axis of a chart.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_CHART_SCALE_H
#define MILTER_MANAGER_LOG_ANALYZER_CHART_SCALE_H

#include "milter-manager-log-analyzer/chart.h"

/* From 0 to highest, or a little more. */
void chart_scale_linear(struct chart *chart, double highest);
/* Tens from at most lowest to at least highest, both above 0; milliseconds. */
void chart_scale_logarithmic(struct chart *chart, double lowest, double highest);

#endif
