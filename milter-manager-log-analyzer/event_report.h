/*
 * event_report - what header fields that milters add tell of a mail (tools.md section 5.3).
 *
 * Pure functions.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_EVENT_REPORT_H
#define MILTER_MANAGER_LOG_ANALYZER_EVENT_REPORT_H

#include "milter-manager-log-analyzer/series.h"

/* How often each item of SERIES_REPORT is in the field; false: it tells nothing. */
enum { EVENT_REPORT_ITEMS = 13 };
bool event_report_read(struct slice name, struct slice value, unsigned counts[EVENT_REPORT_ITEMS]);

#endif
