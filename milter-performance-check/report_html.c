/*
 * report_html - a page that people look at: key figures, plots, tables.
 *
 * One file that needs nothing else: no script, nothing to fetch.  What a server or a user said
 * is escaped.
 */
#include "libcore/net/gnuplot.h"
#include "milter-performance-check/report_plots.h"
#include "milter-performance-check/report_style.h"

#include "libcore/base/figures.h"
#include "libcore/base/markup.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- text */

static void append_text(struct buffer *html, const char *text)
{
    markup_text(html, slice_from_string(text));
}

/* ---- tiles */

static void append_tile(struct buffer *html, const char *class, const char *name,
                        struct report_figure value, struct report_figure note)
{
    buffer_append_format(html, "<div class=\"%s\"><dt>%s</dt><dd>%s</dd><dd>%s</dd></div>\n", class,
                         name, value.text, note.text);
}

static struct report_figure note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static struct report_figure note(const char *format, ...)
{
    struct report_figure figure;
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(figure.text, sizeof(figure.text), format, arguments);
    va_end(arguments);
    return figure;
}

static void append_latency_tile(struct buffer *html, const struct histogram *mail, double percent,
                                const char *name, const char *what)
{
    append_tile(html, "", name,
                mail->count > 0 ? report_latency((double)histogram_percentile(mail, percent) / 1e9)
                                : note("–"),
                note("%s", what));
}

static struct report_figure knee_figure(const struct report *report)
{
    unsigned judged = ramp_judged(report->steps, report->step_count);
    const struct ramp_step *knee = ramp_knee(report->steps, judged);

    if (judged == 0) {
        return note("–");
    }
    if (knee == NULL) {
        return note("&lt; %s", report_rate(report->steps[0].rate).text);
    }
    return knee + 1 < report->steps + judged ? report_rate(knee->rate)
                                             : note("≥ %s", report_rate(knee->rate).text);
}

static void append_tiles(struct buffer *html, const struct report *report)
{
    const struct measurement *measurement = report->measurement;
    const struct histogram *mail = measurement->histograms + MEASURED_MAIL;
    uint64_t mails = measurement_mails_ended(measurement);
    uint64_t failed = mails - measurement->mails[OUTCOME_SENT];

    buffer_append_string(html, "<dl class=\"tiles\">\n");
    if (report->step_count > 0) {
        append_tile(html, "", "Knee", knee_figure(report),
                    note("mails/s the server keeps up with"));
    }
    append_tile(html, "", "Throughput", report_rate(report_per_second(report, mails)),
                note("mails/s"));
    append_tile(html, "", "Mails", report_count(mails),
                note("in %.1f s", measurement_seconds(measurement)));
    append_latency_tile(html, mail, 50, "Latency p50", "half are faster");
    append_latency_tile(html, mail, 99, "Latency p99", "99 of 100 are faster");
    append_latency_tile(html, mail, 100, "Slowest", "of all mails answered");
    append_tile(html, failed > 0 ? "bad" : "", "Not sent", report_count(failed),
                failed > 0  ? note("%.2f%% of the mails", report_share(report, failed))
                : mails > 0 ? note("all mails were sent")
                            : note("there were no mails"));
    buffer_append_string(html, "</dl>\n");
}

/* ---- plots */

/* Drawn as wide as they are shown, so that their text is as large as that beside them. */
static const struct {
    const char *class;
    struct plot_size size, whole;
} sizes[] = {
    {"wide", {560, 280, 128}, {1160, 280, 256}},
    {"narrow", {356, 250, 48}, {356, 250, 48}},
};

static bool append_svg(struct buffer *html, const struct report *report, const struct plot *plot,
                       size_t number, bool whole, struct error *error)
{
    const struct plot_size *size = whole ? &sizes[number].whole : &sizes[number].size;
    struct buffer script = {0};
    struct buffer svg = {0};
    char prefix[64];
    bool ok;

    (void)snprintf(prefix, sizeof(prefix), "%s-%s-", plot->name, sizes[number].class);
    (void)plot->script(&script, report, size);
    ok = gnuplot_run(buffer_slice(&script), &svg, error);
    if (ok) {
        buffer_append_format(html,
                             "<svg class=\"%s\" role=\"img\" aria-label=\"%s\" "
                             "viewBox=\"0 0 %u %u\">\n",
                             sizes[number].class, plot->title, size->width, size->height);
        ok = gnuplot_embed(buffer_slice(&svg), prefix, html, error);
        buffer_append_string(html, "</svg>\n");
    }
    buffer_clear(&script);
    buffer_clear(&svg);
    return ok;
}

static bool has_data(const struct report *report, const struct plot *plot)
{
    struct buffer script = {0};
    bool any = plot->script(&script, report, &sizes[0].size);

    buffer_clear(&script);
    return any;
}

static bool append_plot(struct buffer *html, const struct report *report, const struct plot *plot,
                        bool whole, struct error *error)
{
    bool ok = true;

    buffer_append_format(html, "<figure class=\"card%s\"><h2>%s</h2>\n<figcaption class=\"keys\">",
                         whole ? " whole" : "", plot->title);
    plot->key(html, report);
    buffer_append_string(html, "</figcaption>\n");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && ok; i++) {
        ok = append_svg(html, report, plot, i, whole, error);
    }
    buffer_append_string(html, "</figure>\n");
    return ok;
}

static bool append_plots(struct buffer *html, const struct report *report, struct error *error)
{
    const struct plot *plots;
    size_t count = report_plots(&plots);
    size_t drawn = 0;
    bool ok = true;

    buffer_append_string(html, "<div class=\"plots\">\n");
    for (size_t i = 0; i < count; i++) {
        drawn += has_data(report, plots + i) ? 1 : 0;
    }
    for (size_t i = 0; i < count && ok; i++) {
        if (has_data(report, plots + i)) {
            /* The last one alone in its row takes it all. */
            ok = append_plot(html, report, plots + i, i + 1 == count && drawn % 2 == 1, error);
        }
    }
    if (drawn == 0) {
        buffer_append_string(html, "<div class=\"card whole\"><p class=\"none\">There is nothing "
                                   "to draw: the server did not answer a single mail.</p></div>\n");
    }
    buffer_append_string(html, "</div>\n");
    return ok;
}

/* ---- tables */

/* Columns that a narrow window has no room for. */
static const char *column_class(size_t figure)
{
    static const char *const narrow[] = {"min", "p90", "p99.9"};

    for (size_t i = 0; i < sizeof(narrow) / sizeof(narrow[0]); i++) {
        if (strcmp(figure_name(figure), narrow[i]) == 0) {
            return " class=\"less\"";
        }
    }
    return "";
}

static void begin_latencies(struct buffer *html)
{
    buffer_append_string(html, "<section class=\"card\"><h2>Latency</h2>\n<div class=\"scroll\">"
                               "<table><thead><tr><th>what</th><th>count</th>");
    for (size_t i = 0; i < FIGURES; i++) {
        buffer_append_format(html, "<th%s>%s</th>", column_class(i), figure_name(i));
    }
    buffer_append_string(html, "</tr></thead>\n<tbody>\n");
}

static void append_latencies(struct buffer *html, const struct report *report)
{
    double figures[FIGURES];
    bool any = false;

    for (enum measured what = 0; what < MEASURED; what++) {
        const struct histogram *histogram = report->measurement->histograms + what;

        if (!report_row_wanted(report, what)) {
            continue;
        }
        if (!any) {
            begin_latencies(html);
            any = true;
        }
        figures_of(histogram, figures);
        buffer_append_format(html, "<tr><th>%s</th><td>%s</td>", measured_name(what),
                             report_count(histogram->count).text);
        for (size_t i = 0; i < FIGURES; i++) {
            buffer_append_format(html, "<td%s>%s</td>", column_class(i),
                                 report_latency(figures[i]).text);
        }
        buffer_append_string(html, "</tr>\n");
    }
    buffer_append_string(html, any ? "</tbody></table></div></section>\n" : "");
}

static void append_ramp(struct buffer *html, const struct report *report)
{
    if (report->step_count == 0) {
        return;
    }
    buffer_append_string(html,
                         "<section class=\"card\"><h2>Ramp</h2>\n<div class=\"scroll\"><table>"
                         "<thead><tr><th>mails/s</th><th>achieved</th><th>p50</th><th>p99</th>"
                         "<th>failed</th><th>verdict</th></tr></thead>\n<tbody>\n");
    for (unsigned i = 0; i < report->step_count; i++) {
        const struct ramp_step *step = report->steps + i;
        double p50 = (double)histogram_percentile(&step->mail, 50) / 1e9;
        double p99 = (double)histogram_percentile(&step->mail, 99) / 1e9;

        buffer_append_format(html, "<tr><th>%s</th>", report_rate(step->rate).text);
        buffer_append_format(html, "<td>%.1f</td><td>%s</td>", ramp_achieved(step),
                             report_latency(p50).text);
        buffer_append_format(html, "<td>%s</td><td>%" PRIu64 "</td><td>", report_latency(p99).text,
                             step->failed);
        append_text(html, step->overload != NULL ? step->overload : "keeps up");
        buffer_append_string(html, "</td></tr>\n");
    }
    buffer_append_string(html, "</tbody></table></div></section>\n");
}

static void append_replies(struct buffer *html, const struct report *report)
{
    static const char title[] =
        "<section class=\"card\"><h2>Answers</h2>\n<div "
        "class=\"scroll\"><table><thead><tr><th>to</th>"
        "<th>2xx</th><th>3xx</th><th>4xx</th><th>5xx</th></tr></thead>\n<tbody>\n";
    bool any = false;

    for (enum smtp_phase phase = 0; phase < SMTP_PHASES; phase++) {
        const uint64_t *replies = report->measurement->replies[phase];

        if (replies[2] + replies[3] + replies[4] + replies[5] == 0) {
            continue;
        }
        buffer_append_format(html, "%s<tr><th>%s</th>", any ? "" : title,
                             measured_name((enum measured)phase));
        for (size_t i = 2; i < REPLY_CLASSES; i++) {
            buffer_append_format(html, "<td%s>%s</td>", replies[i] == 0 ? " class=\"zero\"" : "",
                                 report_count(replies[i]).text);
        }
        buffer_append_string(html, "</tr>\n");
        any = true;
    }
    buffer_append_string(html, any ? "</tbody></table></div></section>\n" : "");
}

static void append_failure(struct buffer *html, enum outcome outcome, uint64_t count,
                           const char *text)
{
    static const char *const names[OUTCOMES] = {
        [OUTCOME_TEMPORARY_FAILURE] = "4xx", [OUTCOME_REJECT] = "5xx", [OUTCOME_ERROR] = "error"};

    buffer_append_format(html, "<tr><th>%s</th><td>%s</td><td class=\"text\">", names[outcome],
                         report_count(count).text);
    append_text(html, text);
    buffer_append_string(html, "</td></tr>\n");
}

static void append_failures(struct buffer *html, const struct report *report)
{
    const char *title =
        "<section class=\"card\"><h2>Mails that were not sent</h2>\n<table><tbody>\n";
    bool any = false;

    for (enum outcome outcome = OUTCOME_TEMPORARY_FAILURE; outcome < OUTCOMES; outcome++) {
        struct report_texts texts = report_texts_of(report, outcome);

        for (size_t i = 0; i < texts.count; i++) {
            buffer_append_string(html, any ? "" : title);
            append_failure(html, outcome, texts.items[i]->count, texts.items[i]->text);
            any = true;
        }
        if (texts.others > 0) {
            append_failure(html, outcome, texts.others, "with other texts");
        }
    }
    buffer_append_string(html, any ? "</tbody></table></section>\n" : "");
}

/* ---- how it was run */

static void append_fact(struct buffer *html, const char *name, const char *first,
                        const char *second)
{
    buffer_append_format(html, "<div><dt>%s</dt><dd>", name);
    append_text(html, first);
    append_text(html, second);
    buffer_append_string(html, "</dd></div>\n");
}

static void append_traffic(struct buffer *html, const struct measurement *measurement)
{
    append_fact(html, "Recipients accepted", report_count(measurement->recipients_accepted).text,
                "");
    append_fact(html, "Recipients refused", report_count(measurement->recipients_refused).text, "");
    append_fact(html, "Connections", report_count(measurement->connections).text, "");
    append_fact(html, "Connections failed before a mail",
                report_count(measurement->connections_failed).text, "");
    for (size_t i = 0; i < measurement->tls.count; i++) {
        append_fact(html, measurement->tls.count > 1 ? "TLS, one of several" : "TLS",
                    measurement->tls.items[i].text, "");
    }
    append_fact(html, "Content of mails sent",
                report_bytes((double)measurement->content_bytes).text, "");
    append_fact(html, "Bytes out on the wire", report_bytes((double)measurement->bytes_out).text,
                "");
    append_fact(html, "Bytes in on the wire", report_bytes((double)measurement->bytes_in).text, "");
    if (measurement->warm_up_mails > 0) {
        append_fact(html, "Warm-up, not measured", report_count(measurement->warm_up_mails).text,
                    " mails");
    }
}

/* append: markup_text, or markup_attribute where no markup may be. */
static void append_servers(struct buffer *html, const struct report *report,
                           void (*append)(struct buffer *html, struct slice text))
{
    const struct servers *servers = &report->plan->servers;

    for (size_t i = 0; i < servers->count; i++) {
        buffer_append_string(html, i > 0 ? ", " : "");
        append(html, slice_from_string(servers->each[i].name));
    }
}

static void append_how(struct buffer *html, const struct report *report)
{
    buffer_append_string(html, "<section class=\"card\"><h2>How it was run</h2>\n"
                               "<dl class=\"how\">\n<div class=\"whole\"><dt>Command line</dt>"
                               "<dd><code>");
    append_text(html, report->plan->command_line != NULL ? report->plan->command_line : "");
    buffer_append_string(html, "</code></dd></div>\n<div><dt>Servers</dt><dd>");
    append_servers(html, report, markup_text);
    buffer_append_string(html, "</dd></div>\n");
    append_fact(html, "Begun", report_begun(report).text, "");
    append_fact(html, "Connections in each worker", report_count(report->plan->connections).text,
                "");
    append_fact(html, "Workers", report_count(report->plan->workers).text, "");
    append_traffic(html, report->measurement);
    append_fact(html, "Program", "milter-performance-check ", MILTER_MANAGER_VERSION);
    buffer_append_string(html, "</dl></section>\n");
}

/* ---- the page */

static void append_head(struct buffer *html, const struct report *report)
{
    buffer_append_string(html,
                         "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                         "<meta name=\"viewport\" content=\"width=device-width\"/>\n"
                         "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
                         "<title>Load of ");
    append_servers(html, report, markup_attribute);
    buffer_append_format(
        html, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<header><h1>Load of ", report_style);
    append_servers(html, report, markup_text);
    buffer_append_format(html, "</h1>\n<p>%s, %.1f seconds</p></header>\n<main>\n",
                         report_begun(report).text, measurement_seconds(report->measurement));
    if (report->stopped != NULL) {
        buffer_append_string(html, "<p class=\"notice\">Stopped before its time: ");
        append_text(html, report->stopped);
        buffer_append_string(html, "</p>\n");
    }
}

static void append_knee(struct buffer *html, const struct report *report)
{
    struct buffer sentence = {0};

    if (report->step_count == 0) {
        return;
    }
    report_append_knee(&sentence, report);
    buffer_append_byte(&sentence, '\0');
    buffer_append_string(html, "<p class=\"knee\">");
    append_text(html, buffer_slice(&sentence).data);
    buffer_append_string(html, "</p>\n");
    buffer_clear(&sentence);
}

bool report_append_html(struct buffer *output, const struct report *report, struct error *error)
{
    struct buffer html = {0};
    bool ok;

    append_head(&html, report);
    append_tiles(&html, report);
    append_knee(&html, report);
    ok = append_plots(&html, report, error);
    append_latencies(&html, report);
    append_ramp(&html, report);
    append_failures(&html, report);
    append_replies(&html, report);
    append_how(&html, report);
    buffer_append_string(&html, "</main>\n</body>\n</html>\n");
    if (ok) {
        buffer_append_slice(output, buffer_slice(&html));
    }
    buffer_clear(&html);
    return ok;
}
