/*
 * text_counts - how often which sentence was said.  Allocates nothing.
 */
#include "libcore/base/text_counts.h"

#include <stdio.h>
#include <string.h>

bool text_counts_add(struct text_counts *counts, const char *text, uint64_t count)
{
    struct text_count *item;

    for (size_t i = 0; i < counts->count; i++) {
        if (strncmp(counts->items[i].text, text, TEXT_COUNTS_TEXT - 1) == 0) {
            counts->items[i].count += count;
            return false;
        }
    }
    if (counts->count == TEXT_COUNTS) {
        counts->others += count;
        return false;
    }
    item = counts->items + counts->count++;
    (void)snprintf(item->text, sizeof(item->text), "%s", text);
    item->count = count;
    return true;
}

void text_counts_merge(struct text_counts *counts, const struct text_counts *other)
{
    for (size_t i = 0; i < other->count; i++) {
        (void)text_counts_add(counts, other->items[i].text, other->items[i].count);
    }
    counts->others += other->others;
}
