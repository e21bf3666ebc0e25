/*
 * event - reads the statistics lines.
 *
 * Which line it is follows from its brackets; a line that is cut off counts for nothing.
 */
#include "milter-manager-log-analyzer/event.h"

#include "milter-manager-log-analyzer/event_failure.h"
#include "milter-manager-log-analyzer/event_report.h"
#include "milter-manager-log-analyzer/scan.h"

#include <math.h>

/* Items of SERIES_SESSION. */
enum { SESSION_SMTP, SESSION_CHILD, SESSION_DISCONNECTED, SESSION_CONCURRENT };

enum { END_WORDS = 3 };

static const struct slice nobody = {"", 0};

/* A child's part of the record, or the manager's. */
struct end {
    struct slice words[END_WORDS]; /* STATE, STATUS, ELAPSED; older lines: ELAPSED alone */
    size_t count;
};

/* "%g" (not strtod: no end of string, and no locale). */
static bool read_seconds(struct slice text, double *seconds)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    double value = 0, digits = 0;
    uint64_t exponent = 0;
    bool small = false, any = false;

    for (; text.length > 0 && scan_is_digit(text.data[0]); scan_skip(&text, 1), any = true) {
        value = value * 10 + (text.data[0] - '0');
    }
    if (scan_byte(&text, '.')) {
        for (; text.length > 0 && scan_is_digit(text.data[0]); scan_skip(&text, 1), any = true) {
            value = value * 10 + (text.data[0] - '0');
            digits++;
        }
    }
    if (scan_byte(&text, 'e')) {
        small = scan_byte(&text, '-');
        (void)(small || scan_byte(&text, '+'));
        if (!scan_number(&text, &exponent)) {
            return false;
        }
    }
    double scale = (small ? -(double)exponent : (double)exponent) - digits;
    *seconds = scale < 0 && scale > -10 ? value / powers[(int)-scale]
               : scale == 0             ? value
                                        : value * pow(10, scale);
    return any && text.length == 0;
}

/* "[STATE][STATUS][ELAPSED](TAG)", and ends behind that. */
static bool take_end(struct slice *rest, struct end *end)
{
    struct slice tag;

    end->count = 0;
    while (end->count < END_WORDS && scan_byte(rest, '[')) {
        if (!scan_until(rest, ']', &end->words[end->count++])) {
            return false;
        }
    }
    return (end->count == 1 || end->count == END_WORDS) && scan_byte(rest, '(') &&
           scan_until(rest, ')', &tag);
}

static void add_end(struct event *event, const struct end *end, struct slice name,
                    enum series_kind status_kind, enum series_kind latency_kind)
{
    unsigned status;
    double seconds;

    if (end->count == END_WORDS && series_item_find(status_kind, end->words[1], &status)) {
        event_add(event, status_kind, name, status, 1);
    }
    if (read_seconds(end->words[end->count - 1], &seconds)) {
        event_add(event, latency_kind, name, latency_bucket(seconds), 1);
    }
}

/* "(TAG): <NAME>=<VALUE>: MILTER"; values may hold anything, names of milters hardly ">: ". */
static void read_header(const struct log_record *record, struct slice rest, struct event *event)
{
    unsigned counts[EVENT_REPORT_ITEMS];
    struct slice tag, name, milter = nobody;

    if (!scan_byte(&rest, '(') || !scan_until(&rest, ')', &tag) || !SCAN(&rest, ": <") ||
        !scan_until(&rest, '>', &name) || !SCAN(&rest, "=<")) {
        return;
    }
    for (size_t i = rest.length; i >= 3; i--) {
        if (rest.data[i - 3] == '>' && rest.data[i - 2] == ':' && rest.data[i - 1] == ' ') {
            milter = slice_of(rest.data + i, rest.length - i);
            rest.length = i - 3;
            break;
        }
    }
    if (milter.length == 0 || !event_report_read(name, rest, counts)) {
        return;
    }
    for (unsigned i = 0; i < EVENT_REPORT_ITEMS; i++) {
        if (counts[i] > 0) {
            event_add(event, SERIES_REPORT, nobody, i, counts[i]);
            event_add(event, SERIES_MILTER_REPORT,
                      record->child.length > 0 ? record->child : milter, i, counts[i]);
        }
    }
}

static void read_milter(const struct log_record *record, struct slice rest, struct event *event)
{
    struct end end;

    if (SCAN(&rest, "[header][add]")) {
        read_header(record, rest, event);
    } else if (SCAN(&rest, "[end]") && take_end(&rest, &end) && SCAN(&rest, ": ") &&
               rest.length > 0) {
        event_add(event, SERIES_SESSION, nobody, SESSION_CHILD, 1);
        add_end(event, &end, rest, SERIES_MILTER_STATUS, SERIES_MILTER_LATENCY);
    }
}

static void read_session(struct slice rest, struct event *event)
{
    struct end end;

    if (SCAN(&rest, "[end]") && take_end(&rest, &end)) {
        event_add(event, SERIES_SESSION, nobody, SESSION_SMTP, 1);
        add_end(event, &end, nobody, SERIES_STATUS, SERIES_LATENCY);
    } else if (SCAN(&rest, "[disconnected]") && take_end(&rest, &end)) {
        event_add(event, SERIES_SESSION, nobody, SESSION_DISCONNECTED, 1);
    }
}

/* "TOTAL(+NEW) PROCESSING" */
static void read_finished(struct slice rest, struct event *event)
{
    uint64_t total, finished, processing;

    if (scan_number(&rest, &total) && SCAN(&rest, "(+") && scan_number(&rest, &finished) &&
        SCAN(&rest, ") ") && scan_number(&rest, &processing)) {
        event_add(event, SERIES_SESSION, nobody, SESSION_CONCURRENT, processing);
    }
}

/* "STATE][STATUS]": to go on is an answer to every command, but a verdict only at the end. */
static void read_reply(struct slice rest, struct event *event)
{
    static const struct slice pass = SLICE_LITERAL("pass");
    struct slice state, status;
    unsigned item;

    if (!scan_until(&rest, ']', &state) || !scan_byte(&rest, '[') ||
        !scan_until(&rest, ']', &status)) {
        return;
    }
    if (slice_equal_string(status, "continue")) {
        status = slice_equal_string(state, "end-of-message") ? pass : nobody;
    }
    if (series_item_find(SERIES_STATUS, status, &item)) {
        event_add(event, SERIES_STATUS, nobody, item, 1);
    }
}

static void read_abort(struct slice rest, struct event *event)
{
    static const struct slice abort_status = SLICE_LITERAL("abort");
    struct slice state;
    unsigned item;

    if (scan_until(&rest, ']', &state) && series_item_find(SERIES_STATUS, abort_status, &item)) {
        event_add(event, SERIES_STATUS, nobody, item, 1);
    }
}

static void read_memory(struct slice rest, struct event *event)
{
    uint64_t kilobytes;

    if (scan_number(&rest, &kilobytes) && SCAN(&rest, "KB)")) {
        event_add(event, SERIES_MEMORY, nobody, 0, kilobytes);
    }
}

static void read_statistics(const struct log_record *record, struct event *event)
{
    struct slice rest = record->text;

    if (SCAN(&rest, "[milter]")) {
        read_milter(record, rest, event);
    } else if (SCAN(&rest, "[session]")) {
        read_session(rest, event);
    } else if (SCAN(&rest, "[sessions][finished] ")) {
        read_finished(rest, event);
    } else if (SCAN(&rest, "[reply][")) {
        read_reply(rest, event);
    } else if (SCAN(&rest, "[abort][")) {
        read_abort(rest, event);
    } else if (SCAN(&rest, "[maintain][memory] (")) {
        read_memory(rest, event);
    }
}

bool event_read(const struct log_record *record, struct event *event)
{
    struct slice rest = record->text;

    event->count = 0;
    if (record->statistics) {
        read_statistics(record, event);
    } else if (!record->debug && SCAN(&rest, "[children]")) {
        event_failure_read(record, rest, event);
    }
    return event->count > 0;
}
