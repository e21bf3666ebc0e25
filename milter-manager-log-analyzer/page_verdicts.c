/*
 * page_verdicts - shares of verdicts as a bar.
 */
#include "milter-manager-log-analyzer/page_verdicts.h"

#include "libcore/base/human.h"
#include "milter-manager-log-analyzer/page_part.h"
#include "milter-manager-log-analyzer/palette.h"

/* "Accept 91.2 %, Reject 8.8 %" */
static void append_words(struct buffer *html, const struct view_series *status)
{
    const struct series_info *info = series_info(status->kind);
    const char *separator = "";

    for (size_t i = 0; i < status->item_count; i++) {
        if (status->items[i].total > 0) {
            buffer_append_format(html, "%s%s ", separator, info->items[i].label);
            part_text(html,
                      human_share((double)status->items[i].total, (double)view_sum(status)).text);
            separator = ", ";
        }
    }
}

void page_verdict_bar(struct buffer *html, const struct view_series *status)
{
    double sum = (double)view_sum(status);

    buffer_append_string(html, "<div class=\"bar\" role=\"img\" aria-label=\"");
    append_words(html, status);
    buffer_append_string(html, "\" title=\"");
    append_words(html, status);
    buffer_append_string(html, "\">");
    for (unsigned i = 0; i < status->item_count; i++) {
        if (status->items[i].total > 0) {
            buffer_append_format(html, "<i style=\"flex-grow:%.5g;background:var(--c%u)\"></i>",
                                 (double)status->items[i].total / sum * 100,
                                 palette_item(status->kind, i));
        }
    }
    buffer_append_string(html, "</div>");
}

static bool occurs(const struct view *view, unsigned item)
{
    for (size_t i = 0; i < view->count; i++) {
        if (view->series[i].kind == SERIES_MILTER_STATUS && view->series[i].items[item].total > 0) {
            return true;
        }
    }
    return false;
}

void page_verdict_key(struct buffer *html, const struct view *view)
{
    const struct series_info *info = series_info(SERIES_MILTER_STATUS);

    buffer_append_string(html, "<p class=\"keys\">");
    for (unsigned i = 0; i < info->item_count; i++) {
        if (occurs(view, i)) {
            buffer_append_format(
                html, "<span><i class=\"key\" style=\"background:var(--c%u)\"></i>%s</span>",
                palette_item(SERIES_MILTER_STATUS, i), info->items[i].label);
        }
    }
    buffer_append_string(html, "</p>\n");
}
