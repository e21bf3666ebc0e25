/*
 * graph_script - what gnuplot is to do for a chart.  Pure functions.
 */
#include "milter-manager-log-analyzer/graph_script.h"

#include "libcore/base/markup.h"
#include "libcore/base/utf8.h"
#include "milter-manager-log-analyzer/palette.h"

#include <math.h>
#include <time.h>

/* Of a PNG, in pixels: what stands around the plot of 600 x 200. */
enum {
    LEFT = 84,
    RIGHT = 24,
    TOP = 40,
    BOTTOM = 34,
    ROW = 18,
    PLOT_WIDTH = 600,
    PLOT_HEIGHT = 200
};

/* Characters of a name beside its figures, of other words there, and of a title. */
enum { NAME = 30, WORD = 60, TITLE = 90 };

/* ---- data: bin by bin, or one row when it stays the same */

/* The last rows that were not written yet, from "after the number of the bin" on. */
struct rows {
    struct buffer *script;
    struct buffer previous, current;
    double previous_at;
    bool held; /* previous was left out so far */
};

static void row_end(struct rows *rows, double at)
{
    bool same = slice_equal(buffer_slice(&rows->previous), buffer_slice(&rows->current));

    if (!same) {
        struct buffer swap = rows->previous;

        if (rows->held) {
            buffer_append_format(rows->script, "%g", rows->previous_at);
            buffer_append_slice(rows->script, buffer_slice(&rows->previous));
        }
        buffer_append_format(rows->script, "%g", at);
        buffer_append_slice(rows->script, buffer_slice(&rows->current));
        rows->previous = rows->current;
        rows->current = swap;
    }
    rows->held = same;
    rows->previous_at = at;
    buffer_reset(&rows->current);
}

static void rows_end(struct rows *rows)
{
    if (rows->held) {
        buffer_append_format(rows->script, "%g", rows->previous_at);
        buffer_append_slice(rows->script, buffer_slice(&rows->previous));
    }
    buffer_clear(&rows->previous);
    buffer_clear(&rows->current);
}

/* Areas are stacked in the order of the chart. */
static void append_values(struct buffer *row, const struct chart *chart, size_t bin)
{
    double stack = 0;

    for (size_t i = 0; i < chart->count; i++) {
        const struct chart_trace *trace = chart->traces + i;

        stack += trace->line ? 0 : trace->values[bin];
        if (isnan(trace->values[bin])) {
            buffer_append_string(row, " NaN");
        } else {
            buffer_append_format(row, " %.5g", trace->line ? trace->values[bin] : stack);
        }
    }
    buffer_append_byte(row, '\n');
}

/* Counts go from middle to middle of the bins; latencies, which may lack, are steps. */
static void append_data(struct buffer *script, const struct chart *chart)
{
    size_t bins = chart->range.bins;
    struct rows rows = {.script = script};

    buffer_append_string(script, "$data << END\n");
    for (size_t i = 0; i < bins; i++) {
        bool wide = chart->logarithmic || i == 0;

        if (wide) {
            append_values(&rows.current, chart, i);
            row_end(&rows, (double)i);
        }
        append_values(&rows.current, chart, i);
        row_end(&rows, chart->logarithmic ? (double)(i + 1) : (double)i + 0.5);
    }
    append_values(&rows.current, chart, bins - 1);
    row_end(&rows, (double)bins);
    rows_end(&rows);
    buffer_append_string(script, "END\n");
}

/* ---- words */

/* So much of it as there is room for in a picture: characters of one width, about. */
static struct slice cut(struct slice text, size_t characters)
{
    struct slice rest = text;

    while (rest.length > 0 && characters-- > 0) {
        size_t length = utf8_length(rest);

        slice_skip(&rest, length > 0 ? length : 1);
    }
    return slice_of(text.data, text.length - rest.length);
}

/*
 * In single quotes gnuplot changes nothing.  A quote in the text is joined to it: doubled, as the
 * manual has it, it is not understood at the beginning and beside another.
 */
static void append_quoted(struct buffer *script, const char *text, size_t room)
{
    struct buffer plain = {0};
    struct slice whole, rest;

    markup_plain(&plain, slice_from_string(text));
    whole = buffer_slice(&plain);
    rest = cut(whole, room);
    buffer_append_byte(script, '\'');
    for (size_t i = 0; i < rest.length; i++) {
        if (rest.data[i] == '\'') {
            buffer_append_string(script, "' . \"'\" . '");
        } else {
            buffer_append_byte(script, rest.data[i]);
        }
    }
    buffer_append_string(script, rest.length < whole.length ? "…'" : "'");
    buffer_clear(&plain);
}

static void append_colour(struct buffer *script, unsigned colour, enum graph_format format)
{
    if (format == GRAPH_SVG) {
        buffer_append_format(script, "'#%06x'", colour);
    } else {
        buffer_append_format(script, "'%s'", palette_colour(colour).light);
    }
}

/* ---- plot */

static void append_trace(struct buffer *script, const struct chart *chart, size_t number,
                         enum graph_format format, const char **separator)
{
    const struct chart_trace *trace = chart->traces + number;

    buffer_append_format(script, "%s$data using 1:%zu with %s lc rgb ", *separator, number + 2,
                         trace->line ? "lines lw 1.6" : "filledcurves x1");
    append_colour(script, trace->colour, format);
    buffer_append_string(script, " title ");
    append_quoted(script, trace->label, NAME);
    *separator = ", ";
}

/* From the top of the stack down: what is drawn later covers the rest.  Then the lines. */
static void append_plot(struct buffer *script, const struct chart *chart, enum graph_format format)
{
    const char *separator = "plot ";

    for (size_t i = chart->count; i-- > 0;) {
        if (!chart->traces[i].line) {
            append_trace(script, chart, i, format, &separator);
        }
    }
    for (size_t i = 0; i < chart->count; i++) {
        if (chart->traces[i].line) {
            append_trace(script, chart, i, format, &separator);
        }
    }
    buffer_append_byte(script, '\n');
}

static double tick_value(const struct chart *chart, const struct chart_tick *tick)
{
    return chart->logarithmic ? chart->bottom * pow(chart->top / chart->bottom, tick->at)
                              : chart->bottom + (chart->top - chart->bottom) * tick->at;
}

static void append_ticks(struct buffer *script, const struct chart *chart, bool text)
{
    struct range_tick ticks[RANGE_TICKS];
    size_t count = range_ticks(&chart->range, ticks);

    buffer_append_string(script, "set xtics (");
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(script, "%s'%s' %.4f", i > 0 ? "," : "",
                             text && (!ticks[i].less || count < 10) ? ticks[i].text : "",
                             ticks[i].at * (double)chart->range.bins);
    }
    buffer_append_string(script, ")\nset ytics (");
    for (size_t i = 0; i < chart->tick_count; i++) {
        buffer_append_format(script, "%s'%s' %.9g", i > 0 ? "," : "",
                             text ? chart->ticks[i].text : "", tick_value(chart, chart->ticks + i));
    }
    buffer_append_string(script, ")\n");
}

static void append_frame(struct buffer *script, const struct chart *chart)
{
    buffer_append_format(script,
                         "unset key\nset tics scale 0 nomirror\n"
                         "set xrange [0:%zu]\nset yrange [%.9g:%.9g]\n%s"
                         "set style fill solid 1 noborder\n",
                         chart->range.bins, chart->bottom, chart->top,
                         chart->logarithmic ? "set logscale y\n" : "");
}

static void append_svg(struct buffer *script, const struct chart *chart)
{
    buffer_append_format(script,
                         "reset\nset terminal svg size %u,%u\nset output\n"
                         "set lmargin at screen 0\nset rmargin at screen 1\n"
                         "set bmargin at screen 0\nset tmargin at screen 1\nunset border\n"
                         "set grid back lc rgb 'gray' lw 1 dt solid\n",
                         GRAPH_WIDTH, GRAPH_HEIGHT);
    append_frame(script, chart);
    append_ticks(script, chart, false);
}

/* ---- the legend in a picture */

static unsigned legend_rows(const struct chart *chart)
{
    return (unsigned)chart->count + 1 /* heads */ + 1 /* when it was updated */;
}

void graph_size(const struct chart *chart, enum graph_format format, unsigned size[2])
{
    if (format == GRAPH_SVG) {
        size[0] = GRAPH_WIDTH;
        size[1] = GRAPH_HEIGHT;
    } else {
        size[0] = LEFT + PLOT_WIDTH + RIGHT;
        size[1] = TOP + PLOT_HEIGHT + BOTTOM + ROW * legend_rows(chart) + ROW / 2;
    }
}

static void append_word(struct buffer *script, const char *text, double x, double y, bool right,
                        const char *colour)
{
    buffer_append_string(script, "set label ");
    append_quoted(script, text, right ? WORD : NAME);
    buffer_append_format(script, " at screen %.5f,%.5f %s noenhanced textcolor rgb '%s'\n", x, y,
                         right ? "right" : "left", colour);
}

/* Where figures end, from the left. */
static const double columns[CHART_FIGURES] = {0.56, 0.77, 0.966};

static void append_legend_row(struct buffer *script, const struct chart *chart, size_t number,
                              double y, double height)
{
    const struct chart_trace *trace = chart->traces + number;
    double left = (double)LEFT / (LEFT + PLOT_WIDTH + RIGHT);

    buffer_append_format(script,
                         "set object %zu rectangle from screen %.5f,%.5f to screen %.5f,%.5f "
                         "fillstyle solid 1 noborder fillcolor rgb ",
                         number + 1, left, y - 5 / height, left + 0.014, y + 5 / height);
    append_colour(script, trace->colour, GRAPH_PNG);
    buffer_append_byte(script, '\n');
    append_word(script, trace->label, left + 0.024, y, false, "black");
    for (size_t i = 0; i < CHART_FIGURES; i++) {
        append_word(script, trace->figures[i], columns[i], y, true, "black");
    }
}

static void append_legend(struct buffer *script, const struct chart *chart, int64_t updated,
                          double height)
{
    double y = (height - TOP - PLOT_HEIGHT - BOTTOM - ROW / 2.0) / height;
    double row = ROW / height;
    char text[64] = "";
    struct tm date;
    time_t time = (time_t)updated;

    for (size_t i = 0; i < CHART_FIGURES; i++) {
        append_word(script, chart->figures[i], columns[i], y, true, "#59616b");
    }
    for (size_t i = 0; i < chart->count; i++) {
        append_legend_row(script, chart, i, y - row * (double)(i + 1), height);
    }
    if (updated > 0 && localtime_r(&time, &date) != NULL) {
        (void)strftime(text, sizeof(text), "last update: [%Y-%m-%dT%H:%M:%S%z]", &date);
        append_word(script, text, columns[CHART_FIGURES - 1], y - row * (double)(chart->count + 1),
                    true, "#59616b");
    }
}

static void append_png(struct buffer *script, const struct chart *chart, int64_t updated)
{
    unsigned size[2];

    graph_size(chart, GRAPH_PNG, size);
    buffer_append_format(script,
                         "reset\nset encoding utf8\n"
                         "if (strstrt(GPVAL_TERMINALS, ' pngcairo ') > 0) "
                         "{ set terminal pngcairo size %u,%u font 'sans-serif,9' } "
                         "else { set terminal png size %u,%u font 'sans-serif,9' }\n"
                         "set output\n"
                         "set lmargin at screen %.6f\nset rmargin at screen %.6f\n"
                         "set tmargin at screen %.6f\nset bmargin at screen %.6f\n"
                         "set border 3 lc rgb '#59616b'\nset tics textcolor rgb 'black'\n"
                         "set grid back lc rgb '#d3d7dc' lw 1 dt solid\n",
                         size[0], size[1], size[0], size[1], (double)LEFT / size[0],
                         (double)(LEFT + PLOT_WIDTH) / size[0], 1 - (double)TOP / size[1],
                         1 - (double)(TOP + PLOT_HEIGHT) / size[1]);
    append_frame(script, chart);
    append_ticks(script, chart, true);
    buffer_append_string(script, "set title ");
    append_quoted(script, chart->title, TITLE);
    buffer_append_format(script, " noenhanced\nset ylabel '%s'\n", chart->unit);
    append_legend(script, chart, updated, size[1]);
}

void graph_script(struct buffer *script, const struct chart *chart, enum graph_format format,
                  int64_t updated)
{
    if (format == GRAPH_SVG) {
        append_svg(script, chart);
    } else {
        append_png(script, chart, updated);
    }
    append_data(script, chart);
    append_plot(script, chart, format);
    buffer_append_string(script, "set output\n");
}
