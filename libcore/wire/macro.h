/*
 * macro - macro sets as they travel: name STR value STR ... (milter-protocol section 4).
 */
#ifndef LIBCORE_WIRE_MACRO_H
#define LIBCORE_WIRE_MACRO_H

#include "libcore/base/buffer.h"
#include "libcore/wire/protocol.h"

/* Takes the next pair; false at the end.  A name without value ends the set. */
bool macro_pair_next(struct slice *pairs, struct slice *name, struct slice *value);
void macro_pair_append(struct buffer *pairs, struct slice name, struct slice value);
/* name is written bare when it has one character, else in braces, as MTAs do. */
void macro_pair_append_braced(struct buffer *pairs, struct slice name, struct slice value);
/* "{name}" and "name" are the same macro: the name without braces. */
struct slice macro_bare_name(struct slice name);
bool macro_name_equal(struct slice a, struct slice b);
/* The value of name in a set, or false. */
bool macro_pair_find(struct slice pairs, struct slice name, struct slice *value);

/*
 * The same set in canonical form, appended to sorted: names in byte order
 * ignoring braces, braced unless they have one character; of equal names the
 * last one stays.
 */
void macro_pairs_sort(struct slice pairs, struct buffer *sorted);

/* Names separated by blanks or commas, as in macro lists; false at the end. */
bool macro_list_next(struct slice *names, struct slice *name);
bool macro_list_contains(struct slice names, struct slice name);

/* A MACRO packet for the command stage. */
void macro_append_packet(struct buffer *output, enum command stage, struct slice pairs);

#endif
