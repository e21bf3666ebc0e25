/*
 * value - notation of values as the configuration language writes them.
 *
 * What is written here must read back as the same value: --show-config output
 * is configuration (configuration section 10).  Owns nothing.
 */
#include "milter-manager/config/value.h"

#include "libcore/base/utf8.h"

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
        } else if ((length = utf8_length(string)) > 1) {
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
