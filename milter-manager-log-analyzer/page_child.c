/*
 * page_child - the page of one child: how it goes, and its graphs.
 */
#include "milter-manager-log-analyzer/page_child.h"

#include "milter-manager-log-analyzer/page_days.h"
#include "milter-manager-log-analyzer/page_part.h"
#include "milter-manager-log-analyzer/page_summary.h"

void page_child(struct buffer *html, const struct page_site *site,
                const struct summary_child *child)
{
    part_begin(html, site, child->name);
    page_summary_state_of(html, child);
    buffer_append_string(html, "<div class=\"pair\">\n");
    page_days_compared(html, site, child->name);
    page_days_findings(html, site, child->name);
    buffer_append_string(html, "</div>\n");
    part_contents(html, site, child->name);
    for (size_t i = 0; i < site->section_count; i++) {
        part_section(html, site, site->sections + i, child->name);
    }
    part_end(html, site);
}
