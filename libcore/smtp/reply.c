/*
 * reply - the answers of an SMTP server.  Pure functions: nothing is copied, nothing
 * remembered between two calls.
 */
#include "libcore/smtp/reply.h"

#include "libcore/base/buffer.h"
#include "libcore/base/word.h"

#include <stdio.h>
#include <string.h>

enum { CODE = 3, EXCERPT = 80 };

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static enum smtp_reply_result invalid(struct error *error, const char *what, struct slice line)
{
    struct buffer quoted = {0};

    word_append_quoted(&quoted, slice_of(line.data, line.length < EXCERPT ? line.length : EXCERPT));
    error_set(error, ERROR_PROTOCOL, "%s: %.*s%s", what, (int)buffer_length(&quoted),
              buffer_slice(&quoted).data, line.length > EXCERPT ? "..." : "");
    buffer_clear(&quoted);
    return SMTP_REPLY_INVALID;
}

/* Also of a line whose end has not come: what can never become an answer is not waited for. */
static bool line_begins_well(struct slice line)
{
    for (size_t i = 0; i < CODE && i < line.length; i++) {
        if (!is_digit(line.data[i])) {
            return false;
        }
    }
    return (line.length == 0 || (line.data[0] >= '2' && line.data[0] <= '5')) &&
           (line.length <= CODE || line.data[CODE] == ' ' || line.data[CODE] == '-');
}

static struct slice without_line_end(struct slice line)
{
    if (line.length > 0 && line.data[line.length - 1] == '\n') {
        line.length--;
    }
    if (line.length > 0 && line.data[line.length - 1] == '\r') {
        line.length--;
    }
    return line;
}

static unsigned code_of(struct slice line)
{
    return (unsigned)(line.data[0] - '0') * 100 + (unsigned)(line.data[1] - '0') * 10 +
           (unsigned)(line.data[2] - '0');
}

/* The next line with its end, or what there is of it. */
static struct slice first_line(struct slice rest, bool *whole)
{
    const char *end = rest.length > 0 ? memchr(rest.data, '\n', rest.length) : NULL;

    *whole = end != NULL;
    return end != NULL ? slice_of(rest.data, (size_t)(end - rest.data) + 1) : rest;
}

enum smtp_reply_result smtp_reply_take(struct slice *input, struct smtp_reply *reply,
                                       struct error *error)
{
    struct slice rest = *input;
    unsigned code = 0;
    bool last = false;

    while (!last) {
        bool whole;
        struct slice line = first_line(rest, &whole);
        struct slice text = without_line_end(line);

        if (!line_begins_well(text) || (whole && text.length < CODE)) {
            return invalid(error, "not an SMTP answer", text);
        }
        if (line.length > SMTP_REPLY_LINE) {
            return invalid(error, "a line of the answer is too long", text);
        }
        if ((size_t)(line.data - input->data) + line.length > SMTP_REPLY_TOTAL) {
            return invalid(error, "an answer without end", text);
        }
        if (!whole) {
            return SMTP_REPLY_WAIT;
        }
        if (code != 0 && code_of(text) != code) {
            return invalid(error, "an answer whose lines have different codes", text);
        }
        code = code_of(text);
        last = text.length == CODE || text.data[CODE] == ' ';
        slice_skip(&rest, line.length);
    }
    reply->code = code;
    reply->lines = slice_of(input->data, input->length - rest.length);
    *input = rest;
    return SMTP_REPLY_TAKEN;
}

bool smtp_reply_next_line(struct slice *lines, struct slice *text)
{
    bool whole;

    if (lines->length == 0) {
        return false;
    }
    *text = first_line(*lines, &whole);
    slice_skip(lines, text->length);
    *text = without_line_end(*text);
    slice_skip(text, CODE + 1);
    return true;
}

const char *smtp_reply_text(const struct smtp_reply *reply, char *text, size_t size)
{
    struct slice lines = reply->lines;
    struct slice line;
    int length = snprintf(text, size, "%u", reply->code);
    size_t used = length > 0 && (size_t)length < size ? (size_t)length : size - 1;

    while (smtp_reply_next_line(&lines, &line) && used + 1 < size) {
        size_t room = size - used - 2;
        size_t count = line.length < room ? line.length : room;

        if (line.length == 0) {
            continue;
        }
        text[used++] = ' ';
        for (size_t i = 0; i < count; i++) {
            /* For terminals and logs: what is no text is shown as a question mark. */
            text[used++] =
                (unsigned char)line.data[i] < ' ' || line.data[i] == 127 ? '?' : line.data[i];
        }
    }
    text[used] = '\0';
    return text;
}
