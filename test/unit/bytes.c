/*
 * bytes - packets in tests, as hex.  Owns nothing between calls.
 */
#include "test/unit/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

void bytes_append_hex(struct buffer *buffer, const char *hex)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    unsigned byte = 0, count = 0;

    for (; *hex != '\0'; hex++) {
        const char *digit = strchr(digits, *hex);
        unsigned value;

        if (*hex == ' ') {
            continue;
        }
        assert_non_null(digit);
        value = (unsigned)(digit - digits);
        byte = byte << 4 | (value > 15 ? value - 6 : value);
        if (++count % 2 == 0) {
            buffer_append_byte(buffer, (char)byte);
            byte = 0;
        }
    }
    assert_int_equal(count % 2, 0);
}

static void append_as_hex(struct buffer *text, struct slice bytes)
{
    for (size_t i = 0; i < bytes.length; i++) {
        buffer_append_format(text, "%02X ", (unsigned)(unsigned char)bytes.data[i]);
    }
    buffer_append_byte(text, '\0');
}

void assert_bytes(struct slice actual, struct slice expected)
{
    struct buffer actual_text = {0}, expected_text = {0};

    if (slice_equal(actual, expected)) {
        return;
    }
    append_as_hex(&actual_text, actual);
    append_as_hex(&expected_text, expected);
    /* Fails; the buffers are lost with the test. */
    assert_string_equal(actual_text.data, expected_text.data);
}

void assert_hex(struct slice actual, const char *hex)
{
    struct buffer expected = {0};

    bytes_append_hex(&expected, hex);
    assert_bytes(actual, buffer_slice(&expected));
    buffer_clear(&expected);
}

void assert_text(struct slice actual, const char *text)
{
    assert_bytes(actual, slice_from_string(text));
}

uint32_t random_next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}
