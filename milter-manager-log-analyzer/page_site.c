/*
 * page_site - all that the pages show: read range by range, while the ranges before are drawn.
 */
#include "milter-manager-log-analyzer/page_site.h"

#include "libcore/base/memory.h"
#include "milter-manager-log-analyzer/page_name.h"

#include <stdlib.h>
#include <string.h>

static bool id_is_taken(const struct page_site *site, const char *id)
{
    for (size_t i = 0; i < site->section_count; i++) {
        for (size_t j = 0; j < site->sections[i].count; j++) {
            const char *other = site->sections[i].graphs[j].id;

            if (other != NULL && strcmp(other, id) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* Names that differ in case or in signs only would meet. */
static char *new_id(const struct page_site *site, const char *range, const char *title)
{
    char *first = page_name_id(range, title);
    char *id = memory_copy_string(first);

    for (unsigned i = 2; id_is_taken(site, id); i++) {
        free(id);
        id = memory_format("%s-%u", first, i);
    }
    free(first);
    return id;
}

/* Takes the chart over. */
static void add_graph(struct page_site *site, struct chart *chart, bool any, const char *name,
                      bool on_index)
{
    struct page_section *section = site->sections + site->section_count - 1;
    struct page_graph *graph;

    if (!any) {
        chart_clear(chart);
        return;
    }
    section->graphs = (struct page_graph *)memory_resize(section->graphs, section->count + 1,
                                                         sizeof(struct page_graph));
    graph = section->graphs + section->count;
    *graph = (struct page_graph){.chart = *chart,
                                 .name = name,
                                 .on_index = on_index,
                                 .number = graphs_add(site->graphs, chart),
                                 .id = new_id(site, section->range.id, chart->title)};
    section->count++;
}

static void add_items(struct page_site *site, const struct view *view, enum series_kind kind,
                      const char *name, bool on_index)
{
    struct chart chart;
    bool any = chart_of_items(&chart, view, kind, name);

    add_graph(site, &chart, any, name, on_index);
}

static void add_latency(struct page_site *site, const struct view *view, enum series_kind kind,
                        const char *name, bool on_index)
{
    struct chart chart;
    bool any = chart_of_latency(&chart, view, kind, name);

    add_graph(site, &chart, any, name, on_index);
}

/* In the order of tools.md section 5.5; what it does not know comes last. */
static void add_graphs(struct page_site *site, const struct view *view)
{
    struct chart chart;
    bool any;

    add_items(site, view, SERIES_STATUS, "", true);
    add_items(site, view, SERIES_REPORT, "", true);
    for (size_t i = 0; i < site->children.count; i++) {
        const char *name = site->children.items[i];

        add_items(site, view, SERIES_MILTER_STATUS, name, true);
        add_items(site, view, SERIES_MILTER_REPORT, name, true);
        add_latency(site, view, SERIES_MILTER_LATENCY, name, false);
        add_items(site, view, SERIES_MILTER_FAILURE, name, false);
    }
    any = chart_of_failing(&chart, view);
    add_graph(site, &chart, any, "", true);
    any = chart_of_slowest(&chart, view);
    add_graph(site, &chart, any, "", true);
    add_latency(site, view, SERIES_LATENCY, "", true);
    add_items(site, view, SERIES_MEMORY, "", true);
}

static bool load_ranges(struct page_site *site, struct store *store, struct error *error)
{
    const struct page_options *options = site->options;
    struct range ranges[RANGES];
    size_t count = ranges_of(options->now, options->since, options->until, ranges);
    bool ok = true;

    for (size_t i = 0; i < count && ok; i++) {
        struct view view;

        site->sections[site->section_count++].range = ranges[i];
        ok = view_load(store, ranges + i, SERIES_KINDS, &view, error);
        if (ok) {
            add_graphs(site, &view);
            graphs_start(site->graphs);
        }
        view_clear(&view);
    }
    return ok;
}

bool page_site_load(struct page_site *site, struct store *store, const struct page_options *options,
                    struct error *error)
{
    bool ok;

    *site = (struct page_site){
        .options = options,
        .title = options->title != NULL ? options->title : "milter-manager statistics",
    };
    ok = store_children(store, &site->children, error) && store_newest(store, &site->newest, error);
    site->graphs = graphs_new(options->format, site->newest);
    ok = ok && load_ranges(site, store, error);
    ok = ok && summary_load(store, &site->children, options->now, &site->summary, error);
    (void)graphs_finish(site->graphs, &site->trouble);
    return ok;
}

void page_site_clear(struct page_site *site)
{
    for (size_t i = 0; i < site->section_count; i++) {
        struct page_section *section = site->sections + i;

        for (size_t j = 0; j < section->count; j++) {
            chart_clear(&section->graphs[j].chart);
            free(section->graphs[j].id);
        }
        free(section->graphs);
    }
    summary_clear(&site->summary);
    if (site->graphs != NULL) {
        graphs_free(site->graphs);
    }
    for (size_t i = 0; i < site->children.count; i++) {
        free((char *)site->children.items[i]);
    }
    option_strings_clear(&site->children);
    *site = (struct page_site){0};
}
