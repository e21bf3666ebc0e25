/*
 * page_chart - sixty minutes of one counter as bars.
 *
 * The bars are SVG that is stretched to the room there is; the figures of the
 * axes are HTML around it, so that they stay readable at any width.
 */
#include "milter-manager/control/page_chart.h"

#include "libcore/base/markup.h"

#include <math.h>

enum { MINUTES = 60 };

struct chart {
    double values[MINUTES]; /* NAN: not known; the last one is now */
    double total, peak;
    unsigned known, peak_at;
};

/* When the newest minute ended; false: the samples do not say. */
static bool chart_newest(const json_t *history, time_t *newest)
{
    size_t size = json_array_size(history);

    return size > 0 &&
           human_parse_time(part_string(json_array_get(history, size - 1), "time"), newest);
}

/*
 * The slot of a sample: by its distance from the newest one, rounded, because samples are not
 * taken to the second; without times by its place from the end.
 */
static double chart_slot(const struct page *page, const json_t *history, size_t index)
{
    const json_t *sample = json_array_get(history, index);
    time_t newest, time;

    if (chart_newest(history, &newest) && human_parse_time(part_string(sample, "time"), &time)) {
        double age = difftime(page->now, newest);

        return MINUTES - 1 - (age > 0 ? floor(age / 60) : 0) -
               floor((difftime(newest, time) + 30) / 60);
    }
    return MINUTES - (double)(json_array_size(history) - index);
}

static struct chart chart_read(const struct page *page, const char *key)
{
    const json_t *history = part_member(page->status, "history");
    size_t size = json_array_size(history);
    struct chart chart = {.peak = -1};

    for (unsigned i = 0; i < MINUTES; i++) {
        chart.values[i] = NAN;
    }
    for (size_t i = 0; i < size; i++) {
        const json_t *sample = json_array_get(history, i);
        double value = part_number(sample, key), slot = chart_slot(page, history, i);

        if (isnan(value) || !(slot >= 0 && slot < MINUTES)) {
            continue;
        }
        /* Two samples in one slot: neither is lost. */
        chart.known += isnan(chart.values[(unsigned)slot]) ? 1 : 0;
        chart.values[(unsigned)slot] =
            value + (isnan(chart.values[(unsigned)slot]) ? 0 : chart.values[(unsigned)slot]);
    }
    for (unsigned i = 0; i < MINUTES; i++) {
        if (!isnan(chart.values[i])) {
            chart.total += chart.values[i];
            if (chart.values[i] > chart.peak) {
                chart.peak = chart.values[i];
                chart.peak_at = i;
            }
        }
    }
    return chart;
}

/* The end of the axis: 2, 4, 6 or 10 times a power of ten, so that the middle is a round figure. */
static double chart_top(double peak)
{
    static const double steps[] = {2, 4, 6, 10};
    double power = 1;

    while (peak > 10 * power && power < 1e300) {
        power *= 10;
    }
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (peak <= steps[i] * power) {
            return steps[i] * power;
        }
    }
    return peak;
}

static struct human chart_time(const struct page *page, unsigned slot)
{
    return human_time(page->now - (time_t)(MINUTES - 1 - slot) * 60, page->now);
}

static void chart_bars(const struct page *page, const struct chart *chart, double top)
{
    part_html(page, "<path class=\"grid\" d=\"M0 0H60M0 50H60M0 100H60\"/>");
    for (unsigned i = 0; i < MINUTES; i++) {
        double height = 100 * chart->values[i] / top;

        if (!(chart->values[i] > 0)) {
            continue;
        }
        /* What is there can be seen. */
        height = height < 2 ? 2 : height;
        buffer_append_format(page->html,
                             "<rect x=\"%u.1\" y=\"%.1f\" width=\".8\" height=\"%.1f\"><title>", i,
                             100 - height, height);
        part_human(page, chart_time(page, i));
        part_html(page, ": ");
        part_human(page, human_count(chart->values[i]));
        part_html(page, "</title></rect>");
    }
}

static void chart_plot(const struct page *page, const struct chart *chart, const char *label)
{
    double top = chart_top(chart->peak);

    part_html(page, "<div class=\"plot\"><div class=\"y\" aria-hidden=\"true\"><span>");
    part_human(page, human_short_count(top));
    part_html(page, "</span><span>");
    part_human(page, human_short_count(top / 2));
    buffer_append_format(page->html,
                         "</span><span>0</span></div>\n<svg role=\"img\" aria-label=\"%s, the last "
                         "60 minutes: ",
                         label);
    part_human(page, human_count(chart->total));
    part_html(page, " in all, at most ");
    part_human(page, human_count(chart->peak));
    part_html(page, " in a minute, at ");
    part_human(page, chart_time(page, chart->peak_at));
    part_html(page, "\" viewBox=\"0 0 60 100\" preserveAspectRatio=\"none\">");
    chart_bars(page, chart, top);
    part_html(page, "</svg>\n<div class=\"x\" aria-hidden=\"true\"><span>60 min</span>"
                    "<span>45</span><span>30</span><span>15</span><span>now</span></div></div>\n");
}

void page_chart(const struct page *page, const char *key, const char *label, const char *class)
{
    const json_t *history = part_member(page->status, "history");
    size_t size = json_array_size(history);
    struct chart chart = chart_read(page, key);

    buffer_append_format(page->html,
                         "<figure class=\"chart %s\"><figcaption><span class=\"what\">%s</span>"
                         "<span class=\"now\"><strong>",
                         class, label);
    part_human(page, human_count(size > 0 ? part_number(json_array_get(history, size - 1), key)
                                          : (double)NAN));
    part_html(page, "</strong> <span class=\"dim\">a minute</span></span><span class=\"dim sum\">");
    if (chart.known == 0) {
        part_html(page, "No minute has been counted yet</span></figcaption></figure>\n");
        return;
    }
    part_human(page, human_count(chart.total));
    part_html(page, " in ");
    part_human(page, human_duration(60.0 * chart.known));
    if (chart.peak > 0) {
        part_html(page, ", peak ");
        part_human(page, human_count(chart.peak));
    }
    part_html(page, "</span></figcaption>\n");
    chart_plot(page, &chart, label);
    part_html(page, "</figure>\n");
}
