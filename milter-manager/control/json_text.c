/*
 * json_text - strings of others as JSON.  Owns nothing.
 */
#include "milter-manager/control/json_text.h"

#include "libcore/base/buffer.h"
#include "libcore/base/clock.h"

#include <stdbool.h>

/* Length of the UTF-8 sequence bytes begins with, 0: it is none. */
static size_t json_sequence(struct slice bytes)
{
    static const struct {
        unsigned char mask, lead;
        size_t length;
        unsigned long least;
    } forms[] = {{0x80, 0x00, 1, 0},
                 {0xE0, 0xC0, 2, 0x80},
                 {0xF0, 0xE0, 3, 0x800},
                 {0xF8, 0xF0, 4, 0x10000}};
    unsigned char first = (unsigned char)bytes.data[0];

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        unsigned long point = first & (unsigned char)~forms[i].mask;
        bool whole = bytes.length >= forms[i].length;

        if ((first & forms[i].mask) != forms[i].lead) {
            continue;
        }
        for (size_t k = 1; whole && k < forms[i].length; k++) {
            whole = ((unsigned char)bytes.data[k] & 0xC0) == 0x80;
            point = point << 6 | ((unsigned char)bytes.data[k] & 0x3F);
        }
        return whole && point >= forms[i].least && point <= 0x10FFFF &&
                       (point < 0xD800 || point > 0xDFFF)
                   ? forms[i].length
                   : 0;
    }
    return 0;
}

json_t *json_text(struct slice bytes)
{
    struct buffer text = {0};
    json_t *string;

    while (bytes.length > 0 && buffer_length(&text) < JSON_TEXT) {
        size_t length = json_sequence(bytes);

        if (length == 0) {
            buffer_append_string(&text, "\xEF\xBF\xBD");
            slice_skip(&bytes, 1);
        } else {
            buffer_append(&text, bytes.data, length);
            slice_skip(&bytes, length);
        }
    }
    string = json_stringn_nocheck(buffer_slice(&text).data == NULL ? "" : buffer_slice(&text).data,
                                  buffer_length(&text));
    buffer_clear(&text);
    return string;
}

json_t *json_text_or_null(const char *string)
{
    return string == NULL ? json_null() : json_text(slice_from_string(string));
}

json_t *json_time(time_t time)
{
    char text[CLOCK_STAMP];
    struct tm parts;

    if (time == 0 || gmtime_r(&time, &parts) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        return json_null();
    }
    return json_string(text);
}
