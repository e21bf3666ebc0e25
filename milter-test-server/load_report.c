/*
 * load_report - the three forms of the report on a load run.  Pure functions.
 */
#include "milter-test-server/load_report.h"

#include "libcore/base/figures.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

static double per_second(const struct load_report *report, uint64_t count)
{
    double seconds = measurement_seconds(report->measurement);

    return seconds > 0 ? (double)count / seconds : 0;
}

/* Only rate mode has a schedule to be late for. */
static bool row_wanted(const struct load_report *report, enum measured what)
{
    return what != MEASURED_DELAY || report->options->rate > 0;
}

/* ---- text */

static void text_rates(struct buffer *output, const struct load_report *report)
{
    const struct measurement *measurement = report->measurement;

    buffer_append_format(
        output,
        "sessions: %" PRIu64 " completed, %" PRIu64 " failed, in %.3f seconds\n"
        "messages: %" PRIu64 "\n"
        "sessions/s: %.1f\nmessages/s: %.1f\nbytes/s out: %.0f\nbytes/s in: %.0f\n",
        measurement->completed, measurement->failed, measurement_seconds(measurement),
        measurement->messages, per_second(report, measurement->completed),
        per_second(report, measurement->messages), per_second(report, measurement->bytes_out),
        per_second(report, measurement->bytes_in));
}

static void text_verdicts(struct buffer *output, const struct measurement *measurement)
{
    const char *separator = "verdicts: ";

    for (size_t i = 0; i < SESSION_STATUSES; i++) {
        if (measurement->statuses[i] > 0) {
            buffer_append_format(output, "%s%s %" PRIu64, separator,
                                 session_status_name((enum session_status)i),
                                 measurement->statuses[i]);
            separator = ", ";
        }
    }
    buffer_append_string(output, separator[0] == ',' ? "\n" : "verdicts: none\n");
    for (enum measured stage = 0; stage < MEASURED_STAGES; stage++) {
        for (size_t i = 0; i < VERDICTS; i++) {
            if (measurement->stage_verdicts[stage][i] > 0) {
                buffer_append_format(output, "verdicts at %s: %s %" PRIu64 "\n",
                                     measured_name(stage), verdict_name((enum verdict)i),
                                     measurement->stage_verdicts[stage][i]);
            }
        }
    }
}

static void text_latencies(struct buffer *output, const struct load_report *report)
{
    double figures[FIGURES];

    buffer_append_format(output, "\n%-19s %9s", "milliseconds", "count");
    for (size_t i = 0; i < FIGURES; i++) {
        buffer_append_format(output, " %10s", figure_name(i));
    }
    buffer_append_byte(output, '\n');
    for (enum measured what = 0; what < MEASURED; what++) {
        const struct histogram *histogram = report->measurement->histograms + what;

        if (histogram->count == 0 || !row_wanted(report, what)) {
            continue;
        }
        figures_of(histogram, figures);
        buffer_append_format(output, "%-19s %9" PRIu64, measured_name(what), histogram->count);
        for (size_t i = 0; i < FIGURES; i++) {
            buffer_append_format(output, " %10.3f", figures[i] * 1e3);
        }
        buffer_append_byte(output, '\n');
    }
}

void load_report_failures(struct buffer *output, const struct measurement *measurement)
{
    for (size_t i = 0; i < measurement->failures.count; i++) {
        uint64_t count = measurement->failures.items[i].count;

        buffer_append_format(output, "%" PRIu64 " session%s failed: %s\n", count,
                             count == 1 ? "" : "s", measurement->failures.items[i].text);
    }
    if (measurement->failures.others > 0) {
        buffer_append_format(output, "%" PRIu64 " sessions failed in other ways\n",
                             measurement->failures.others);
    }
}

static void append_text(struct buffer *output, const struct load_report *report)
{
    if (report->stopped != NULL) {
        buffer_append_format(output, "stopped: %s\n", report->stopped);
    }
    text_rates(output, report);
    text_verdicts(output, report->measurement);
    load_report_failures(output, report->measurement);
    text_latencies(output, report);
}

/* ---- CSV */

static void append_csv(struct buffer *output, const struct load_report *report)
{
    double figures[FIGURES];

    buffer_append_string(output, "stage,count");
    for (size_t i = 0; i < FIGURES; i++) {
        buffer_append_format(output, ",%s", figure_name(i));
    }
    buffer_append_byte(output, '\n');
    for (enum measured what = 0; what < MEASURED; what++) {
        const struct histogram *histogram = report->measurement->histograms + what;

        if (!row_wanted(report, what)) {
            continue;
        }
        figures_of(histogram, figures);
        buffer_append_format(output, "%s,%" PRIu64, measured_name(what), histogram->count);
        for (size_t i = 0; i < FIGURES; i++) {
            if (histogram->count > 0) {
                buffer_append_format(output, ",%.9f", figures[i]);
            } else {
                buffer_append_byte(output, ',');
            }
        }
        buffer_append_byte(output, '\n');
    }
}

/* ---- JSON */

static json_t *json_count(uint64_t count)
{
    return json_integer((json_int_t)count);
}

/* To a nanosecond: digits nobody measured are of no use. */
static json_t *json_seconds(double seconds)
{
    return json_real(round(seconds * 1e9) / 1e9);
}

static json_t *json_sessions(const struct load_report *report)
{
    const struct measurement *measurement = report->measurement;
    json_t *object = json_object();

    json_object_set_new(object, "started", json_count(measurement->started));
    json_object_set_new(object, "completed", json_count(measurement->completed));
    json_object_set_new(object, "failed", json_count(measurement->failed));
    json_object_set_new(object, "per_second",
                        json_real(per_second(report, measurement->completed)));
    return object;
}

static json_t *json_messages(const struct load_report *report)
{
    json_t *object = json_object();

    json_object_set_new(object, "count", json_count(report->measurement->messages));
    json_object_set_new(object, "per_second",
                        json_real(per_second(report, report->measurement->messages)));
    return object;
}

static json_t *json_bytes(const struct load_report *report)
{
    const struct measurement *measurement = report->measurement;
    json_t *object = json_object();

    json_object_set_new(object, "out", json_count(measurement->bytes_out));
    json_object_set_new(object, "in", json_count(measurement->bytes_in));
    json_object_set_new(object, "out_per_second",
                        json_real(per_second(report, measurement->bytes_out)));
    json_object_set_new(object, "in_per_second",
                        json_real(per_second(report, measurement->bytes_in)));
    return object;
}

static json_t *json_verdicts(const struct measurement *measurement)
{
    json_t *object = json_object();

    for (size_t i = 0; i < SESSION_STATUSES; i++) {
        json_object_set_new(object, session_status_name((enum session_status)i),
                            json_count(measurement->statuses[i]));
    }
    return object;
}

static json_t *json_stage_verdicts(const struct measurement *measurement)
{
    json_t *object = json_object();

    for (enum measured stage = 0; stage < MEASURED_STAGES; stage++) {
        json_t *counts = json_object();

        for (size_t i = 0; i < VERDICTS; i++) {
            if (measurement->stage_verdicts[stage][i] > 0) {
                json_object_set_new(counts, verdict_name((enum verdict)i),
                                    json_count(measurement->stage_verdicts[stage][i]));
            }
        }
        if (json_object_size(counts) > 0) {
            json_object_set(object, measured_name(stage), counts);
        }
        json_decref(counts);
    }
    return object;
}

static json_t *json_latencies(const struct load_report *report)
{
    json_t *object = json_object();

    for (enum measured what = 0; what < MEASURED; what++) {
        const struct histogram *histogram = report->measurement->histograms + what;
        json_t *row = json_object();
        double figures[FIGURES];

        figures_of(histogram, figures);
        json_object_set_new(row, "count", json_count(histogram->count));
        for (size_t i = 0; i < FIGURES; i++) {
            json_object_set_new(row, figure_name(i),
                                histogram->count > 0 ? json_seconds(figures[i]) : json_null());
        }
        if (row_wanted(report, what)) {
            json_object_set(object, measured_name(what), row);
        }
        json_decref(row);
    }
    return object;
}

static void append_failure(json_t *array, uint64_t count, const char *text)
{
    json_t *object = json_object();
    json_t *string = json_string(text);

    /* A peer's bytes in the sentence need not be UTF-8. */
    json_object_set_new(object, "text", string != NULL ? string : json_string("not UTF-8"));
    json_object_set_new(object, "count", json_count(count));
    json_array_append_new(array, object);
}

static json_t *json_failures(const struct measurement *measurement)
{
    json_t *array = json_array();

    for (size_t i = 0; i < measurement->failures.count; i++) {
        append_failure(array, measurement->failures.items[i].count,
                       measurement->failures.items[i].text);
    }
    if (measurement->failures.others > 0) {
        append_failure(array, measurement->failures.others, "other failures");
    }
    return array;
}

static void append_json(struct buffer *output, const struct load_report *report)
{
    const struct load_options *options = report->options;
    json_t *object = json_object();
    json_t *peer = json_string(report->peer);
    char *text;

    json_object_set_new(object, "peer", peer != NULL ? peer : json_null());
    json_object_set_new(object, "concurrency", json_count(options->concurrency));
    json_object_set_new(object, "rate", options->rate > 0 ? json_real(options->rate) : json_null());
    json_object_set_new(object, "messages_per_session", json_count(options->messages_per_session));
    json_object_set_new(object, "stopped",
                        report->stopped != NULL ? json_string(report->stopped) : json_null());
    json_object_set_new(object, "elapsed", json_seconds(measurement_seconds(report->measurement)));
    json_object_set_new(object, "sessions", json_sessions(report));
    json_object_set_new(object, "messages", json_messages(report));
    json_object_set_new(object, "bytes", json_bytes(report));
    json_object_set_new(object, "verdicts", json_verdicts(report->measurement));
    json_object_set_new(object, "stage_verdicts", json_stage_verdicts(report->measurement));
    json_object_set_new(object, "latency", json_latencies(report));
    json_object_set_new(object, "failures", json_failures(report->measurement));
    text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    buffer_append_string(output, text);
    buffer_append_byte(output, '\n');
    free(text);
    json_decref(object);
}

void load_report_append(struct buffer *output, const struct load_report *report)
{
    static void (*const forms[])(struct buffer * output, const struct load_report *report) = {
        [LOAD_TEXT] = append_text,
        [LOAD_JSON] = append_json,
        [LOAD_CSV] = append_csv,
    };

    forms[report->options->format](output, report);
}
