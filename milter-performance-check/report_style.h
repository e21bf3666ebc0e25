/*
 * report_style - how the page of a load run looks.
 */
#ifndef MILTER_PERFORMANCE_CHECK_REPORT_STYLE_H
#define MILTER_PERFORMANCE_CHECK_REPORT_STYLE_H

/* The content of its style element. */
extern const char report_style[];

#endif
