/*
 * due_heap - which of many is due first.
 *
 * A heap of objects embedded in what they belong to; it owns the array of
 * pointers only.  {0} is an empty heap, and {0} an object that is in none.
 */
#ifndef LIBCORE_NET_DUE_HEAP_H
#define LIBCORE_NET_DUE_HEAP_H

#include <stddef.h>

struct due {
    double when;  /* on the clock of whoever uses it */
    size_t place; /* in the heap, from 1 on; 0: not in it */
};

struct due_heap {
    struct due **items;
    size_t count, room;
};

/* Puts it in, or moves it to another time. */
void due_heap_put(struct due_heap *heap, struct due *due, double when);
/* Takes it out; nothing when it is not in. */
void due_heap_remove(struct due_heap *heap, struct due *due);
/* The one with the least when, or NULL. */
const struct due *due_heap_first(const struct due_heap *heap);
/* Gives the array back; what is in the heap must not be used with it any more. */
void due_heap_clear(struct due_heap *heap);

#endif
