/*
 * page_part - what pages are made of: head and foot, foreign words, ranges.
 */
#include "milter-manager-log-analyzer/page_part.h"

#include "libcore/base/human.h"
#include "libcore/base/markup.h"
#include "milter-manager-log-analyzer/page_graph.h"
#include "milter-manager-log-analyzer/page_name.h"
#include "milter-manager-log-analyzer/page_style.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MANY = 16 /* graphs of a range that are not listed at once */ };

void part_text(struct buffer *html, const char *text)
{
    markup_text(html, slice_from_string(text));
}

static void append_attribute(struct buffer *html, const char *text)
{
    markup_attribute(html, slice_from_string(text));
}

void part_name(struct buffer *html, const char *name)
{
    buffer_append_string(html, "<span class=\"cut\" title=\"");
    append_attribute(html, name);
    buffer_append_string(html, "\">");
    part_text(html, name[0] != '\0' ? name : "–");
    buffer_append_string(html, "</span>");
}

void part_child(struct buffer *html, const char *name)
{
    part_link(html, name, name);
}

void part_link(struct buffer *html, const char *name, const char *text)
{
    char *file = page_name_of_child(name);

    buffer_append_string(html, "<a class=\"name\" href=\"");
    markup_path(html, slice_from_string(file));
    buffer_append_string(html, "\">");
    part_name(html, text);
    buffer_append_string(html, "</a>");
    free(file);
}

void part_time(struct buffer *html, int64_t time, const char *format)
{
    time_t seconds = (time_t)time;
    char text[64] = "";
    struct tm date;

    if (localtime_r(&seconds, &date) != NULL) {
        (void)strftime(text, sizeof(text), format, &date);
    }
    part_text(html, text);
}

/* ---- head and foot */

static bool belongs(const struct page_graph *graph, const char *name)
{
    return name == NULL ? graph->on_index : strcmp(graph->name, name) == 0;
}

/* The graphs of one range: of the index (name NULL), or of one child. */
static size_t part_section_count(const struct page_section *section, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < section->count; i++) {
        count += belongs(section->graphs + i, name) ? 1 : 0;
    }
    return count;
}

static void append_updated(struct buffer *html, const struct page_site *site)
{
    if (site->newest == 0) {
        buffer_append_string(html, "no numbers yet");
        return;
    }
    buffer_append_string(html, "numbers up to <time>");
    part_time(html, site->newest, "%a %d %b %Y %H:%M %Z");
    buffer_append_string(html, "</time>, ");
    part_text(html, human_ago((time_t)site->newest, (time_t)site->options->now).text);
}

static void append_ranges(struct buffer *html, const struct page_site *site, const char *name)
{
    buffer_append_string(html, "<nav aria-label=\"Ranges\">");
    for (size_t i = 0; i < site->section_count; i++) {
        if (part_section_count(site->sections + i, name) > 0) {
            buffer_append_format(html, "<a href=\"#%s\">%s</a> ", site->sections[i].range.id,
                                 site->sections[i].range.label);
        }
    }
    buffer_append_string(html, "</nav>\n");
}

void part_begin(struct buffer *html, const struct page_site *site, const char *where)
{
    bool index = where[0] == '\0';

    buffer_append_string(
        html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
              "<meta http-equiv=\"refresh\" content=\"300\"/>\n"
              "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
              "<meta http-equiv=\"Content-Security-Policy\" content=\"script-src 'none'; "
              "object-src 'none'; base-uri 'none'; form-action 'none'\"/>\n<title>");
    append_attribute(html, where);
    buffer_append_string(html, index ? "" : " – ");
    append_attribute(html, site->title);
    buffer_append_string(html, "</title>\n<style>\n");
    page_style(html);
    buffer_append_string(html, "</style>\n</head>\n<body>\n<header>\n");
    if (!index) {
        buffer_append_string(html, "<p class=\"back\"><a href=\"index.html\">← ");
        part_text(html, site->title);
        buffer_append_string(html, "</a></p>\n");
    }
    buffer_append_string(html, "<h1>");
    part_text(html, index ? site->title : where);
    buffer_append_string(html, "</h1>\n<p class=\"clock\">");
    append_updated(html, site);
    buffer_append_string(html, "</p>\n");
    append_ranges(html, site, index ? NULL : where);
    buffer_append_string(html, "</header>\n<main>\n");
    if (site->trouble.code != ERROR_NONE) {
        buffer_append_string(html,
                             "<p class=\"notice\"><strong>Graphs could not be drawn:</strong> ");
        part_text(html, site->trouble.message);
        buffer_append_string(html, ". Their numbers stand in tables.</p>\n");
    }
}

void part_end(struct buffer *html, const struct page_site *site)
{
    buffer_append_string(
        html,
        "</main>\n<footer><p>Made by milter-manager-log-analyzer " MILTER_MANAGER_VERSION ", ");
    part_time(html, site->options->now, "%Y-%m-%d %H:%M:%S %Z");
    buffer_append_string(html, ". Times are local. A mail is an SMTP session, as the "
                               "log counts them; shares are of sessions.</p></footer>\n"
                               "</body>\n</html>\n");
}

/* ---- ranges */

void part_section(struct buffer *html, const struct page_site *site,
                  const struct page_section *section, const char *name)
{
    if (part_section_count(section, name) == 0) {
        return;
    }
    buffer_append_format(html, "<h2 class=\"range\" id=\"%s\">%s <small><time>", section->range.id,
                         section->range.label);
    part_time(html, section->range.from, "%d %b %Y %H:%M");
    buffer_append_string(html, "</time> – <time>");
    part_time(html, section->range.until, "%d %b %Y %H:%M");
    buffer_append_string(html, "</time></small></h2>\n");
    for (size_t i = 0; i < section->count; i++) {
        if (belongs(section->graphs + i, name)) {
            page_graph(html, site, section->graphs + i, name == NULL);
        }
    }
}

static void append_links(struct buffer *html, const struct page_section *section, const char *name)
{
    bool many = part_section_count(section, name) > MANY;

    buffer_append_format(html, "<li><a href=\"#%s\">%s</a>\n%s<ul>\n", section->range.id,
                         section->range.label, many ? "<details><summary>graphs</summary>" : "");
    for (size_t i = 0; i < section->count; i++) {
        if (belongs(section->graphs + i, name)) {
            buffer_append_format(html, "<li><a href=\"#%s\">", section->graphs[i].id);
            part_name(html, section->graphs[i].chart.title);
            buffer_append_string(html, "</a></li>\n");
        }
    }
    buffer_append_format(html, "</ul>%s</li>\n", many ? "</details>" : "");
}

void part_contents(struct buffer *html, const struct page_site *site, const char *name)
{
    size_t graphs = 0;

    for (size_t i = 0; i < site->section_count; i++) {
        graphs += part_section_count(site->sections + i, name);
    }
    if (graphs == 0) {
        return;
    }
    buffer_append_string(html, "<nav class=\"card contents\" aria-label=\"Graphs\"><ul>\n");
    for (size_t i = 0; i < site->section_count; i++) {
        if (part_section_count(site->sections + i, name) > 0) {
            append_links(html, site->sections + i, name);
        }
    }
    buffer_append_string(html, "</ul></nav>\n");
}
