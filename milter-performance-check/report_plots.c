/*
 * report_plots - what gnuplot is to draw of a run.  Pure functions.
 */
#include "milter-performance-check/report_plots.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

static const enum measured phases[] = {
    MEASURED_MAIL,
    (enum measured)SMTP_PHASE_CONNECT,
    (enum measured)SMTP_PHASE_TLS,
    (enum measured)SMTP_PHASE_AUTH,
    (enum measured)SMTP_PHASE_MAIL,
    (enum measured)SMTP_PHASE_RCPT,
    (enum measured)SMTP_PHASE_DATA,
    (enum measured)SMTP_PHASE_CONTENT,
};

enum { PHASES = sizeof(phases) / sizeof(phases[0]) };

size_t plot_phases(const enum measured **rows)
{
    *rows = phases;
    return PHASES;
}

static void begin(struct buffer *script, const struct plot_size *size)
{
    buffer_append_format(script,
                         "set terminal svg size %u,%u font 'sans-serif,12'\n"
                         "unset key\n"
                         "set border 3 lc rgb 'gray'\n"
                         "set grid back lc rgb 'gray' lw 0.6 dt solid\n"
                         "set tics nomirror scale 0.4\n"
                         "set tics textcolor rgb 'black'\n"
                         "set datafile missing 'NaN'\n"
                         "set style fill solid 1 noborder\n"
                         "set ytics format '%%g'\n",
                         size->width, size->height);
}

/* 1, 2, 5, 10 ... where tens alone would leave an axis without a word. */
static void fine_tics(struct buffer *script, char axis, double lowest, double highest)
{
    static const double steps[] = {1, 2, 5};
    const char *separator = "";

    buffer_append_format(script, "set %ctics (", axis);
    for (int exponent = -4; exponent <= 8; exponent++) {
        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
            double tic = steps[i] * pow(10, exponent);

            if (tic >= lowest && tic <= highest) {
                buffer_append_format(script, "%s%g", separator, tic);
                separator = ",";
            }
        }
    }
    buffer_append_string(script, ")\n");
}

/* A logarithmic axis of latencies in milliseconds. */
static void latency_axis(struct buffer *script, char axis, double lowest, double highest)
{
    lowest = lowest > 0.001 ? lowest / 1.5 : 0.001;
    highest = highest > lowest ? highest * 1.5 : lowest * 10;
    buffer_append_format(script,
                         "set logscale %c\n"
                         "set %crange [%.6g:%.6g]\n"
                         "set %clabel 'milliseconds'\n"
                         "set %ctics format '%%g'\n",
                         axis, axis, lowest, highest, axis, axis);
    if (highest < 200 * lowest) {
        fine_tics(script, axis, lowest, highest);
    }
}

/* ---- latency over time */

static void append_milliseconds(struct buffer *script, bool timed, double seconds)
{
    if (timed) {
        buffer_append_format(script, " %.6f", seconds * 1e3);
    } else {
        buffer_append_string(script, " NaN");
    }
}

static size_t latency_data(struct buffer *script, const struct report_timeline *timeline)
{
    size_t timed = 0;

    buffer_append_string(script, "$data << END\n");
    for (size_t i = 0; i < timeline->count; i++) {
        const struct measured_slot *slot = timeline->slots + i;
        bool any = measured_slot_timed(slot) > 0;

        buffer_append_format(script, "%.4f", ((double)i + 0.5) * timeline->seconds);
        append_milliseconds(script, any, measured_slot_percentile(slot, 50));
        append_milliseconds(script, any, measured_slot_percentile(slot, 99));
        append_milliseconds(script, any, (double)slot->maximum / 1e9);
        buffer_append_byte(script, '\n');
        timed += any ? 1 : 0;
    }
    buffer_append_string(script, "END\n");
    return timed;
}

static double mail_milliseconds(const struct report *report, double percent)
{
    const struct histogram *mail = report->measurement->histograms + MEASURED_MAIL;

    return (double)histogram_percentile(mail, percent) / 1e6;
}

static bool latency_script(struct buffer *script, const struct report *report,
                           const struct plot_size *size)
{
    struct report_timeline timeline = report_timeline_of(report, size->slots, 0);
    const struct histogram *mail = report->measurement->histograms + MEASURED_MAIL;
    const char *style;
    size_t timed;

    begin(script, size);
    latency_axis(script, 'y', mail_milliseconds(report, 1), (double)mail->maximum / 1e6);
    timed = latency_data(script, &timeline);
    /* A line through few points, or one alone, would hardly be seen. */
    style = timed < 12 ? "linespoints pt 7 ps 0.5" : "lines";
    buffer_append_format(script,
                         "set xlabel 'seconds'\nset xrange [0:%.4f]\n"
                         "plot $data using 1:4 with %s lw 1 lc rgb '#%06x', "
                         "$data using 1:3 with %s lw 1.8 lc rgb '#%06x', "
                         "$data using 1:2 with %s lw 2.2 lc rgb '#%06x'\n",
                         (double)timeline.count * timeline.seconds, style, PLOT_MAXIMUM, style,
                         PLOT_P99, style, PLOT_P50);
    free(timeline.slots);
    return timed > 0;
}

static void key_entry(struct buffer *html, int colour, const char *text)
{
    buffer_append_format(
        html, "<span><i class=\"key\" style=\"background:var(--c%d)\"></i>%s</span>", colour, text);
}

static void latency_key(struct buffer *html, const struct report *report)
{
    (void)report;
    key_entry(html, PLOT_P50, "half of the mails are faster (p50)");
    key_entry(html, PLOT_P99, "99 of 100 are (p99)");
    key_entry(html, PLOT_MAXIMUM, "slowest");
}

/* ---- throughput */

/* From the top of the stack down: what is drawn later covers the rest. */
static const struct {
    enum outcome outcome;
    enum plot_colour colour;
    const char *text;
} stack[] = {
    {OUTCOME_ERROR, PLOT_ERROR, "error"},
    {OUTCOME_REJECT, PLOT_REJECT, "rejected (5xx)"},
    {OUTCOME_TEMPORARY_FAILURE, PLOT_TEMPORARY_FAILURE, "temporary failure (4xx)"},
    {OUTCOME_SENT, PLOT_SENT, "sent"},
};

enum { STACK = sizeof(stack) / sizeof(stack[0]) };

static void throughput_data(struct buffer *script, const struct report *report,
                            const struct report_timeline *timeline)
{
    buffer_append_string(script, "$data << END\n");
    for (size_t i = 0; i < timeline->count; i++) {
        const struct measured_slot *slot = timeline->slots + i;
        double seconds = report_slot_seconds(report, timeline, i);
        uint64_t mails = measured_slot_mails(slot);

        buffer_append_format(script, "%.4f", ((double)i + 0.5) * timeline->seconds);
        for (size_t j = 0; j < STACK; j++) {
            buffer_append_format(script, " %.4f", (double)mails / seconds);
            mails -= slot->mails[stack[j].outcome];
        }
        buffer_append_byte(script, '\n');
    }
    buffer_append_string(script, "END\n");
}

static bool throughput_script(struct buffer *script, const struct report *report,
                              const struct plot_size *size)
{
    double least = measurement_seconds(report->measurement) / (double)size->slots;
    struct report_timeline timeline =
        report_timeline_of(report, size->slots, least < 0.25 ? 0.25 : 0);
    size_t count = timeline.count;

    begin(script, size);
    throughput_data(script, report, &timeline);
    buffer_append_format(script,
                         "set xlabel 'seconds'\nset ylabel 'mails/s'\nset xrange [0:%.4f]\n"
                         "set yrange [0:*]\nset boxwidth %.6f absolute\nset grid noxtics\nplot ",
                         (double)timeline.count * timeline.seconds,
                         timeline.seconds * (count > 60 ? 1 : 0.9));
    for (size_t i = 0; i < STACK; i++) {
        buffer_append_format(script, "%s$data using 1:%zu with boxes lc rgb '#%06x'",
                             i > 0 ? ", " : "", i + 2, stack[i].colour);
    }
    buffer_append_byte(script, '\n');
    free(timeline.slots);
    return count > 0;
}

static void throughput_key(struct buffer *html, const struct report *report)
{
    for (size_t i = STACK; i-- > 0;) {
        if (stack[i].outcome == OUTCOME_SENT || report->measurement->mails[stack[i].outcome] > 0) {
            key_entry(html, (int)stack[i].colour, stack[i].text);
        }
    }
}

/* ---- distribution */

static void distribution_data(struct buffer *script, size_t number,
                              const struct histogram *histogram)
{
    buffer_append_format(script, "$data%zu << END\n%.6f 0\n", number,
                         (double)histogram->minimum / 1e6);
    for (int step = 1; step <= 200; step++) {
        buffer_append_format(script, "%.6f %.1f\n",
                             (double)histogram_percentile(histogram, step * 0.5) / 1e6, step * 0.5);
    }
    buffer_append_string(script, "END\n");
}

static bool distribution_script(struct buffer *script, const struct report *report,
                                const struct plot_size *size)
{
    const char *separator = "plot ";
    struct buffer plots = {0};
    double lowest = 0, highest = 0;

    begin(script, size);
    /* The mail, first of the phases, is drawn over the others. */
    for (size_t i = PHASES; i-- > 0;) {
        const struct histogram *histogram = report->measurement->histograms + phases[i];
        double minimum = (double)histogram->minimum / 1e6;

        if (histogram->count == 0) {
            continue;
        }
        lowest = lowest <= 0 || minimum < lowest ? minimum : lowest;
        highest =
            (double)histogram->maximum / 1e6 > highest ? (double)histogram->maximum / 1e6 : highest;
        distribution_data(script, i, histogram);
        buffer_append_format(&plots, "%s$data%zu using 1:2 with lines lw %s lc rgb '#%06x'",
                             separator, i, i == 0 ? "3" : "1.6", (unsigned)(PLOT_FIRST_PHASE + i));
        separator = ", ";
    }
    latency_axis(script, 'x', lowest, highest);
    buffer_append_string(script, "set ylabel 'percent of all'\nset yrange [0:100]\n"
                                 "set ytics (0,25,50,75,90,99)\n");
    buffer_append_slice(script, buffer_slice(&plots));
    buffer_append_byte(script, '\n');
    buffer_clear(&plots);
    return highest > 0;
}

static void distribution_key(struct buffer *html, const struct report *report)
{
    for (size_t i = 0; i < PHASES; i++) {
        if (report->measurement->histograms[phases[i]].count > 0) {
            key_entry(html, PLOT_FIRST_PHASE + (int)i, measured_name(phases[i]));
        }
    }
}

/* ---- ramp */

static void ramp_data(struct buffer *script, const struct report *report)
{
    buffer_append_string(script, "$data << END\n");
    for (unsigned i = 0; i < report->step_count; i++) {
        const struct ramp_step *step = report->steps + i;
        bool timed = step->mail.count > 0;

        buffer_append_format(script, "%.6f %.6f", step->rate, ramp_achieved(step));
        append_milliseconds(script, timed, (double)histogram_percentile(&step->mail, 50) / 1e9);
        append_milliseconds(script, timed, (double)histogram_percentile(&step->mail, 99) / 1e9);
        buffer_append_byte(script, '\n');
    }
    buffer_append_string(script, "END\n");
}

static void ramp_begin(struct buffer *script, const struct report *report,
                       const struct plot_size *size)
{
    unsigned judged = ramp_judged(report->steps, report->step_count);
    const struct ramp_step *knee = ramp_knee(report->steps, judged);
    double first = report->steps[0].rate;
    double last = report->steps[report->step_count - 1].rate;
    double margin = last > first ? (last - first) / 20 : first / 2;

    begin(script, size);
    ramp_data(script, report);
    buffer_append_format(script, "set xlabel 'mails/s wanted'\nset xrange [%.6f:%.6f]\n",
                         first - margin, last + margin);
    if (knee != NULL && knee + 1 < report->steps + judged) { /* else it was not reached */
        buffer_append_format(script,
                             "set arrow from first %.6f, graph 0 to first %.6f, graph 1 nohead "
                             "lw 1.4 dt 2 lc rgb 'black' back\n"
                             "set label 'knee' at first %.6f, graph 0.94 %s offset %s,0 "
                             "textcolor rgb 'black'\n",
                             knee->rate, knee->rate, knee->rate,
                             knee->rate > (first + last) / 2 ? "right" : "left",
                             knee->rate > (first + last) / 2 ? "-0.6" : "0.6");
    }
}

static bool ramp_latency_script(struct buffer *script, const struct report *report,
                                const struct plot_size *size)
{
    double lowest = 0, highest = 0;

    if (report->step_count == 0) {
        return false;
    }
    for (unsigned i = 0; i < report->step_count; i++) {
        double p50 = (double)histogram_percentile(&report->steps[i].mail, 50) / 1e6;
        double p99 = (double)histogram_percentile(&report->steps[i].mail, 99) / 1e6;

        lowest = p50 > 0 && (lowest <= 0 || p50 < lowest) ? p50 : lowest;
        highest = p99 > highest ? p99 : highest;
    }
    ramp_begin(script, report, size);
    latency_axis(script, 'y', lowest, highest);
    buffer_append_format(script,
                         "plot $data using 1:4 with linespoints pt 7 ps 0.5 lw 1.8 lc rgb '#%06x', "
                         "$data using 1:3 with linespoints pt 7 ps 0.5 lw 2.2 lc rgb '#%06x'\n",
                         PLOT_P99, PLOT_P50);
    return highest > 0;
}

static void ramp_latency_key(struct buffer *html, const struct report *report)
{
    (void)report;
    key_entry(html, PLOT_P50, "p50");
    key_entry(html, PLOT_P99, "p99");
}

static bool ramp_rate_script(struct buffer *script, const struct report *report,
                             const struct plot_size *size)
{
    if (report->step_count == 0) {
        return false;
    }
    ramp_begin(script, report, size);
    buffer_append_format(script,
                         "set ylabel 'mails/s achieved'\nset yrange [0:*]\n"
                         "plot x with lines lw 1.6 dt 2 lc rgb '#%06x', "
                         "$data using 1:2 with linespoints pt 7 ps 0.5 lw 2.2 lc rgb '#%06x'\n",
                         PLOT_MAXIMUM, PLOT_SENT);
    return true;
}

static void ramp_rate_key(struct buffer *html, const struct report *report)
{
    (void)report;
    key_entry(html, PLOT_SENT, "achieved");
    key_entry(html, PLOT_MAXIMUM, "as wanted");
}

/* ---- all */

static const struct plot plots_of_all[] = {
    {"ramp-latency", "Latency by rate", ramp_latency_script, ramp_latency_key},
    {"ramp-rate", "Achieved by wanted rate", ramp_rate_script, ramp_rate_key},
    {"latency", "Latency of a mail over time", latency_script, latency_key},
    {"throughput", "Throughput over time", throughput_script, throughput_key},
    {"distribution", "How many were faster than …", distribution_script, distribution_key},
};

size_t report_plots(const struct plot **plots)
{
    *plots = plots_of_all;
    return sizeof(plots_of_all) / sizeof(plots_of_all[0]);
}
