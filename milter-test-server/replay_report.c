/*
 * replay_report - the outcome of session files.  Text in, text out.
 */
#include "milter-test-server/replay_report.h"

#include "libcore/base/word.h"

#include <string.h>

static const char *const format_names[] = {
    [REPLAY_TEXT] = "text", [REPLAY_TAP] = "tap", [REPLAY_JUNIT] = "junit"};

bool replay_format_find(const char *name, enum replay_format *format)
{
    for (size_t i = 0; i < sizeof(format_names) / sizeof(format_names[0]); i++) {
        if (strcmp(format_names[i], name) == 0) {
            *format = (enum replay_format)i;
            return true;
        }
    }
    return false;
}

/* ---- text */

static void text_begin(struct buffer *output, size_t count, size_t failed)
{
    (void)output;
    (void)count;
    (void)failed;
}

static void text_case(struct buffer *output, size_t number, const struct replay_case *outcome)
{
    static const char *const words[] = {
        [REPLAY_PASSED] = "ok", [REPLAY_FAILED] = "FAILED", [REPLAY_UPDATED] = "updated"};

    (void)number;
    buffer_append_format(output, "%s %s (%.3f s)\n", words[outcome->outcome], outcome->name,
                         outcome->seconds);
    if (outcome->error->code != ERROR_NONE) {
        buffer_append_format(output, "%s\n", outcome->error->message);
    }
    buffer_append_slice(output, outcome->diff);
}

static void text_end(struct buffer *output, const size_t totals[REPLAY_UPDATED + 1], double seconds)
{
    buffer_append_format(output, "%zu passed, %zu failed", totals[REPLAY_PASSED],
                         totals[REPLAY_FAILED]);
    if (totals[REPLAY_UPDATED] > 0) {
        buffer_append_format(output, ", %zu updated", totals[REPLAY_UPDATED]);
    }
    buffer_append_format(output, " (%.3f s)\n", seconds);
}

/* ---- TAP, version 13 */

static void tap_begin(struct buffer *output, size_t count, size_t failed)
{
    (void)failed;
    buffer_append_format(output, "TAP version 13\n1..%zu\n", count);
}

static void tap_comment(struct buffer *output, struct slice text)
{
    while (text.length > 0) {
        const char *end = memchr(text.data, '\n', text.length);
        size_t length = end != NULL ? (size_t)(end - text.data) : text.length;

        buffer_append_string(output, "# ");
        buffer_append(output, text.data, length);
        buffer_append_byte(output, '\n');
        slice_skip(&text, length + 1);
    }
}

/* A '#' in a name would begin a directive. */
static void tap_name(struct buffer *output, const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name == '#' || *name == '\\') {
            buffer_append_byte(output, '\\');
        }
        buffer_append_byte(output, *name);
    }
}

static void tap_case(struct buffer *output, size_t number, const struct replay_case *outcome)
{
    buffer_append_format(output, "%s %zu - ", outcome->outcome == REPLAY_FAILED ? "not ok" : "ok",
                         number);
    tap_name(output, outcome->name);
    buffer_append_byte(output, '\n');
    if (outcome->outcome == REPLAY_UPDATED) {
        buffer_append_string(output, "# updated\n");
    }
    if (outcome->error->code != ERROR_NONE) {
        tap_comment(output, slice_from_string(outcome->error->message));
    }
    tap_comment(output, outcome->diff);
}

static void tap_end(struct buffer *output, const size_t totals[REPLAY_UPDATED + 1], double seconds)
{
    (void)output;
    (void)totals;
    (void)seconds;
}

/* ---- JUnit */

/* XML 1.0 has no way to write most control characters, U+FFFE and U+FFFF, nor what is no UTF-8. */
static bool xml_can_hold(struct slice text)
{
    return word_is_text(text) && memmem(text.data, text.length, "\xef\xbf\xbe", 3) == NULL &&
           memmem(text.data, text.length, "\xef\xbf\xbf", 3) == NULL;
}

static void xml_text(struct buffer *output, struct slice text)
{
    static const struct {
        char byte;
        const char *entity;
    } entities[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\r', "&#13;"}};
    bool readable = xml_can_hold(text);

    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        const char *entity = NULL;

        for (size_t k = 0; k < sizeof(entities) / sizeof(entities[0]); k++) {
            entity = entities[k].byte == text.data[i] ? entities[k].entity : entity;
        }
        if (entity != NULL) {
            buffer_append_string(output, entity);
        } else if (!readable && (byte >= 127 || (byte < ' ' && byte != '\n' && byte != '\t'))) {
            buffer_append_byte(output, '?');
        } else {
            buffer_append_byte(output, text.data[i]);
        }
    }
}

static void junit_begin(struct buffer *output, size_t count, size_t failed)
{
    buffer_append_format(output,
                         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                         "<testsuite name=\"milter-test-server\" tests=\"%zu\" failures=\"%zu\">\n",
                         count, failed);
}

static void junit_case(struct buffer *output, size_t number, const struct replay_case *outcome)
{
    (void)number;
    buffer_append_string(output, "  <testcase name=\"");
    xml_text(output, slice_from_string(outcome->name));
    buffer_append_format(output, "\" time=\"%.6f\"", outcome->seconds);
    if (outcome->outcome != REPLAY_FAILED) {
        buffer_append_string(output, "/>\n");
        return;
    }
    buffer_append_string(output, ">\n    <failure message=\"");
    xml_text(output, slice_from_string(outcome->error->code != ERROR_NONE
                                           ? outcome->error->message
                                           : "the filter answered otherwise"));
    buffer_append_string(output, "\">");
    xml_text(output, outcome->diff);
    buffer_append_string(output, "</failure>\n  </testcase>\n");
}

static void junit_end(struct buffer *output, const size_t totals[REPLAY_UPDATED + 1],
                      double seconds)
{
    (void)totals;
    (void)seconds;
    buffer_append_string(output, "</testsuite>\n");
}

/* ---- all */

static const struct {
    bool streams;
    void (*begin)(struct buffer *output, size_t count, size_t failed);
    void (*add)(struct buffer *output, size_t number, const struct replay_case *outcome);
    void (*end)(struct buffer *output, const size_t totals[REPLAY_UPDATED + 1], double seconds);
} formats[] = {
    [REPLAY_TEXT] = {true, text_begin, text_case, text_end},
    [REPLAY_TAP] = {true, tap_begin, tap_case, tap_end},
    [REPLAY_JUNIT] = {false, junit_begin, junit_case, junit_end},
};

bool replay_report_streams(enum replay_format format)
{
    return formats[format].streams;
}

void replay_report_begin(struct buffer *output, enum replay_format format, size_t count,
                         size_t failed)
{
    formats[format].begin(output, count, failed);
}

void replay_report_case(struct buffer *output, enum replay_format format, size_t number,
                        const struct replay_case *outcome)
{
    formats[format].add(output, number, outcome);
}

void replay_report_end(struct buffer *output, enum replay_format format,
                       const size_t totals[REPLAY_UPDATED + 1], double seconds)
{
    formats[format].end(output, totals, seconds);
}
