/*
 * report_verdict - what --fail-on and --max-p99 find wrong.
 */
#include "milter-performance-check/report_part.h"

#include <inttypes.h>

static const struct {
    unsigned wanted;
    enum outcome outcome;
    unsigned reply_class; /* of refused recipients; 0: none */
    const char *what;
    const char *option;
} rules[] = {
    {FAIL_ON_4XX, OUTCOME_TEMPORARY_FAILURE, 4, "failed temporarily", "4xx"},
    {FAIL_ON_5XX, OUTCOME_REJECT, 5, "rejected", "5xx"},
    {FAIL_ON_ERROR, OUTCOME_ERROR, 0, "ended with an error", "error"},
};

static const char *were(uint64_t count, unsigned reply_class)
{
    /* "12 mails were rejected", "12 mails failed temporarily" */
    return reply_class != 5 ? "" : count == 1 ? "was " : "were ";
}

/*
 * Answers of that class to RCPT, and to the content (LMTP answers once for each recipient):
 * those beyond the mails that failed are recipients of mails that went to others.
 */
static uint64_t refused_answers(const struct measurement *measurement, unsigned reply_class)
{
    return measurement->replies[SMTP_PHASE_RCPT][reply_class] +
           measurement->replies[SMTP_PHASE_CONTENT][reply_class];
}

static bool judge_outcome(struct buffer *output, const struct measurement *measurement, size_t rule)
{
    uint64_t mails = measurement->mails[rules[rule].outcome];
    unsigned reply_class = rules[rule].reply_class;
    uint64_t answers = reply_class > 0 ? refused_answers(measurement, reply_class) : 0;

    if (mails > 0) {
        buffer_append_format(output, "%" PRIu64 " mail%s %s%s (--fail-on %s)\n", mails,
                             mails == 1 ? "" : "s", were(mails, reply_class), rules[rule].what,
                             rules[rule].option);
    } else if (answers > 0) {
        buffer_append_format(output, "%" PRIu64 " recipient%s %s%s (--fail-on %s)\n", answers,
                             answers == 1 ? "" : "s", were(answers, reply_class), rules[rule].what,
                             rules[rule].option);
    }
    return mails + answers > 0;
}

static bool judge_p99(struct buffer *output, const struct report *report)
{
    const struct histogram *mail = report->measurement->histograms + MEASURED_MAIL;
    double p99 = (double)histogram_percentile(mail, 99) / 1e9;
    double limit = report->plan->max_p99;

    if (mail->count == 0) {
        buffer_append_string(output, "the server did not answer a single mail, so there is no p99 "
                                     "(--max-p99)\n");
        return true;
    }
    if (p99 <= limit) {
        return false;
    }
    buffer_append_format(output, "p99 of a mail is %s, ", report_latency(p99).text);
    buffer_append_format(output, "more than %s (--max-p99)\n", report_latency(limit).text);
    return true;
}

bool report_append_verdict(struct buffer *output, const struct report *report)
{
    const struct plan *plan = report->plan;
    bool found = false;

    if (plan->fail_on == 0 && plan->max_p99 <= 0) {
        return false;
    }
    if (measurement_mails_ended(report->measurement) == 0) {
        buffer_append_format(output, "no mail was measured (%s)\n",
                             plan->fail_on != 0 ? "--fail-on" : "--max-p99");
        return true;
    }
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if ((plan->fail_on & rules[i].wanted) != 0 &&
            judge_outcome(output, report->measurement, i)) {
            found = true;
        }
    }
    return (plan->max_p99 > 0 && judge_p99(output, report)) || found;
}
