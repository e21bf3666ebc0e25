/*
 * report_json - all of the report as one object, for programs.
 *
 * The names are an interface: they are documented in the manual page and stay.  Times are
 * seconds; what was not measured is null.  Percentiles of the timeline are exact to a tenth.
 */
#include "milter-performance-check/report_part.h"

#include "libcore/base/figures.h"
#include "libcore/base/utf8.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

/* ---- values */

static void set(json_t *object, const char *name, json_t *value)
{
    json_object_set_new(object, name, value);
}

static json_t *of_count(uint64_t count)
{
    return json_integer((json_int_t)count);
}

/* To a nanosecond: digits nobody measured are of no use. */
static json_t *of_seconds(double seconds)
{
    return json_real(round(seconds * 1e9) / 1e9);
}

static json_t *of_nanoseconds(uint64_t nanoseconds)
{
    return of_seconds((double)nanoseconds / 1e9);
}

static json_t *above_zero(double value)
{
    return value > 0 ? json_real(value) : json_null();
}

/* Bytes that are not UTF-8 become U+FFFD: a peer's or a user's text may hold any. */
static json_t *of_text(const char *text)
{
    struct slice rest = slice_from_string(text);
    struct buffer valid = {0};
    json_t *string;

    if (text == NULL) {
        return json_null();
    }
    while (rest.length > 0) {
        size_t length = utf8_length(rest);

        if (length > 0) {
            buffer_append(&valid, rest.data, length);
        } else {
            buffer_append_string(&valid, "\xef\xbf\xbd");
        }
        slice_skip(&rest, length > 0 ? length : 1);
    }
    string = json_stringn(buffer_slice(&valid).data != NULL ? buffer_slice(&valid).data : "",
                          buffer_length(&valid));
    buffer_clear(&valid);
    return string != NULL ? string : json_null();
}

/* ---- parts */

static json_t *of_options(const struct plan *plan)
{
    json_t *object = json_object();
    json_t *servers = json_array();
    double workers = plan->workers;

    for (size_t i = 0; i < plan->servers.count; i++) {
        json_array_append_new(servers, of_text(plan->servers.each[i].name));
    }
    set(object, "servers", servers);
    set(object, "connections", of_count(plan->connections));
    set(object, "workers", of_count(plan->workers));
    set(object, "mails_per_connection", of_count(plan->mails_per_connection));
    set(object, "mail_limit",
        plan->mail_limit > 0 ? of_count(plan->mail_limit * plan->workers) : json_null());
    set(object, "rate", above_zero(plan->rate * workers));
    set(object, "duration", above_zero(plan->duration));
    set(object, "warm_up", json_real(plan->warm_up));
    set(object, "reading_timeout", json_real(plan->reading_timeout));
    set(object, "lmtp", json_boolean(plan->client.lmtp));
    set(object, "pipelining", json_boolean(plan->client.pipelining));
    set(object, "chunking", json_boolean(plan->client.chunking));
    return object;
}

static json_t *of_mails(const struct report *report)
{
    const struct measurement *measurement = report->measurement;
    uint64_t ended = measurement_mails_ended(measurement);
    json_t *object = json_object();

    set(object, "started", of_count(measurement->started));
    set(object, "ended", of_count(ended));
    set(object, "per_second", json_real(report_per_second(report, ended)));
    for (enum outcome outcome = 0; outcome < OUTCOMES; outcome++) {
        set(object, report_outcome_name(outcome), of_count(measurement->mails[outcome]));
    }
    set(object, "warm_up", of_count(measurement->warm_up_mails));
    return object;
}

static json_t *of_pair(const char *first, uint64_t first_count, const char *second,
                       uint64_t second_count)
{
    json_t *object = json_object();

    set(object, first, of_count(first_count));
    set(object, second, of_count(second_count));
    return object;
}

static json_t *of_bytes(const struct report *report)
{
    const struct measurement *measurement = report->measurement;
    json_t *object = of_pair("out", measurement->bytes_out, "in", measurement->bytes_in);

    set(object, "content", of_count(measurement->content_bytes));
    set(object, "out_per_second", json_real(report_per_second(report, measurement->bytes_out)));
    set(object, "in_per_second", json_real(report_per_second(report, measurement->bytes_in)));
    set(object, "content_per_second",
        json_real(report_per_second(report, measurement->content_bytes)));
    return object;
}

static json_t *of_replies(const struct measurement *measurement)
{
    static const char *const classes[REPLY_CLASSES] = {NULL, NULL, "2xx", "3xx", "4xx", "5xx"};
    json_t *object = json_object();

    for (enum smtp_phase phase = 0; phase < SMTP_PHASES; phase++) {
        json_t *row = json_object();

        for (size_t i = 2; i < REPLY_CLASSES; i++) {
            set(row, classes[i], of_count(measurement->replies[phase][i]));
        }
        set(object, measured_name((enum measured)phase), row);
    }
    return object;
}

static json_t *of_histogram(const struct histogram *histogram)
{
    json_t *row = json_object();
    double figures[FIGURES];

    figures_of(histogram, figures);
    set(row, "count", of_count(histogram->count));
    for (size_t i = 0; i < FIGURES; i++) {
        set(row, figure_name(i), histogram->count > 0 ? of_seconds(figures[i]) : json_null());
    }
    return row;
}

static json_t *of_latencies(const struct report *report)
{
    json_t *object = json_object();

    for (enum measured what = 0; what < MEASURED; what++) {
        if (what != MEASURED_DELAY || report_scheduled(report)) {
            set(object, measured_name(what), of_histogram(report->measurement->histograms + what));
        }
    }
    return object;
}

static json_t *of_slot(const struct measured_slot *slot, double start)
{
    bool timed = measured_slot_timed(slot) > 0;
    json_t *row = json_object();

    set(row, "start", json_real(start));
    for (enum outcome outcome = 0; outcome < OUTCOMES; outcome++) {
        set(row, report_outcome_name(outcome), of_count(slot->mails[outcome]));
    }
    set(row, "min", timed ? of_nanoseconds(slot->minimum) : json_null());
    set(row, "mean", timed ? of_seconds(measured_slot_mean(slot)) : json_null());
    set(row, "p50", timed ? of_seconds(measured_slot_percentile(slot, 50)) : json_null());
    set(row, "p99", timed ? of_seconds(measured_slot_percentile(slot, 99)) : json_null());
    set(row, "max", timed ? of_nanoseconds(slot->maximum) : json_null());
    return row;
}

static json_t *of_timeline(const struct report *report)
{
    struct report_timeline timeline = report_timeline_of(report, TIMELINE_SLOTS, 0);
    json_t *object = json_object();
    json_t *slots = json_array();

    for (size_t i = 0; i < timeline.count; i++) {
        json_array_append_new(slots, of_slot(timeline.slots + i, (double)i * timeline.seconds));
    }
    set(object, "slot_seconds", json_real(timeline.seconds));
    set(object, "slots", slots);
    free(timeline.slots);
    return object;
}

static json_t *of_step(const struct ramp_step *step)
{
    json_t *row = json_object();

    set(row, "rate", json_real(step->rate));
    set(row, "achieved", json_real(ramp_achieved(step)));
    set(row, "sent", of_count(step->sent));
    set(row, "failed", of_count(step->failed));
    set(row, "latency", of_histogram(&step->mail));
    set(row, "overload", of_text(step->overload));
    return row;
}

static json_t *of_ramp(const struct report *report)
{
    const struct ramp *ramp = &report->plan->ramp;
    unsigned judged = ramp_judged(report->steps, report->step_count);
    const struct ramp_step *knee = ramp_knee(report->steps, judged);
    json_t *object;
    json_t *steps;

    if (!report->plan->ramps) {
        return json_null();
    }
    object = json_object();
    steps = json_array();
    set(object, "from", json_real(ramp->from));
    set(object, "to", json_real(ramp->to));
    set(object, "step", json_real(ramp->step));
    set(object, "step_seconds", json_real(ramp->step_seconds));
    for (unsigned i = 0; i < report->step_count; i++) {
        json_array_append_new(steps, of_step(report->steps + i));
    }
    set(object, "steps", steps);
    set(object, "knee", knee != NULL ? json_real(knee->rate) : json_null());
    /* The knee is the last rate of all: the server may bear more. */
    set(object, "knee_reached",
        json_boolean(knee == NULL ? judged > 0 : knee + 1 < report->steps + judged));
    return object;
}

static void append_failure(json_t *array, enum outcome outcome, const char *text, uint64_t count)
{
    json_t *row = json_object();

    set(row, "outcome", json_string(report_outcome_name(outcome)));
    set(row, "text", of_text(text));
    set(row, "count", of_count(count));
    json_array_append_new(array, row);
}

/* How often each. */
static json_t *of_texts(const struct text_counts *texts)
{
    json_t *object = json_object();

    for (size_t i = 0; i < texts->count; i++) {
        set(object, texts->items[i].text, of_count(texts->items[i].count));
    }
    return object;
}

static json_t *of_failures(const struct report *report)
{
    json_t *array = json_array();

    for (enum outcome outcome = OUTCOME_TEMPORARY_FAILURE; outcome < OUTCOMES; outcome++) {
        struct report_texts texts = report_texts_of(report, outcome);

        for (size_t i = 0; i < texts.count; i++) {
            append_failure(array, outcome, texts.items[i]->text, texts.items[i]->count);
        }
        if (texts.others > 0) {
            append_failure(array, outcome, NULL, texts.others);
        }
    }
    return array;
}

static json_t *of_files(const struct report *report)
{
    json_t *array = json_array();

    for (size_t file = 0; file < mails_file_count(report->mails); file++) {
        const struct file_record *record = report->files + file;
        json_t *row = json_object();

        set(row, "name", of_text(mails_file_name(report->mails, file)));
        set(row, "slowest", record->slowest > 0 ? of_nanoseconds(record->slowest) : json_null());
        set(row, "rejected", of_count(record->rejected));
        set(row, "temporarily_failed", of_count(record->temporarily_failed));
        json_array_append_new(array, row);
    }
    return array;
}

static json_t *of_report(const struct report *report)
{
    const struct measurement *measurement = report->measurement;
    json_t *object = json_object();

    set(object, "program", json_string("milter-performance-check"));
    set(object, "version", json_string(MILTER_MANAGER_VERSION));
    set(object, "command_line", of_text(report->plan->command_line));
    set(object, "begun", of_text(report_begun(report).text));
    set(object, "elapsed", of_seconds(measurement_seconds(measurement)));
    set(object, "stopped", of_text(report->stopped));
    set(object, "options", of_options(report->plan));
    set(object, "mails", of_mails(report));
    set(object, "recipients",
        of_pair("accepted", measurement->recipients_accepted, "refused",
                measurement->recipients_refused));
    set(object, "connections",
        of_pair("tried", measurement->connections, "failed", measurement->connections_failed));
    set(object, "tls", of_texts(&measurement->tls));
    set(object, "bytes", of_bytes(report));
    set(object, "replies", of_replies(measurement));
    set(object, "latency", of_latencies(report));
    set(object, "timeline", of_timeline(report));
    set(object, "ramp", of_ramp(report));
    set(object, "failures", of_failures(report));
    set(object, "files", of_files(report));
    return object;
}

void report_append_json(struct buffer *output, const struct report *report)
{
    json_t *object = of_report(report);
    char *text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(12));

    buffer_append_string(output, text);
    buffer_append_byte(output, '\n');
    free(text);
    json_decref(object);
}
