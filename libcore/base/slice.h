/*
 * slice - a view of bytes owned by somebody else.
 *
 * A slice never owns memory and need not end in NUL.  It stays valid as long
 * as the owner of the bytes says so; functions returning slices name the owner.
 */
#ifndef LIBCORE_BASE_SLICE_H
#define LIBCORE_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>

struct slice {
    const char *data;
    size_t length;
};

/* A slice of a string literal, usable in static tables. */
#define SLICE_LITERAL(text)                                                                        \
    {                                                                                              \
        (text), sizeof(text) - 1                                                                   \
    }

struct slice slice_of(const void *data, size_t length);
/* NULL gives the empty slice. */
struct slice slice_from_string(const char *string);

bool slice_equal(struct slice a, struct slice b);
bool slice_equal_string(struct slice a, const char *b);
/* ASCII case only: header and macro names are ASCII (RFC 5322 section 2.2). */
bool slice_equal_ignoring_case(struct slice a, struct slice b);
bool slice_starts_with(struct slice a, const char *prefix);

/* Space, TAB, CR or LF. */
bool slice_blank_byte(char byte);

/* Drops the first count bytes (all of them when there are fewer). */
void slice_skip(struct slice *input, size_t count);

/*
 * Takes one NUL-terminated string off the front of input, as the milter
 * protocol writes them (milter-protocol section 1).  False, input untouched,
 * when there is no NUL.
 */
bool slice_take_string(struct slice *input, struct slice *string);

#endif
