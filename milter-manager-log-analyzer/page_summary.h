/*
 * page_summary - the top of a page: how it goes, and who misbehaves.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_PAGE_SUMMARY_H
#define MILTER_MANAGER_LOG_ANALYZER_PAGE_SUMMARY_H

#include "libcore/base/buffer.h"
#include "milter-manager-log-analyzer/page_site.h"

/* One sentence on all, and what is wrong with whom. */
void page_summary_state(struct buffer *html, const struct page_site *site);
/* The same for one child. */
void page_summary_state_of(struct buffer *html, const struct summary_child *child);
/* A row for each child, worst first. */
void page_summary_children(struct buffer *html, const struct page_site *site);

#endif
