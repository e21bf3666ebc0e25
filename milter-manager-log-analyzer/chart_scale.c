/*
 * chart_scale - round numbers for the vertical axis of a chart.  Pure functions.
 */
#include "milter-manager-log-analyzer/chart_scale.h"

#include "libcore/base/human.h"

#include <math.h>
#include <stdio.h>

/* 1, 2 or 5 times a power of ten, for two to four steps. */
static double round_step(double highest)
{
    double power = pow(10, floor(log10(highest / 4)));
    double part = highest / 4 / power;

    return (part > 5 ? 10 : part > 2 ? 5 : part > 1 ? 2 : 1) * power;
}

static void add_tick(struct chart *chart, double at, const char *text)
{
    struct chart_tick *tick = chart->ticks + chart->tick_count++;

    tick->at = at;
    (void)snprintf(tick->text, sizeof(tick->text), "%s", text);
}

void chart_scale_linear(struct chart *chart, double highest)
{
    double step;
    unsigned steps;

    highest = isfinite(highest) && highest > 0 ? highest : 1;
    step = round_step(highest);
    /* An error of rounding is not worth a step. */
    steps = (unsigned)ceil(highest / step - 1e-9);
    chart->bottom = 0;
    chart->top = step * steps;
    chart->tick_count = 0;
    for (unsigned i = 0; i <= steps && i < CHART_TICKS; i++) {
        char text[64];

        if (step * i >= 10000) {
            add_tick(chart, (double)i / steps, human_short_count(step * i).text);
        } else {
            (void)snprintf(text, sizeof(text), "%g", step * i);
            add_tick(chart, (double)i / steps, text);
        }
    }
}

static void duration_text(char text[64], double milliseconds)
{
    if (milliseconds < 1000) {
        (void)snprintf(text, 64, "%g ms", milliseconds);
    } else {
        (void)snprintf(text, 64, "%g s", milliseconds / 1000);
    }
}

void chart_scale_logarithmic(struct chart *chart, double lowest, double highest)
{
    int first = (int)floor(log10(fmax(lowest, 0.01)) + 1e-9);
    int last = (int)ceil(log10(fmax(highest, 0.01)) - 1e-9);

    last = last > first ? last : first + 1;
    chart->bottom = pow(10, first);
    chart->top = pow(10, last);
    chart->tick_count = 0;
    for (int i = first; i <= last && chart->tick_count < CHART_TICKS; i++) {
        char text[64];

        duration_text(text, pow(10, i));
        add_tick(chart, (double)(i - first) / (last - first), text);
    }
}
