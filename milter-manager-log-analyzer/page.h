/*
 * page - index.html, a page for each child, and the graphs they show, from the store.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_PAGE_H
#define MILTER_MANAGER_LOG_ANALYZER_PAGE_H

#include "milter-manager-log-analyzer/store.h"

enum graph_format { GRAPH_SVG, GRAPH_PNG };

struct page_options {
    const char *directory;
    const char *title;
    enum graph_format format;
    int64_t now;          /* seconds since 1970: where the graphs end */
    int64_t since, until; /* a range of its own in front of day, week, month, year; 0: none */
    bool quiet;
};

/* Each file is replaced as a whole.  False with *error; files that were written stay. */
bool page_write(struct store *store, const struct page_options *options, struct error *error);

#endif
