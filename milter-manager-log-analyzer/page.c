/*
 * page - index.html, a page for each child, and the pictures they show, written to the directory.
 */
#include "milter-manager-log-analyzer/page.h"

#include "libcore/base/file.h"
#include "libcore/base/memory.h"
#include "milter-manager-log-analyzer/page_child.h"
#include "milter-manager-log-analyzer/page_graph.h"
#include "milter-manager-log-analyzer/page_index.h"
#include "milter-manager-log-analyzer/page_name.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { MODE = 0644 };

/* name: freed. */
static bool write_file(const struct page_site *site, char *name, struct slice content,
                       struct error *error)
{
    char *path = memory_format("%s/%s", site->options->directory, name);
    struct stat status;
    bool ok = true;

    /* A pipe would wait for its reader. */
    if (lstat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) {
        error_set(error, ERROR_USAGE, "cannot write %s: what is there is no file; move it away",
                  path);
        ok = false;
    }
    ok = ok && file_write(path, MODE, content, error);
    free(path);
    free(name);
    return ok;
}

/* Before the pages that refer to them. */
static bool write_pictures(const struct page_site *site, struct error *error)
{
    bool ok = true;

    for (size_t i = 0; i < site->section_count && site->options->format == GRAPH_PNG; i++) {
        for (size_t j = 0; j < site->sections[i].count && ok; j++) {
            const struct page_graph *graph = site->sections[i].graphs + j;
            struct slice picture = graphs_picture(site->graphs, graph->number);

            ok = picture.length == 0 || write_file(site, page_graph_file(graph), picture, error);
        }
    }
    return ok;
}

static bool write_pages(const struct page_site *site, struct error *error)
{
    struct buffer html = {0};
    bool ok = true;

    for (size_t i = 0; i < site->summary.count && ok; i++) {
        buffer_reset(&html);
        page_child(&html, site, site->summary.children + i);
        ok = write_file(site, page_name_of_child(site->summary.children[i].name),
                        buffer_slice(&html), error);
    }
    if (ok) {
        buffer_reset(&html);
        page_index(&html, site);
        ok = write_file(site, memory_copy_string("index.html"), buffer_slice(&html), error);
    }
    buffer_clear(&html);
    return ok;
}

bool page_write(struct store *store, const struct page_options *options, struct error *error)
{
    struct page_site site;
    bool ok = page_site_load(&site, store, options, error) && write_pictures(&site, error) &&
              write_pages(&site, error);

    if (ok && site.trouble.code != ERROR_NONE) {
        error_set(error, site.trouble.code, "%s; the pages have tables in place of graphs",
                  site.trouble.message);
        ok = false;
    }
    page_site_clear(&site);
    return ok;
}
