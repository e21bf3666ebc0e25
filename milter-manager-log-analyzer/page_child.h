/*
 * page_child - the page of one child.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_PAGE_CHILD_H
#define MILTER_MANAGER_LOG_ANALYZER_PAGE_CHILD_H

#include "libcore/base/buffer.h"
#include "milter-manager-log-analyzer/page_site.h"

void page_child(struct buffer *html, const struct page_site *site,
                const struct summary_child *child);

#endif
