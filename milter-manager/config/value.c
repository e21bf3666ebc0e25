/*
 * value - notation of values as the configuration language writes them.
 *
 * What is written here must read back as the same value: --show-config output
 * is configuration (configuration section 10).  Owns nothing.
 */
#include "milter-manager/config/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct value value_nil(void)
{
    return (struct value){.kind = VALUE_NIL};
}

struct value value_boolean(bool boolean)
{
    return (struct value){.kind = VALUE_BOOLEAN, .boolean = boolean};
}

struct value value_integer(long long integer)
{
    return (struct value){.kind = VALUE_INTEGER, .integer = integer};
}

struct value value_number(double number)
{
    return (struct value){.kind = VALUE_NUMBER, .number = number};
}

struct value value_string(const char *string)
{
    if (string == NULL) {
        return value_nil();
    }
    return (struct value){.kind = VALUE_STRING, .string = slice_from_string(string)};
}

/* Length of the well-formed UTF-8 character at the front; 0 when there is none (RFC 3629). */
static size_t utf8_character(struct slice input)
{
    static const struct {
        unsigned char first_low, first_high, second_low, second_high;
        size_t length;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    const unsigned char *bytes = (const unsigned char *)input.data;

    for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]); form++) {
        size_t length = forms[form].length;

        if (input.length < length || bytes[0] < forms[form].first_low ||
            bytes[0] > forms[form].first_high || bytes[1] < forms[form].second_low ||
            bytes[1] > forms[form].second_high) {
            continue;
        }
        for (size_t i = 2; i < length; i++) {
            if ((bytes[i] & 0xc0) != 0x80) {
                return 0;
            }
        }
        return length;
    }
    return 0;
}

void value_string_literal(struct slice string, struct buffer *text)
{
    static const char escaped[] = "\a\b\t\n\v\f\r\x1b\"\\";
    static const char letters[] = "abtnvfre\"\\";

    buffer_append_byte(text, '"');
    while (string.length > 0) {
        char byte = string.data[0];
        const char *escape = byte == '\0' ? NULL : strchr(escaped, byte);
        size_t length = 1;

        if (escape != NULL) {
            buffer_append_byte(text, '\\');
            buffer_append_byte(text, letters[escape - escaped]);
        } else if (byte == '#' && string.length > 1 && strchr("{$@", string.data[1]) != NULL &&
                   string.data[1] != '\0') {
            buffer_append_string(text, "\\#");
        } else if (byte >= ' ' && byte <= '~') {
            buffer_append_byte(text, byte);
        } else if ((length = utf8_character(string)) > 0) {
            buffer_append(text, string.data, length);
        } else {
            length = 1;
            buffer_append_format(text, "\\x%02X", (unsigned)(unsigned char)byte);
        }
        slice_skip(&string, length);
    }
    buffer_append_byte(text, '"');
}

void value_number_literal(double number, struct buffer *text)
{
    char digits[64];

    for (int precision = 1; precision <= 17; precision++) {
        (void)snprintf(digits, sizeof(digits), "%.*g", precision, number);
        if (strtod(digits, NULL) == number) {
            break;
        }
    }
    if (strchr(digits, 'e') != NULL && number < 1e15 && number > -1e15) {
        (void)snprintf(digits, sizeof(digits), "%.17g", number);
    }
    buffer_append_string(text, digits);
    if (strpbrk(digits, ".einf") == NULL) {
        buffer_append_string(text, ".0");
    }
}

void value_literal(const struct value *value, struct buffer *text)
{
    switch (value->kind) {
    case VALUE_NIL:
        buffer_append_string(text, "nil");
        break;
    case VALUE_BOOLEAN:
        buffer_append_string(text, value->boolean ? "true" : "false");
        break;
    case VALUE_INTEGER:
        buffer_append_format(text, "%lld", value->integer);
        break;
    case VALUE_NUMBER:
        value_number_literal(value->number, text);
        break;
    case VALUE_STRING:
        value_string_literal(value->string, text);
        break;
    case VALUE_OTHER:
        buffer_append_slice(text, value->string);
        break;
    }
}
