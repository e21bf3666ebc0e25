/*
 * text_counts - how often which sentence was said.
 *
 * Fixed memory, no pointers: it may be shared between processes.  {0} is empty.
 */
#ifndef LIBCORE_BASE_TEXT_COUNTS_H
#define LIBCORE_BASE_TEXT_COUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_COUNTS = 50, TEXT_COUNTS_TEXT = 512 };

struct text_count {
    char text[TEXT_COUNTS_TEXT]; /* longer ones are cut */
    uint64_t count;
};

struct text_counts {
    struct text_count items[TEXT_COUNTS];
    size_t count;
    uint64_t others; /* of texts that found no room */
};

/* True when the text is new. */
bool text_counts_add(struct text_counts *counts, const char *text, uint64_t count);
/* Adds what other holds; other is unchanged. */
void text_counts_merge(struct text_counts *counts, const struct text_counts *other);

#endif
