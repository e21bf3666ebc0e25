/*
 * log_json - a line of the log as one JSON object.
 *
 * Written by hand, as a line is made for every mail and child: no tree is
 * built.  Owns nothing and writes nowhere.
 */
#include "libcore/base/log_json.h"

#include "libcore/base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool json_plain(char byte)
{
    return byte >= ' ' && byte < 0x7f && byte != '"' && byte != '\\';
}

static size_t json_plain_length(struct slice text)
{
    size_t length = 0;

    while (length < text.length && json_plain(text.data[length])) {
        length++;
    }
    return length;
}

static void json_escape(struct buffer *buffer, char byte)
{
    static const char bytes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = byte != '\0' ? strchr(bytes, byte) : NULL;

    if (found != NULL) {
        buffer_append_byte(buffer, '\\');
        buffer_append_byte(buffer, letters[found - bytes]);
    } else {
        buffer_append_format(buffer, "\\u%04x", (unsigned)(unsigned char)byte);
    }
}

/*
 * Characters that are legal in a string and still end a line or change what a
 * terminal shows: the controls U+0080 to U+009F, the separators U+2028, U+2029.
 */
static bool json_escape_wide(struct buffer *buffer, struct slice character)
{
    const unsigned char *bytes = (const unsigned char *)character.data;

    if (character.length == 2 && bytes[0] == 0xc2 && bytes[1] < 0xa0) {
        buffer_append_format(buffer, "\\u%04x", (unsigned)bytes[1]);
        return true;
    }
    if (character.length == 3 && bytes[0] == 0xe2 && bytes[1] == 0x80 &&
        (bytes[2] == 0xa8 || bytes[2] == 0xa9)) {
        buffer_append_format(buffer, "\\u20%02x", bytes[2] - 0x80U);
        return true;
    }
    return false;
}

void log_json_string(struct buffer *buffer, struct slice text)
{
    buffer_append_byte(buffer, '"');
    while (text.length > 0) {
        size_t plain = json_plain_length(text);
        size_t length = plain > 0 ? plain : utf8_length(text);

        if (plain > 0) {
            buffer_append(buffer, text.data, plain);
        } else if (length == 0) {
            buffer_append_string(buffer, "\xef\xbf\xbd");
            length = 1;
        } else if (length == 1) {
            json_escape(buffer, text.data[0]);
        } else if (!json_escape_wide(buffer, slice_of(text.data, length))) {
            buffer_append(buffer, text.data, length);
        }
        slice_skip(&text, length);
    }
    buffer_append_byte(buffer, '"');
}

static void json_name(struct buffer *buffer, const char *name)
{
    buffer_append_string(buffer, ",\"");
    buffer_append_string(buffer, name);
    buffer_append_string(buffer, "\":");
}

/* JSON knows no other point than the dot, whatever the locale says. */
static void json_seconds(struct buffer *buffer, double seconds)
{
    char digits[64];
    char *comma;

    (void)snprintf(digits, sizeof(digits), "%.6f", seconds);
    comma = strchr(digits, ',');
    if (comma != NULL) {
        *comma = '.';
    }
    buffer_append_string(buffer, digits);
}

static void json_fields(struct buffer *buffer, const struct log_field *field)
{
    for (; field != NULL && field->kind != LOG_FIELD_END; field++) {
        switch (field->kind) {
        case LOG_FIELD_TEXT:
            if (field->text.length > 0) {
                json_name(buffer, field->name);
                log_json_string(buffer, field->text);
            }
            break;
        case LOG_FIELD_COUNT:
            json_name(buffer, field->name);
            buffer_append_format(buffer, "%lu", field->count);
            break;
        case LOG_FIELD_SECONDS:
            if (isfinite(field->seconds) && field->seconds >= 0) {
                json_name(buffer, field->name);
                json_seconds(buffer, field->seconds);
            }
            break;
        case LOG_FIELD_MORE:                  /* lists are at most two deep */
            json_fields(buffer, field->more); /* NOLINT(misc-no-recursion) */
            break;
        case LOG_FIELD_END:
            break;
        }
    }
}

static void json_place(struct buffer *buffer, const struct log_place *place)
{
    char text[512];

    (void)snprintf(text, sizeof(text), "%s:%d: %s()", place->file, place->line, place->function);
    json_name(buffer, "location");
    log_json_string(buffer, slice_from_string(text));
}

void log_json_line(struct buffer *buffer, enum log_level level, int worker,
                   const struct log_place *place, struct slice message,
                   const struct log_field *fields)
{
    buffer_append_string(buffer, "{\"time\":\"");
    log_format_time(buffer);
    buffer_append_string(buffer, "\",\"level\":\"");
    buffer_append_string(buffer, log_level_name(level));
    buffer_append_format(buffer, "\",\"pid\":%ld", (long)getpid());
    if (worker >= 0) {
        buffer_append_format(buffer, ",\"worker\":%d", worker);
    }
    json_name(buffer, "message");
    log_json_string(buffer, message);
    json_fields(buffer, fields);
    if (place != NULL) {
        json_place(buffer, place);
    }
    buffer_append_string(buffer, "}\n");
}
