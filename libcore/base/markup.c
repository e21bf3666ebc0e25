/*
 * markup - foreign bytes in a page.  Pure formatting; never fails.
 */
#include "libcore/base/markup.h"

#include "libcore/base/utf8.h"

#include <stdint.h>
#include <string.h>

/*
 * Code points that are spelt out: not visible, not a character, or about the
 * direction of what follows.  In ascending order.
 */
static const struct {
    uint32_t first, last;
} hidden[] = {
    {0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x034f, 0x034f},   {0x061c, 0x061c},
    {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f},   {0x2028, 0x202e},
    {0x2060, 0x206f}, {0x3164, 0x3164}, {0xd800, 0xf8ff}, {0xfdd0, 0xfdef},   {0xfe00, 0xfe0f},
    {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1d173, 0x1d17a}, {0xe0000, 0x10ffff},
};

static bool markup_is_hidden(uint32_t point)
{
    if ((point & 0xfffe) == 0xfffe) {
        return true;
    }
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        if (point >= hidden[i].first && point <= hidden[i].last) {
            return true;
        }
    }
    return false;
}

/* The bytes of the character rest begins with, itself in *point; 0 when none begins there. */
static size_t markup_decode(struct slice rest, uint32_t *point)
{
    size_t length = utf8_length(rest);
    unsigned char first = (unsigned char)rest.data[0];

    *point = length > 1 ? first & (0x7fU >> length) : first;
    for (size_t i = 1; i < length; i++) {
        *point = *point << 6 | ((unsigned char)rest.data[i] & 0x3f);
    }
    return length;
}

static const char *markup_entity(uint32_t point)
{
    switch (point) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* before and after: around what is spelt out; NULL: no markup at all. */
static void markup_escape(struct buffer *html, struct slice text, const char *before,
                          const char *after)
{
    while (text.length > 0) {
        uint32_t point = 0;
        size_t length = markup_decode(text, &point);
        const char *entity = length == 1 && before != NULL ? markup_entity(point) : NULL;

        if (entity != NULL) {
            buffer_append_string(html, entity);
        } else if (length > 0 && !markup_is_hidden(point)) {
            buffer_append(html, text.data, length);
        } else {
            buffer_append_string(html, before == NULL ? "" : before);
            if (length <= 1) {
                buffer_append_format(html, "\\x%02x", (unsigned char)text.data[0]);
            } else {
                buffer_append_format(html, "\\u{%x}", (unsigned)point);
            }
            buffer_append_string(html, after == NULL ? "" : after);
        }
        slice_skip(&text, length > 0 ? length : 1);
    }
}

void markup_text(struct buffer *html, struct slice text)
{
    markup_escape(html, text, "<b class=\"raw\">", "</b>");
}

void markup_attribute(struct buffer *html, struct slice text)
{
    markup_escape(html, text, "", "");
}

void markup_plain(struct buffer *text, struct slice from)
{
    markup_escape(text, from, NULL, NULL);
}

void markup_path(struct buffer *html, struct slice text)
{
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789-._~";

    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];

        if (byte != '\0' && strchr(unreserved, byte) != NULL) {
            buffer_append_byte(html, (char)byte);
        } else {
            buffer_append_format(html, "%%%02X", byte);
        }
    }
}

bool markup_is_segment(struct slice text)
{
    return text.length > 0 && !slice_equal_string(text, ".") && !slice_equal_string(text, "..");
}
