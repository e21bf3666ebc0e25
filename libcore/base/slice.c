/*
 * slice - a view of bytes owned by somebody else.
 *
 * Pure functions; nothing here allocates.
 */
#include "libcore/base/slice.h"

#include <string.h>
#include <strings.h>

struct slice slice_of(const void *data, size_t length)
{
    return (struct slice){data, length};
}

struct slice slice_from_string(const char *string)
{
    return string == NULL ? (struct slice){"", 0} : (struct slice){string, strlen(string)};
}

bool slice_equal(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

bool slice_equal_string(struct slice a, const char *b)
{
    return slice_equal(a, slice_from_string(b));
}

bool slice_equal_ignoring_case(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || strncasecmp(a.data, b.data, a.length) == 0);
}

bool slice_starts_with(struct slice a, const char *prefix)
{
    size_t length = strlen(prefix);

    return a.length >= length && memcmp(a.data, prefix, length) == 0;
}

bool slice_blank_byte(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

void slice_skip(struct slice *input, size_t count)
{
    if (count > input->length) {
        count = input->length;
    }
    if (count > 0) {
        input->data += count;
        input->length -= count;
    }
}

bool slice_take_string(struct slice *input, struct slice *string)
{
    const char *end = input->length == 0 ? NULL : memchr(input->data, '\0', input->length);

    if (end == NULL) {
        return false;
    }
    *string = slice_of(input->data, (size_t)(end - input->data));
    slice_skip(input, string->length + 1);
    return true;
}
