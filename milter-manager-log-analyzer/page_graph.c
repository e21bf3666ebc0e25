/*
 * page_graph - a graph on a page.
 *
 * gnuplot draws areas, lines and grid only: what is text is text of the page, so that it is as
 * large in a narrow window as in a wide one.
 */
#include "milter-manager-log-analyzer/page_graph.h"

#include "libcore/base/human.h"
#include "libcore/base/markup.h"
#include "libcore/net/gnuplot.h"
#include "milter-manager-log-analyzer/graph_script.h"
#include "milter-manager-log-analyzer/page_name.h"
#include "milter-manager-log-analyzer/page_part.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_ROWS = 12 };

/* ---- axes */

static void append_y(struct buffer *html, const struct chart *chart)
{
    buffer_append_string(html, "<div class=\"y\" aria-hidden=\"true\">");
    for (size_t i = 0; i < chart->tick_count; i++) {
        buffer_append_format(html, "<span style=\"bottom:%.4g%%\">%s</span>",
                             chart->ticks[i].at * 100, chart->ticks[i].text);
    }
    buffer_append_string(html, "</div>");
}

static void append_x(struct buffer *html, const struct chart *chart)
{
    struct range_tick ticks[RANGE_TICKS];
    size_t count = range_ticks(&chart->range, ticks);

    buffer_append_string(html, "<div class=\"x\" aria-hidden=\"true\">");
    for (size_t i = 0; i < count; i++) {
        /* One at the edge would stand out. */
        if (ticks[i].at > 0.02 && ticks[i].at < 0.98) {
            buffer_append_format(html, "<span%s style=\"left:%.4g%%\">%s</span>",
                                 ticks[i].less ? " class=\"less\"" : "", ticks[i].at * 100,
                                 ticks[i].text);
        }
    }
    buffer_append_string(html, "</div>\n");
}

/* ---- the picture */

static bool append_svg(struct buffer *html, const struct page_graph *graph, struct slice picture)
{
    const struct chart *chart = &graph->chart;
    struct buffer content = {0};
    struct error error = {0};
    bool ok = gnuplot_embed(picture, graph->id, &content, &error);

    if (ok) {
        buffer_append_format(html, "<div class=\"plot\"><p class=\"unit\">%s</p>", chart->unit);
        append_y(html, chart);
        buffer_append_string(html, "<svg role=\"img\" aria-label=\"");
        markup_attribute(html, slice_from_string(chart->title));
        buffer_append_format(html, ", %s\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\">\n",
                             chart->range.label, GRAPH_WIDTH, GRAPH_HEIGHT);
        buffer_append_slice(html, buffer_slice(&content));
        buffer_append_string(html, "</svg>");
        append_x(html, chart);
        buffer_append_string(html, "</div>\n");
    }
    buffer_clear(&content);
    return ok;
}

char *page_graph_file(const struct page_graph *graph)
{
    return page_name_of_picture(graph->chart.file, graph->name, graph->chart.range.tag);
}

static void append_png(struct buffer *html, const struct page_graph *graph)
{
    char *file = page_graph_file(graph);
    unsigned size[2];

    graph_size(&graph->chart, GRAPH_PNG, size);
    buffer_append_string(html, "<img src=\"");
    markup_path(html, slice_from_string(file));
    buffer_append_format(html, "\" width=\"%u\" height=\"%u\" alt=\"", size[0], size[1]);
    markup_attribute(html, slice_from_string(graph->chart.title));
    buffer_append_format(html, ", %s\"/>\n", graph->chart.range.label);
    free(file);
}

/* ---- a table in its place */

static double value_of(const struct chart *chart, const struct chart_trace *trace, size_t first,
                       size_t end)
{
    double sum = 0, highest = NAN;

    for (size_t i = first; i < end; i++) {
        sum += trace->values[i];
        highest = fmax(highest, trace->values[i]);
    }
    return chart->logarithmic ? highest / 1000 : sum / (double)(end - first);
}

static void append_table(struct buffer *html, const struct chart *chart)
{
    size_t each = (chart->range.bins + TABLE_ROWS - 1) / TABLE_ROWS;

    buffer_append_string(html,
                         "<div class=\"scroll\"><table class=\"numbers\"><thead><tr><th>from</th>");
    for (size_t i = 0; i < chart->count; i++) {
        buffer_append_string(html, "<th class=\"n\">");
        part_name(html, chart->traces[i].label);
        buffer_append_string(html, "</th>");
    }
    buffer_append_string(html, "</tr></thead><tbody>\n");
    for (size_t first = 0; first < chart->range.bins; first += each) {
        size_t end = first + each < chart->range.bins ? first + each : chart->range.bins;

        buffer_append_string(html, "<tr><th>");
        part_time(html, chart->range.from + (int64_t)first * chart->range.step, "%d %b %H:%M");
        buffer_append_string(html, "</th>");
        for (size_t i = 0; i < chart->count; i++) {
            double value = value_of(chart, chart->traces + i, first, end);

            buffer_append_string(html, "<td class=\"n\">");
            if (chart->logarithmic) {
                part_text(html, human_latency(value).text);
            } else {
                buffer_append_format(html, "%.2f", value);
            }
            buffer_append_string(html, "</td>");
        }
        buffer_append_string(html, "</tr>\n");
    }
    buffer_append_format(html, "</tbody></table><p class=\"dim\">%s</p></div>\n",
                         chart->logarithmic ? "the highest of each part of the range"
                                            : chart->unit);
}

/* ---- legend */

/* Where there is no room, the unit of all is left out, not that of a latency. */
static void append_trace(struct buffer *html, const struct chart *chart,
                         const struct chart_trace *trace)
{
    buffer_append_format(html, "<tr><th><i class=\"key%s\" style=\"background:var(--c%u)\"></i>",
                         trace->line ? " line" : "", trace->colour);
    part_name(html, trace->label);
    buffer_append_string(html, "</th>");
    for (size_t i = 0; i < CHART_FIGURES; i++) {
        const char *unit = strchr(trace->figures[i], ' ');
        size_t length =
            unit != NULL ? (size_t)(unit - trace->figures[i]) : strlen(trace->figures[i]);

        buffer_append_string(html, "<td class=\"n\">");
        markup_text(html, slice_of(trace->figures[i], length));
        if (unit != NULL) {
            buffer_append_format(html, " <small%s>", chart->logarithmic ? "" : " class=\"unit\"");
            part_text(html, unit + 1);
            buffer_append_string(html, "</small>");
        }
        buffer_append_string(html, "</td>");
    }
    buffer_append_string(html, "</tr>\n");
}

/* From the top of the picture down. */
static void append_legend(struct buffer *html, const struct page_site *site,
                          const struct chart *chart)
{
    buffer_append_string(html, "<div class=\"legend\"><table><thead><tr><th></th>");
    for (size_t i = 0; i < CHART_FIGURES; i++) {
        buffer_append_format(html, "<th class=\"n\">%s</th>", chart->figures[i]);
    }
    buffer_append_string(html, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < chart->count; i++) {
        append_trace(html, chart, chart->traces + i);
    }
    buffer_append_string(html, "</tbody></table>\n");
    if (chart->nothing_count > 0) {
        buffer_append_string(html, "<p>none: ");
        for (size_t i = 0; i < chart->nothing_count; i++) {
            buffer_append_string(html, i > 0 ? ", " : "");
            part_text(html, chart->nothing[i]);
        }
        buffer_append_string(html, "</p>\n");
    }
    if (chart->note != NULL) {
        buffer_append_format(html, "<p>%s</p>\n", chart->note);
    }
    buffer_append_string(html, "<p class=\"updated\">last update: [");
    part_time(html, site->newest, "%Y-%m-%dT%H:%M:%S%z");
    buffer_append_string(html, "]</p></div>\n");
}

/* ---- all */

void page_graph(struct buffer *html, const struct page_site *site, const struct page_graph *graph,
                bool linked)
{
    struct slice picture = graphs_picture(site->graphs, graph->number);

    buffer_append_format(html, "<figure class=\"card graph\" id=\"%s\"><figcaption>", graph->id);
    if (linked && graph->name[0] != '\0') {
        part_link(html, graph->name, graph->chart.title);
    } else {
        part_name(html, graph->chart.title);
    }
    buffer_append_string(html, "</figcaption>\n");
    if (picture.length > 0 && site->options->format == GRAPH_PNG) {
        append_png(html, graph);
    } else {
        if (picture.length == 0 || !append_svg(html, graph, picture)) {
            append_table(html, &graph->chart);
        }
        append_legend(html, site, &graph->chart);
    }
    buffer_append_string(html, "</figure>\n");
}
