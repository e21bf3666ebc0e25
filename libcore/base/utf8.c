/*
 * utf8 - where a character ends.  Pure functions.
 */
#include "libcore/base/utf8.h"

size_t utf8_length(struct slice text)
{
    static const struct {
        unsigned char first, last, low, high;
        size_t length;
    } forms[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const unsigned char *bytes = (const void *)text.data;

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        size_t length = forms[i].length;

        if (bytes[0] < forms[i].first || bytes[0] > forms[i].last || length > text.length) {
            continue;
        }
        if (length > 1 && (bytes[1] < forms[i].low || bytes[1] > forms[i].high)) {
            return 0;
        }
        for (size_t k = 2; k < length; k++) {
            if (bytes[k] < 0x80 || bytes[k] > 0xbf) {
                return 0;
            }
        }
        return length;
    }
    return 0;
}
