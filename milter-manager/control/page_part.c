/*
 * page_part - what the sections of the page are made of.  Pure formatting.
 */
#include "milter-manager/control/page_part.h"

#include "libcore/base/markup.h"

#include <math.h>
#include <string.h>

#define UNKNOWN "<span class=\"dim\">\xe2\x80\x93</span>"

const json_t *part_member(const json_t *object, const char *key)
{
    return json_object_get(object, key);
}

double part_number(const json_t *object, const char *key)
{
    const json_t *member = part_member(object, key);

    return json_is_number(member) && json_number_value(member) >= 0 ? json_number_value(member)
                                                                    : NAN;
}

struct slice part_string(const json_t *object, const char *key)
{
    const json_t *member = part_member(object, key);

    return slice_of(json_string_value(member), json_string_length(member));
}

bool part_is(const json_t *object, const char *key, const char *value)
{
    return slice_equal_string(part_string(object, key), value);
}

bool part_true(const json_t *object, const char *key)
{
    return json_is_true(part_member(object, key));
}

bool part_false(const json_t *object, const char *key)
{
    return json_is_false(part_member(object, key));
}

void part_html(const struct page *page, const char *html)
{
    buffer_append_string(page->html, html);
}

void part_human(const struct page *page, struct human human)
{
    markup_text(page->html, slice_from_string(human.text));
}

void part_name(const struct page *page, struct slice name, const char *class)
{
    if (name.length == 0) {
        part_html(page, UNKNOWN);
        return;
    }
    buffer_append_format(page->html, "<bdi class=\"cut %s\" title=\"", class);
    markup_attribute(page->html, name);
    part_html(page, "\">");
    markup_text(page->html, name);
    part_html(page, "</bdi>");
}

void part_sentence(const struct page *page, struct slice text)
{
    if (text.length == 0) {
        part_html(page, UNKNOWN);
        return;
    }
    part_html(page, "<bdi class=\"text\" title=\"");
    markup_attribute(page->html, text);
    part_html(page, "\">");
    markup_text(page->html, text);
    part_html(page, "</bdi>");
}

void part_time(const struct page *page, const json_t *object, const char *key)
{
    struct slice text = part_string(object, key);
    time_t time;

    if (!human_parse_time(text, &time)) {
        part_name(page, text, "");
        return;
    }
    part_html(page, "<time datetime=\"");
    markup_attribute(page->html, text);
    part_html(page, "\">");
    part_human(page, human_time(time, page->now));
    part_html(page, " <span class=\"dim\">");
    part_human(page, human_ago(time, page->now));
    part_html(page, "</span></time>");
}

void part_identifier(const struct page *page, double number)
{
    if (number < 1e15) {
        buffer_append_format(page->html, "%.0f", number);
    } else {
        part_human(page, human_count(number));
    }
}

void part_plural(const struct page *page, double count, const char *one, const char *many)
{
    part_human(page, human_count(count));
    part_html(page, " ");
    part_html(page, count == 1 ? one : many);
}

void part_section(const struct page *page, const char *id, const char *title, const char *class)
{
    buffer_append_format(page->html,
                         "<section id=\"%s\" class=\"%s\" aria-labelledby=\"%s-title\">\n"
                         "<h2 id=\"%s-title\">%s</h2>\n",
                         id, class, id, id, title);
}

void part_section_end(const struct page *page)
{
    part_html(page, "</section>\n");
}

/* The roles: a table shown as cards would no longer be one to screen readers. */
void part_table(const struct page *page, const char *caption, const struct page_column *columns)
{
    buffer_append_format(page->html,
                         "<table role=\"table\"><caption class=\"unseen\">%s</caption>\n"
                         "<thead role=\"rowgroup\"><tr role=\"row\">",
                         caption);
    for (; columns->label != NULL; columns++) {
        buffer_append_format(page->html,
                             "<th role=\"columnheader\" scope=\"col\" class=\"%s\"%s%s%s>%s</th>",
                             columns->class, columns->title != NULL ? " title=\"" : "",
                             columns->title != NULL ? columns->title : "",
                             columns->title != NULL ? "\"" : "", columns->label);
    }
    part_html(page, "</tr></thead>\n<tbody role=\"rowgroup\">\n");
}

void part_table_end(const struct page *page)
{
    part_html(page, "</tbody></table>\n");
}

void part_row(const struct page *page, const char *class)
{
    buffer_append_format(page->html, "<tr role=\"row\" class=\"%s\">", class);
}

void part_row_end(const struct page *page)
{
    part_html(page, "</tr>\n");
}

static bool part_is_heading(const struct page_column *column)
{
    return strcmp(column->class, "h") == 0;
}

void part_cell(const struct page *page, const struct page_column *column)
{
    if (part_is_heading(column)) {
        part_html(page, "<th role=\"rowheader\" scope=\"row\" class=\"h\"><div>");
    } else {
        buffer_append_format(page->html, "<td role=\"cell\" class=\"%s\" data-label=\"%s\"><div>",
                             column->class, column->label);
    }
}

void part_cell_end(const struct page *page, const struct page_column *column)
{
    part_html(page, part_is_heading(column) ? "</div></th>" : "</div></td>");
}
