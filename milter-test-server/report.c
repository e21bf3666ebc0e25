/*
 * report - what the user reads.  Appends to the caller's buffer and prints
 * nothing itself.
 */
#include "milter-test-server/report.h"

#include "milter-test-server/charset.h"
#include "milter-test-server/reply_code.h"

#include <string.h>

enum mark { MARK_SAME, MARK_OLD, MARK_NEW };

static const struct {
    const char *text;
    const char *colour;
} marks[] = {
    [MARK_SAME] = {"  ", NULL},
    [MARK_OLD] = {"- ", "\033[01;31m"},
    [MARK_NEW] = {"+ ", "\033[01;32m"},
};

struct report {
    struct buffer *output;
    bool colour;
};

void report_status(struct buffer *output, const struct session_result *result)
{
    buffer_append_string(output, session_status_name(result->status));
    if (result->code_given) {
        reply_code_describe(output, buffer_slice(&result->code));
    }
}

void report_result(struct buffer *output, const struct session_result *result)
{
    buffer_append_string(output, "status: ");
    report_status(output, result);
    buffer_append_format(output, "\nelapsed-time: %g seconds\n", result->elapsed);
    if (result->status == SESSION_QUARANTINE) {
        buffer_append_string(output, "Quarantine reason: <");
        buffer_append_slice(output, buffer_slice(&result->quarantine));
        buffer_append_string(output, ">\n");
    }
}

static void report_begin(const struct report *report, enum mark mark)
{
    if (report->colour && marks[mark].colour != NULL) {
        buffer_append_string(report->output, marks[mark].colour);
    }
    buffer_append_string(report->output, marks[mark].text);
}

static void report_end(const struct report *report, enum mark mark)
{
    if (report->colour && marks[mark].colour != NULL) {
        buffer_append_string(report->output, "\033[00m");
    }
    buffer_append_byte(report->output, '\n');
}

/* ---- envelope */

static void report_address(const struct report *report, enum mark mark, const char *command,
                           struct slice address)
{
    report_begin(report, mark);
    buffer_append_string(report->output, command);
    buffer_append_slice(report->output, address);
    report_end(report, mark);
}

static void report_envelope(const struct report *report, const struct message *original,
                            const struct message *changed)
{
    const struct slice_list *old = &original->recipients;
    const struct slice_list *new = &changed->recipients;

    if (slice_equal(original->sender, changed->sender)) {
        report_address(report, MARK_SAME, "MAIL FROM:", original->sender);
    } else {
        report_address(report, MARK_OLD, "MAIL FROM:", original->sender);
        report_address(report, MARK_NEW, "MAIL FROM:", changed->sender);
    }
    for (size_t i = 0; i < old->count || i < new->count; i++) {
        if (i < old->count && i < new->count &&slice_equal(old->items[i], new->items[i])) {
            report_address(report, MARK_SAME, "RCPT TO:", old->items[i]);
            continue;
        }
        if (i < old->count) {
            report_address(report, MARK_OLD, "RCPT TO:", old->items[i]);
        }
        if (i < new->count) {
            report_address(report, MARK_NEW, "RCPT TO:", new->items[i]);
        }
    }
}

/* ---- header */

static void report_field(const struct report *report, enum mark mark,
                         const struct header_field *field)
{
    struct slice rest = field->value;
    const char *end;

    report_begin(report, mark);
    buffer_append_slice(report->output, field->name);
    buffer_append_byte(report->output, ':');
    while (rest.length > 0 && (end = memchr(rest.data, '\n', rest.length)) != NULL) {
        size_t length = (size_t)(end - rest.data);

        buffer_append(report->output, rest.data, length);
        report_end(report, mark);
        slice_skip(&rest, length + 1);
        report_begin(report, mark);
    }
    buffer_append_slice(report->output, rest);
    report_end(report, mark);
}

static bool report_same_field(const struct header_field *a, const struct header_field *b)
{
    return slice_equal(a->name, b->name) && slice_equal(a->value, b->value);
}

static bool report_in_rest(const struct header_list *list, size_t from,
                           const struct header_field *wanted)
{
    for (size_t i = from; i < list->count; i++) {
        if (report_same_field(list->fields + i, wanted)) {
            return true;
        }
    }
    return false;
}

/*
 * A field that exists in neither rest and kept its name was changed; one that
 * only the result has was added, one that only the original has was removed.
 */
static void report_headers(const struct report *report, const struct header_list *old,
                           const struct header_list *new)
{
    size_t i = 0, j = 0;

    while (i < old->count && j < new->count) {
        const struct header_field *before = old->fields + i;
        const struct header_field *after = new->fields + j;
        bool added = !report_in_rest(old, i, after);
        bool removed = !report_in_rest(new, j, before);
        bool same_name = slice_equal_ignoring_case(before->name, after->name);

        if (report_same_field(before, after)) {
            report_field(report, MARK_SAME, before);
            i++, j++;
        } else if (same_name && added == removed) {
            report_field(report, MARK_OLD, before);
            report_field(report, MARK_NEW, after);
            i++, j++;
        } else if (added || !removed) {
            report_field(report, MARK_NEW, after);
            j++;
        } else {
            report_field(report, MARK_OLD, before);
            i++;
        }
    }
    for (; i < old->count; i++) {
        report_field(report, MARK_OLD, old->fields + i);
    }
    for (; j < new->count; j++) {
        report_field(report, MARK_NEW, new->fields + j);
    }
}

/* ---- body */

static void report_body(const struct report *report, const struct message *message)
{
    const struct header_field *type =
        header_list_find(&message->headers, slice_from_string("Content-Type"), 1);
    struct buffer body = {0};
    struct buffer converted = {0};
    struct slice shown;
    struct error error = {0};
    struct slice charset;

    for (size_t i = 0; i < message->body.count; i++) {
        buffer_append_slice(&body, message->body.items[i]);
    }
    shown = buffer_slice(&body);
    if (type != NULL && charset_find(type->value, &charset)) {
        if (charset_convert(shown, charset, &converted, &error)) {
            shown = buffer_slice(&converted);
        } else {
            buffer_append_format(report->output,
                                 "Error:---------------------------------\n%s\n"
                                 "---------------------------------------\n",
                                 error.message);
        }
    }
    buffer_append_slice(report->output, shown);
    if (shown.length > 0 && shown.data[shown.length - 1] != '\n') {
        buffer_append_byte(report->output, '\n');
    }
    buffer_clear(&body);
    buffer_clear(&converted);
}

void report_message(struct buffer *output, const struct message *original,
                    const struct message *changed, bool colour)
{
    const struct report report = {output, colour};

    buffer_append_string(output, "\nEnvelope:------------------------------\n");
    report_envelope(&report, original, changed);
    buffer_append_string(output, "Header:--------------------------------\n");
    report_headers(&report, &original->headers, &changed->headers);
    buffer_append_string(output, "Body:----------------------------------\n");
    report_body(&report, changed);
}
