/*
 * scan - what is read byte by byte for every line of a log, in line with its callers.
 *
 * Nothing here reads beyond the slice it is given.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_SCAN_H
#define MILTER_MANAGER_LOG_ANALYZER_SCAN_H

#include "libcore/base/slice.h"

#include <stdint.h>
#include <string.h>

static inline bool scan_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static inline bool scan_is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/* The next byte; NUL at the end, which is no byte anybody looks for. */
static inline char scan_peek(const struct slice *rest)
{
    return rest->length > 0 ? rest->data[0] : '\0';
}

static inline void scan_skip(struct slice *rest, size_t count)
{
    rest->data += count;
    rest->length -= count;
}

static inline bool scan_byte(struct slice *rest, char byte)
{
    if (scan_peek(rest) != byte || rest->length == 0) {
        return false;
    }
    scan_skip(rest, 1);
    return true;
}

static inline bool scan_has(const struct slice *rest, const char *literal, size_t length)
{
    return rest->length >= length && memcmp(rest->data, literal, length) == 0;
}

static inline bool scan_text(struct slice *rest, const char *literal, size_t length)
{
    if (!scan_has(rest, literal, length)) {
        return false;
    }
    scan_skip(rest, length);
    return true;
}

/* Takes the literal off the front when it stands there. */
#define SCAN(rest, literal)     scan_text((rest), (literal), sizeof(literal) - 1)
#define SCAN_HAS(rest, literal) scan_has((rest), (literal), sizeof(literal) - 1)

/* Takes what stands before the byte, and the byte; false, rest untouched: there is none. */
static inline bool scan_until(struct slice *rest, char byte, struct slice *before)
{
    const char *found = rest->length > 0 ? memchr(rest->data, byte, rest->length) : NULL;

    if (found == NULL) {
        return false;
    }
    *before = (struct slice){rest->data, (size_t)(found - rest->data)};
    scan_skip(rest, before->length + 1);
    return true;
}

/* Takes digits, at least one; a number beyond all bounds becomes the largest one. */
static inline bool scan_number(struct slice *rest, uint64_t *number)
{
    size_t i = 0;

    *number = 0;
    for (; i < rest->length && scan_is_digit(rest->data[i]); i++) {
        uint64_t digit = (uint64_t)(rest->data[i] - '0');

        *number = *number > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *number * 10 + digit;
    }
    scan_skip(rest, i);
    return i > 0;
}

static inline void scan_blanks(struct slice *rest)
{
    while (rest->length > 0 && scan_is_blank(rest->data[0])) {
        scan_skip(rest, 1);
    }
}

#endif
