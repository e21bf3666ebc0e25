/*
 * page_lists - sessions that take long, what failed lately, the processes.
 */
#ifndef MILTER_MANAGER_CONTROL_PAGE_LISTS_H
#define MILTER_MANAGER_CONTROL_PAGE_LISTS_H

#include "milter-manager/control/page_part.h"

void page_sessions(const struct page *page);
void page_failures(const struct page *page);
void page_workers(const struct page *page);

#endif
