/*
 * base64 - bytes as text and back.  Pure functions.
 */
#include "libcore/base/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_append(struct buffer *output, struct slice bytes)
{
    for (size_t i = 0; i < bytes.length; i += 3) {
        size_t left = bytes.length - i;
        uint32_t bits = 0;
        char quad[4];

        for (size_t k = 0; k < 3; k++) {
            bits = bits << 8 | (k < left ? (unsigned char)bytes.data[i + k] : 0U);
        }
        for (size_t k = 0; k < 4; k++) {
            quad[k] = k <= left ? alphabet[bits >> (18 - 6 * k) & 63] : '=';
        }
        buffer_append(output, quad, sizeof(quad));
    }
}

/* The six bits of a letter, or -1. */
static int base64_value(char letter)
{
    const char *found = letter != '\0' ? strchr(alphabet, letter) : NULL;

    return found != NULL ? (int)(found - alphabet) : -1;
}

static void base64_flush(struct buffer *output, uint32_t bits, unsigned letters)
{
    for (unsigned k = 0; k + 1 < letters; k++) {
        buffer_append_byte(output, (char)(bits >> (6 * letters - 8 * (k + 1)) & 255));
    }
}

bool base64_decode(struct slice text, struct buffer *output, struct error *error)
{
    size_t before = buffer_length(output);
    uint32_t bits = 0;
    unsigned letters = 0, padding = 0;

    for (size_t i = 0; i < text.length; i++) {
        char letter = text.data[i];
        int value = base64_value(letter);

        if (letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n') {
            continue;
        }
        if (letter == '=' && letters + padding >= 2 && letters + padding < 4) {
            padding++;
            continue;
        }
        if (value < 0 || padding > 0) {
            error_set(error, ERROR_USAGE, "not base64: 0x%02x at byte %zu",
                      (unsigned)(unsigned char)letter, i);
            output->end = output->start + before;
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        if (++letters == 4) {
            base64_flush(output, bits, letters);
            bits = letters = 0;
        }
    }
    if (letters == 1) {
        error_set(error, ERROR_USAGE, "not base64: it ends in the middle of a byte");
        output->end = output->start + before;
        return false;
    }
    base64_flush(output, bits, letters);
    return true;
}
