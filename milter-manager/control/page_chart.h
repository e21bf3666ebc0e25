/*
 * page_chart - sixty minutes of one counter as bars.
 */
#ifndef MILTER_MANAGER_CONTROL_PAGE_CHART_H
#define MILTER_MANAGER_CONTROL_PAGE_CHART_H

#include "milter-manager/control/page_part.h"

/* key: the member of the samples in "history"; label and class are literals. */
void page_chart(const struct page *page, const char *key, const char *label, const char *class);

#endif
