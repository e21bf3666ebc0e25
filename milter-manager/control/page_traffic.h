/*
 * page_traffic - how much goes through: charts of the last hour, verdicts and
 * totals since the start.
 */
#ifndef MILTER_MANAGER_CONTROL_PAGE_TRAFFIC_H
#define MILTER_MANAGER_CONTROL_PAGE_TRAFFIC_H

#include "milter-manager/control/page_part.h"

void page_traffic(const struct page *page);
void page_totals(const struct page *page);

/*
 * Verdicts as one bar and, with words, their shares; counts is an object {VERDICT: n}, or what
 * stands in its place.
 */
void page_verdict_bar(const struct page *page, const json_t *counts);

#endif
