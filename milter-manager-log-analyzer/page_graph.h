/*
 * page_graph - a graph on a page: its picture beside its legend.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_PAGE_GRAPH_H
#define MILTER_MANAGER_LOG_ANALYZER_PAGE_GRAPH_H

#include "libcore/base/buffer.h"
#include "milter-manager-log-analyzer/page_site.h"

/* A figure with the graph's id: an SVG with axes in HTML, a PNG beside the page, or a table when
 * it could not be drawn.  linked: its title leads to the page of its child. */
void page_graph(struct buffer *html, const struct page_site *site, const struct page_graph *graph,
                bool linked);
/* The name of its picture as a PNG; free it. */
char *page_graph_file(const struct page_graph *graph);

#endif
