/*
 * json_text - strings of others as JSON.  Owns nothing.
 */
#include "milter-manager/control/json_text.h"

#include "libcore/base/buffer.h"
#include "libcore/base/clock.h"
#include "libcore/base/utf8.h"

json_t *json_text(struct slice bytes)
{
    struct buffer text = {0};
    json_t *string;

    while (bytes.length > 0 && buffer_length(&text) < JSON_TEXT) {
        size_t length = utf8_length(bytes);

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
