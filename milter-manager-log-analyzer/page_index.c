/*
 * page_index - the page of all: who misbehaves, today, and the graphs of each range.
 */
#include "milter-manager-log-analyzer/page_index.h"

#include "milter-manager-log-analyzer/page_days.h"
#include "milter-manager-log-analyzer/page_part.h"
#include "milter-manager-log-analyzer/page_summary.h"

void page_index(struct buffer *html, const struct page_site *site)
{
    part_begin(html, site, "");
    page_summary_state(html, site);
    page_summary_children(html, site);
    if (site->newest > 0) {
        buffer_append_string(html, "<div class=\"pair\">\n");
        page_days_compared(html, site, NULL);
        buffer_append_string(html, "<div>\n");
        page_days_hours(html, site);
        page_days_findings(html, site, NULL);
        buffer_append_string(html, "</div></div>\n");
    }
    part_contents(html, site, NULL);
    for (size_t i = 0; i < site->section_count; i++) {
        part_section(html, site, site->sections + i, NULL);
    }
    part_end(html, site);
}
