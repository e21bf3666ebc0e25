/*
 * report_part - what the forms of the report have in common.  Pure functions.
 */
#include "milter-performance-check/report_part.h"

#include "libcore/base/memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double report_per_second(const struct report *report, uint64_t count)
{
    double seconds = measurement_seconds(report->measurement);

    return seconds > 0 ? (double)count / seconds : 0;
}

double report_share(const struct report *report, uint64_t count)
{
    uint64_t mails = measurement_mails_ended(report->measurement);

    return mails > 0 ? 100 * (double)count / (double)mails : 0;
}

bool report_scheduled(const struct report *report)
{
    return report->plan->rate > 0 || report->plan->ramps;
}

bool report_row_wanted(const struct report *report, enum measured what)
{
    return report->measurement->histograms[what].count > 0 &&
           (what != MEASURED_DELAY || report_scheduled(report));
}

const char *report_outcome_name(enum outcome outcome)
{
    static const char *const names[OUTCOMES] = {
        [OUTCOME_SENT] = "sent",
        [OUTCOME_TEMPORARY_FAILURE] = "temporary-failure",
        [OUTCOME_REJECT] = "reject",
        [OUTCOME_ERROR] = "error",
    };

    return names[outcome];
}

uint64_t report_slot_failures(const struct measured_slot *slot)
{
    return measured_slot_mails(slot) - slot->mails[OUTCOME_SENT];
}

/* ---- figures */

/* Three digits. */
static struct report_figure three_digits(double value, const char *unit)
{
    struct report_figure figure;
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

    (void)snprintf(figure.text, sizeof(figure.text), "%.*f %s", decimals, value, unit);
    return figure;
}

struct report_figure report_latency(double seconds)
{
    return seconds < 0.9995 ? three_digits(seconds * 1e3, "ms") : three_digits(seconds, "s");
}

struct report_figure report_bytes(double bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
    struct report_figure figure;
    size_t unit = 0;

    if (bytes < 999.5) {
        (void)snprintf(figure.text, sizeof(figure.text), "%.0f bytes", bytes);
        return figure;
    }
    bytes /= 1e3;
    while (bytes >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        bytes /= 1e3;
        unit++;
    }
    return three_digits(bytes, units[unit]);
}

struct report_figure report_count(uint64_t count)
{
    struct report_figure figure = {""};
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    size_t at = 0;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            figure.text[at++] = ',';
        }
        figure.text[at++] = digits[i];
    }
    figure.text[at] = '\0';
    return figure;
}

struct report_figure report_rate(double rate)
{
    struct report_figure figure;

    if (fabs(rate - round(rate)) < 1e-6 && rate < 1e15) {
        return report_count((uint64_t)(rate > 0 ? round(rate) : 0));
    }
    (void)snprintf(figure.text, sizeof(figure.text), "%.*f", rate < 99.95 ? 2 : 1, rate);
    return figure;
}

struct report_figure report_begun(const struct report *report)
{
    struct report_figure figure = {""};
    time_t begun = (time_t)report->wall_clock;
    struct tm utc;

    if (gmtime_r(&begun, &utc) != NULL) {
        (void)strftime(figure.text, sizeof(figure.text), "%Y-%m-%dT%H:%M:%SZ", &utc);
    }
    return figure;
}

/* ---- texts */

static int by_count(const void *a, const void *b)
{
    const struct text_count *first = *(const struct text_count *const *)a;
    const struct text_count *second = *(const struct text_count *const *)b;

    if (first->count != second->count) {
        return first->count < second->count ? 1 : -1;
    }
    return strcmp(first->text, second->text);
}

struct report_texts report_texts_of(const struct report *report, enum outcome outcome)
{
    const struct text_counts *counts = report->measurement->texts + outcome;
    struct report_texts texts = {.others = counts->others};

    for (; texts.count < counts->count && texts.count < TEXT_COUNTS; texts.count++) {
        texts.items[texts.count] = counts->items + texts.count;
    }
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are sorted */
    qsort(texts.items, texts.count, sizeof(texts.items[0]), by_count);
    return texts;
}

/* ---- time */

/* A few mails in the very last moment must not look like thousands a second. */
static void join_end(const struct report *report, struct report_timeline *timeline)
{
    double begin = (double)(timeline->count - 1) * timeline->seconds;

    if (timeline->count > 1 &&
        measurement_seconds(report->measurement) - begin < timeline->seconds / 4) {
        measured_slot_merge(timeline->slots + timeline->count - 2,
                            timeline->slots + timeline->count - 1);
        timeline->count--;
    }
}

struct report_timeline report_timeline_of(const struct report *report, size_t most, double shortest)
{
    const struct timeline *timeline = &report->measurement->timeline;
    size_t length = timeline_length(timeline);
    size_t joined = 1;
    struct report_timeline result = {.seconds = (double)timeline->slot_length / 1e9};

    if (length == 0) {
        return result;
    }
    /* Powers of two: lengths people like. */
    while (length > joined * most || (double)joined * result.seconds < shortest) {
        joined *= 2;
    }
    result.count = (length + joined - 1) / joined;
    result.seconds *= (double)joined;
    result.slots = memory_new(result.count, sizeof(*result.slots));
    for (size_t i = 0; i < length; i++) {
        measured_slot_merge(result.slots + i / joined, timeline->slots + i);
    }
    join_end(report, &result);
    return result;
}

double report_slot_seconds(const struct report *report, const struct report_timeline *timeline,
                           size_t number)
{
    double left = measurement_seconds(report->measurement) - (double)number * timeline->seconds;

    if (number + 1 < timeline->count) {
        return timeline->seconds;
    }
    return left > timeline->seconds / 4 ? left : timeline->seconds / 4;
}

/* ---- ramp */

static void append_step(struct buffer *output, const struct ramp_step *step)
{
    double p99 = (double)histogram_percentile(&step->mail, 99) / 1e9;

    buffer_append_format(output, "%s mails/s", report_rate(step->rate).text);
    buffer_append_format(output, " (p99 %s)", report_latency(p99).text);
}

static void append_overload(struct buffer *output, const struct ramp_step *step)
{
    double p99 = (double)histogram_percentile(&step->mail, 99) / 1e9;

    buffer_append_format(output, "at %s mails/s ", report_rate(step->rate).text);
    buffer_append_format(output, "p99 was %s: %s", report_latency(p99).text, step->overload);
}

void report_append_knee(struct buffer *output, const struct report *report)
{
    unsigned judged = ramp_judged(report->steps, report->step_count);
    const struct ramp_step *knee = ramp_knee(report->steps, judged);
    const struct ramp_step *end = report->steps + judged;

    if (report->step_count == 0) {
        return;
    }
    if (judged == 0) {
        buffer_append_string(output, "Knee: unknown; interrupted at the first rate");
    } else if (knee == NULL) {
        buffer_append_string(output, "Knee: below the first rate; ");
        append_overload(output, report->steps);
    } else if (knee + 1 == end) {
        buffer_append_string(output, "Knee: not reached; the server kept up with ");
        append_step(output, knee);
    } else {
        buffer_append_string(output, "Knee: ");
        append_step(output, knee);
        buffer_append_string(output, "; ");
        append_overload(output, knee + 1);
    }
}
