/*
 * page - the status as a page: the frame, the configuration, the foot.
 */
#include "milter-manager/control/page.h"

#include "libcore/base/markup.h"
#include "milter-manager/control/page_children.h"
#include "milter-manager/control/page_headline.h"
#include "milter-manager/control/page_lists.h"
#include "milter-manager/control/page_part.h"
#include "milter-manager/control/page_style.h"
#include "milter-manager/control/page_traffic.h"

#include <math.h>

enum { FILES_SHOWN = 30 };

/* The policies again for whoever shows a stored page.  Without a referrer forms had no Origin. */
static void page_head(const struct page *page)
{
    part_html(page, "<!DOCTYPE html>\n"
                    "<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\"><head>\n"
                    "<meta charset=\"utf-8\"/>\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
                    "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
                    "<meta name=\"referrer\" content=\"same-origin\"/>\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                    "style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'\"/>\n");
    if (page->refresh) {
        part_html(page, "<meta http-equiv=\"refresh\" content=\"5\"/>\n");
    }
    part_html(page, "<title>");
    page_headline_title(page);
    part_html(page, " \xc2\xb7 milter-manager</title>\n<style>\n");
    part_html(page, page_style);
    part_html(page, "</style>\n</head>\n");
}

static void page_top(const struct page *page)
{
    part_html(page, "<body>\n<a class=\"skip\" href=\"#children\">Skip to the children</a>\n"
                    "<header><div class=\"product\">milter-manager</div>\n<div class=\"place\">"
                    "<span class=\"dim\">listens on</span> ");
    part_name(page, part_string(page->status, "listen"), "code");
    part_html(page, "</div>\n<div class=\"clock\"><span>As of ");
    part_human(page, page->now != 0 ? human_time(page->now, page->now) : human_count(-1));
    part_html(page,
              page->refresh
                  ? ", updated every 5 s</span> <a href=\"?refresh=off\">Pause</a></div></header>\n"
                  : ", paused</span> <a href=\"?\">Go on</a></div></header>\n");
}

static void page_files(const struct page *page, const json_t *files)
{
    size_t count = json_array_size(files);

    part_html(page, "<div class=\"wide\"><dt>Files</dt><dd><ul class=\"files\">");
    for (size_t i = 0; i < count && i < FILES_SHOWN; i++) {
        const json_t *file = json_array_get(files, i);

        part_html(page, "<li>");
        part_name(page, slice_of(json_string_value(file), json_string_length(file)), "code");
        part_html(page, "</li>");
    }
    if (count == 0) {
        part_html(page, "<li class=\"dim\">none</li>");
    } else if (count > FILES_SHOWN) {
        part_html(page, "<li class=\"dim\">and ");
        part_human(page, human_count((double)(count - FILES_SHOWN)));
        part_html(page, " more</li>");
    }
    part_html(page, "</ul></dd></div>\n");
}

static void page_configuration(const struct page *page)
{
    const json_t *configuration = part_member(page->status, "configuration");
    const json_t *error = part_member(configuration, "last_error");

    part_section(page, "configuration", "Configuration", "card");
    if (json_is_object(error)) {
        part_html(page, "<div class=\"notice\"><strong>The last reload failed</strong>, ");
        part_time(page, error, "time");
        part_html(page, "<br/>");
        part_sentence(page, part_string(error, "message"));
        part_html(page, "</div>\n");
    }
    part_html(page, "<dl class=\"figures\"><div><dt>Generation</dt><dd>");
    part_human(page, human_count(part_number(configuration, "generation")));
    part_html(page, "</dd></div>\n<div><dt>Loaded</dt><dd>");
    part_time(page, configuration, "loaded");
    part_html(page, "</dd></div>\n<div class=\"wide\"><dt>Directory</dt><dd>");
    part_name(page, part_string(configuration, "directory"), "code");
    part_html(page, "</dd></div>\n");
    page_files(page, part_member(configuration, "files"));
    part_html(page, "</dl>\n<form method=\"post\" action=\"reload\"><button type=\"submit\">Reload "
                    "the configuration</button></form>\n");
    part_section_end(page);
}

static void page_foot(const struct page *page)
{
    part_html(page, "<footer><div>milter-manager ");
    part_name(page, part_string(page->status, "version"), "");
    part_html(page, ", pid ");
    part_identifier(page, part_number(page->status, "pid"));
    part_html(page, ", up for ");
    part_human(page, human_duration(part_number(page->status, "uptime")));
    part_html(page, ", started ");
    part_time(page, page->status, "started");
    part_html(page, "</div>\n<nav aria-label=\"Other views\"><a href=\"status\">Status as JSON</a> "
                    "<a href=\"metrics\">Metrics</a> <a href=\"configuration\">Configuration</a>"
                    "</nav></footer>\n</body></html>\n");
}

/* Now, by the status itself. */
static time_t page_now(const json_t *status)
{
    double uptime = part_number(status, "uptime");
    time_t started = 0;

    if (!human_parse_time(part_string(status, "started"), &started)) {
        return 0;
    }
    return started + (uptime < 1e10 ? (time_t)uptime : 0);
}

void page_render(const json_t *status, const struct page_options *options, struct buffer *html)
{
    struct page page = {
        .status = status,
        .html = html,
        .now = options->now != 0 ? options->now : page_now(status),
        .refresh = options->refresh,
    };

    page_head(&page);
    page_top(&page);
    part_html(&page, "<main>\n");
    page_headline(&page);
    page_traffic(&page);
    page_totals(&page);
    page_children(&page);
    page_sessions(&page);
    page_failures(&page);
    part_html(&page, "<div class=\"pair\">\n");
    page_workers(&page);
    page_configuration(&page);
    part_html(&page, "</div>\n</main>\n");
    page_foot(&page);
}
