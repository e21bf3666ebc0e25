/*
 * charset - bodies in other character sets, shown as UTF-8 through iconv.
 */
#include "milter-test-server/charset.h"

#include "libcore/base/memory.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CONVERT_STEP = 65536 }; /* bytes of output made room for at once */

bool charset_find(struct slice content_type, struct slice *charset)
{
    static const char parameter[] = "charset=";
    const size_t length = sizeof(parameter) - 1;
    struct slice rest = content_type;

    while (rest.length >= length && strncasecmp(rest.data, parameter, length) != 0) {
        slice_skip(&rest, 1);
    }
    if (rest.length < length) {
        return false;
    }
    slice_skip(&rest, length);
    if (slice_starts_with(rest, "\"")) {
        slice_skip(&rest, 1);
        *charset = slice_of(rest.data, 0);
        while (charset->length < rest.length && rest.data[charset->length] != '"') {
            charset->length++;
        }
    } else {
        *charset = slice_of(rest.data, 0);
        while (charset->length < rest.length &&
               memchr("; \t\r\n", rest.data[charset->length], 5) == NULL) {
            charset->length++;
        }
    }
    return charset->length > 0;
}

static bool convert_all(iconv_t converter, struct slice text, struct buffer *output)
{
    char *input = (char *)text.data; /* iconv takes it so, but does not write */
    size_t left = text.length;
    size_t result;

    do {
        char *start = buffer_reserve(output, CONVERT_STEP);
        char *end = start;
        size_t room = CONVERT_STEP;

        result = iconv(converter, left > 0 ? &input : NULL, &left, &end, &room);
        buffer_commit(output, (size_t)(end - start));
    } while (left > 0 && (result != (size_t)-1 || errno == E2BIG));
    return result != (size_t)-1;
}

bool charset_convert(struct slice text, struct slice charset, struct buffer *output,
                     struct error *error)
{
    char *name = memory_copy_bytes(charset.data, charset.length);
    iconv_t converter = iconv_open("UTF-8", name);
    bool converted = false;

    if (converter == (iconv_t)-1) {
        error_set(error, ERROR_USAGE, "cannot convert the body: unknown character set '%s'", name);
    } else {
        converted = convert_all(converter, text, output);
        if (!converted) {
            error_set_errno(error, "cannot convert the body from %s to UTF-8", name);
        }
        (void)iconv_close(converter);
    }
    free(name);
    return converted;
}
