/*
 * page_site - all that the pages show.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_PAGE_SITE_H
#define MILTER_MANAGER_LOG_ANALYZER_PAGE_SITE_H

#include "milter-manager-log-analyzer/graph.h"
#include "milter-manager-log-analyzer/page.h"
#include "milter-manager-log-analyzer/summary.h"

struct page_graph {
    struct chart chart;
    char *id;         /* unique among all: "last-day-milter--status--x" */
    const char *name; /* of the child; "": of the manager or of all */
    bool on_index;
    size_t number; /* for graphs_picture */
};

/* One range, with its graphs in the order of the page. */
struct page_section {
    struct range range;
    struct page_graph *graphs;
    size_t count;
};

struct page_site {
    const struct page_options *options;
    const char *title;
    struct option_strings children;
    struct summary summary;
    int64_t newest; /* minute with data; 0: none */
    struct page_section sections[RANGES];
    size_t section_count;
    struct graphs *graphs;
    struct error trouble; /* why graphs are not drawn */
};

/* Reads the numbers and has the graphs drawn.  False with *error: the store cannot be read; when
 * drawing fails, that is in site->trouble.  page_site_clear it, also after a failure. */
bool page_site_load(struct page_site *site, struct store *store, const struct page_options *options,
                    struct error *error);
void page_site_clear(struct page_site *site);

#endif
