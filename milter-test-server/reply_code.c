/*
 * reply_code - shows a filter's own SMTP reply.  Pure functions; the text is
 * shown as the filter wrote it, doubled percent signs included.
 */
#include "milter-test-server/reply_code.h"

#include <ctype.h>
#include <string.h>

static size_t digits_at(struct slice text, size_t from)
{
    size_t length = 0;

    while (from + length < text.length && isdigit((unsigned char)text.data[from + length])) {
        length++;
    }
    return length;
}

/* The length of an enhanced status code (RFC 3463: "5.7.1") at the front, 0: there is none. */
static size_t enhanced_length(struct slice text)
{
    size_t length = 1;

    if (text.length == 0 || strchr("245", text.data[0]) == NULL || text.data[0] == '\0') {
        return 0;
    }
    for (int part = 0; part < 2; part++) {
        size_t digits;

        if (length >= text.length || text.data[length] != '.') {
            return 0;
        }
        digits = digits_at(text, length + 1);
        if (digits == 0 || digits > 3) {
            return 0;
        }
        length += digits + 1;
    }
    return length == text.length || text.data[length] == ' ' ? length : 0;
}

/* Takes "CODE SP [ENHANCED SP]" off the front of a line; the code is always three bytes. */
static struct slice take_enhanced(struct slice *line)
{
    struct slice enhanced;

    slice_skip(line, 4);
    enhanced = slice_of(line->data, enhanced_length(*line));
    if (enhanced.length > 0) {
        slice_skip(line, enhanced.length + 1);
    }
    return enhanced;
}

static struct slice take_line(struct slice *text)
{
    const char *end = text->length == 0 ? NULL : memchr(text->data, '\n', text->length);
    struct slice line = *text;

    if (end != NULL) {
        line.length = (size_t)(end - text->data);
    }
    slice_skip(text, line.length + 1);
    if (line.length > 0 && line.data[line.length - 1] == '\r') {
        line.length--;
    }
    return line;
}

static void append_or_null(struct buffer *output, struct slice text)
{
    if (text.length > 0) {
        buffer_append_slice(output, text);
    } else {
        buffer_append_string(output, "(null)");
    }
}

void reply_code_describe(struct buffer *output, struct slice reply)
{
    struct slice line = take_line(&reply);
    struct slice code = slice_of(line.data, line.length < 3 ? line.length : 3);

    buffer_append_string(output, " [");
    buffer_append_slice(output, code);
    buffer_append_string(output, "]<");
    append_or_null(output, take_enhanced(&line));
    buffer_append_string(output, ">(");
    append_or_null(output, line);
    while (reply.length > 0) {
        line = take_line(&reply);
        (void)take_enhanced(&line);
        buffer_append_byte(output, '\n');
        buffer_append_slice(output, line);
    }
    buffer_append_byte(output, ')');
}
