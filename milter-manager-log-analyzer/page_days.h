/*
 * page_days - tables of days: today against yesterday and a week ago, and the hours of a week.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_PAGE_DAYS_H
#define MILTER_MANAGER_LOG_ANALYZER_PAGE_DAYS_H

#include "libcore/base/buffer.h"
#include "milter-manager-log-analyzer/page_site.h"

/* Of all (name NULL) or of one child: counts, verdicts, latency, failures. */
void page_days_compared(struct buffer *html, const struct page_site *site, const char *name);
/* What was found in headers; nothing when there was nothing. */
void page_days_findings(struct buffer *html, const struct page_site *site, const char *name);
/* A row for each of the last days, a field for each hour. */
void page_days_hours(struct buffer *html, const struct page_site *site);

#endif
