/*
 * report_summary - the report of tools.md section 3, as it has always been.
 */
#include "libcore/base/markup.h"
#include "milter-performance-check/report_part.h"

#include <inttypes.h>

static void append_totals(struct buffer *output, const struct report *report)
{
    const struct measurement *measurement = report->measurement;
    const struct histogram *mail = measurement->histograms + MEASURED_MAIL;
    uint64_t mails = measurement_mails_ended(measurement);

    buffer_append_format(output,
                         "Total:\n"
                         "      N mails: %6" PRIu64 "\n"
                         " Elapsed time: %6.2f (sec)\n"
                         "   Throughput: %6.2f (mails/sec)\n"
                         "\n",
                         mails, measurement_seconds(measurement), report_per_second(report, mails));
    buffer_append_format(output,
                         "Per mail:\n"
                         "          Max: %6.2f (sec)\n"
                         "          Min: %6.2f (sec)\n"
                         "      Average: %6.2f (sec)\n"
                         "\n",
                         (double)mail->maximum / 1e9, (double)mail->minimum / 1e9,
                         histogram_mean(mail) / 1e9);
}

static void append_statuses(struct buffer *output, const struct report *report)
{
    static const struct {
        enum outcome outcome;
        const char *name;
    } rows[] = {
        {OUTCOME_TEMPORARY_FAILURE, "Temporary failure"},
        {OUTCOME_REJECT, "Reject"},
        {OUTCOME_ERROR, "Error"},
    };

    buffer_append_string(output, "Status:\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t mails = report->measurement->mails[rows[i].outcome];

        buffer_append_format(output, "%18s: %3" PRIu64 " (%6.2f%%)\n", rows[i].name, mails,
                             report_share(report, mails));
    }
}

void report_append_failures(struct buffer *output, const struct report *report)
{
    static const char *const titles[OUTCOMES] = {
        [OUTCOME_TEMPORARY_FAILURE] = "Temporary failures:",
        [OUTCOME_REJECT] = "Rejects:",
        [OUTCOME_ERROR] = "Errors:",
    };

    for (enum outcome outcome = OUTCOME_TEMPORARY_FAILURE; outcome < OUTCOMES; outcome++) {
        struct report_texts texts = report_texts_of(report, outcome);

        if (texts.count > 0) {
            buffer_append_format(output, "\n%s\n", titles[outcome]);
        }
        for (size_t i = 0; i < texts.count; i++) {
            buffer_append_format(output, "  %" PRIu64 " ", texts.items[i]->count);
            markup_plain(output, slice_from_string(texts.items[i]->text));
            buffer_append_byte(output, '\n');
        }
        if (texts.others > 0) {
            buffer_append_format(output, "  %" PRIu64 " with other texts\n", texts.others);
        }
    }
}

void report_append_summary(struct buffer *output, const struct report *report)
{
    file_records_append(output, report->files, report->mails);
    append_totals(output, report);
    append_statuses(output, report);
    if (report->plan->failure_responses) {
        report_append_failures(output, report);
    }
}
