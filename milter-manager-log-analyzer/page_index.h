/*
 * page_index - the page of all.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_PAGE_INDEX_H
#define MILTER_MANAGER_LOG_ANALYZER_PAGE_INDEX_H

#include "libcore/base/buffer.h"
#include "milter-manager-log-analyzer/page_site.h"

void page_index(struct buffer *html, const struct page_site *site);

#endif
