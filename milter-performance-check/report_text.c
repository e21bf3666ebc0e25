/*
 * report_text - percentiles, answers and the course of the run, behind the summary.
 */
#include "milter-performance-check/report_part.h"

#include "libcore/base/figures.h"

#include <inttypes.h>
#include <stdlib.h>

enum { TIME_ROWS = 20, BAR = 30 };

static void append_traffic(struct buffer *output, const struct report *report)
{
    const struct measurement *measurement = report->measurement;

    if (measurement->warm_up_mails > 0) {
        buffer_append_format(output, "     Warm-up: %s mails, not measured\n",
                             report_count(measurement->warm_up_mails).text);
    }
    buffer_append_format(output, "  Recipients: %s accepted",
                         report_count(measurement->recipients_accepted).text);
    buffer_append_format(output, ", %s refused\n",
                         report_count(measurement->recipients_refused).text);
    buffer_append_format(output, " Connections: %s", report_count(measurement->connections).text);
    buffer_append_format(output, ", %s failed before a mail\n",
                         report_count(measurement->connections_failed).text);
    for (size_t i = 0; i < measurement->tls.count; i++) {
        buffer_append_format(output, "         TLS: %s %s\n",
                             report_count(measurement->tls.items[i].count).text,
                             measurement->tls.items[i].text);
    }
    buffer_append_format(output, "     Content: %s in mails sent",
                         report_bytes((double)measurement->content_bytes).text);
    buffer_append_format(output, " (%s/s)\n",
                         report_bytes(report_per_second(report, measurement->content_bytes)).text);
    buffer_append_format(output, " On the wire: %s out",
                         report_bytes((double)measurement->bytes_out).text);
    buffer_append_format(output, " (%s/s)",
                         report_bytes(report_per_second(report, measurement->bytes_out)).text);
    buffer_append_format(output, ", %s in", report_bytes((double)measurement->bytes_in).text);
    buffer_append_format(output, " (%s/s)\n",
                         report_bytes(report_per_second(report, measurement->bytes_in)).text);
}

static void append_replies(struct buffer *output, const struct report *report)
{
    const char *title = "\nAnswers          2xx       3xx       4xx       5xx\n";

    for (enum smtp_phase phase = 0; phase < SMTP_PHASES; phase++) {
        const uint64_t *replies = report->measurement->replies[phase];

        if (replies[2] + replies[3] + replies[4] + replies[5] > 0) {
            buffer_append_format(output,
                                 "%s%-11s %8" PRIu64 "  %8" PRIu64 "  %8" PRIu64 "  %8" PRIu64 "\n",
                                 title, measured_name((enum measured)phase), replies[2], replies[3],
                                 replies[4], replies[5]);
            title = "";
        }
    }
}

static void append_latencies(struct buffer *output, const struct report *report)
{
    bool any = false;
    double figures[FIGURES];

    for (enum measured what = 0; what < MEASURED; what++) {
        const struct histogram *histogram = report->measurement->histograms + what;

        if (!report_row_wanted(report, what)) {
            continue;
        }
        if (!any) {
            buffer_append_format(output, "\n%-12s %9s", "Milliseconds", "count");
            for (size_t i = 0; i < FIGURES; i++) {
                buffer_append_format(output, " %10s", figure_name(i));
            }
            buffer_append_byte(output, '\n');
            any = true;
        }
        figures_of(histogram, figures);
        buffer_append_format(output, "%-12s %9" PRIu64, measured_name(what), histogram->count);
        for (size_t i = 0; i < FIGURES; i++) {
            buffer_append_format(output, " %10.3f", figures[i] * 1e3);
        }
        buffer_append_byte(output, '\n');
    }
}

static double slot_rate(const struct report *report, const struct report_timeline *timeline,
                        size_t number)
{
    return (double)measured_slot_mails(timeline->slots + number) /
           report_slot_seconds(report, timeline, number);
}

static void append_bar(struct buffer *output, double share)
{
    int length = (int)(share * BAR + 0.5);

    if (length > 0) {
        buffer_append_string(output, "  ");
    }
    for (int i = 0; i < length; i++) {
        buffer_append_byte(output, '#');
    }
    buffer_append_byte(output, '\n');
}

/* Nothing for a run of one slot: the totals say the same. */
static void append_time(struct buffer *output, const struct report *report)
{
    struct report_timeline timeline = report_timeline_of(report, TIME_ROWS, 1);
    double most = 0;

    for (size_t i = 0; i < timeline.count; i++) {
        double rate = slot_rate(report, &timeline, i);

        most = rate > most ? rate : most;
    }
    if (timeline.count > 1) {
        buffer_append_format(output, "\n%10s %9s %8s %10s %10s %10s\n", "Second from", "mails/s",
                             "failed", "p50 ms", "p99 ms", "max ms");
    }
    for (size_t i = 0; i < timeline.count && timeline.count > 1; i++) {
        const struct measured_slot *slot = timeline.slots + i;
        double rate = slot_rate(report, &timeline, i);

        buffer_append_format(output, "%11.0f %9.1f %8" PRIu64 " %10.3f %10.3f %10.3f",
                             (double)i * timeline.seconds, rate, report_slot_failures(slot),
                             measured_slot_percentile(slot, 50) * 1e3,
                             measured_slot_percentile(slot, 99) * 1e3, (double)slot->maximum / 1e6);
        append_bar(output, most > 0 ? rate / most : 0);
    }
    free(timeline.slots);
}

static void append_ramp(struct buffer *output, const struct report *report)
{
    if (report->step_count == 0) {
        return;
    }
    buffer_append_format(output, "\n%10s %10s %10s %10s %8s  %s\n", "Mails/s", "achieved", "p50 ms",
                         "p99 ms", "failed", "verdict");
    for (unsigned i = 0; i < report->step_count; i++) {
        const struct ramp_step *step = report->steps + i;

        buffer_append_format(output, "%10.1f %10.1f %10.3f %10.3f %8" PRIu64 "  %s\n", step->rate,
                             ramp_achieved(step),
                             (double)histogram_percentile(&step->mail, 50) / 1e6,
                             (double)histogram_percentile(&step->mail, 99) / 1e6, step->failed,
                             step->overload == NULL ? "keeps up" : step->overload);
    }
    buffer_append_byte(output, '\n');
    report_append_knee(output, report);
    buffer_append_byte(output, '\n');
}

void report_append_text(struct buffer *output, const struct report *report)
{
    if (report->stopped != NULL) {
        buffer_append_format(output, "Stopped: %s\n", report->stopped);
    }
    append_traffic(output, report);
    append_replies(output, report);
    append_latencies(output, report);
    append_time(output, report);
    append_ramp(output, report);
    if (!report->plan->failure_responses) { /* else the summary has told them */
        report_append_failures(output, report);
    }
}
