/*
 * slots - objects known to Ruby by number, never by pointer.
 *
 * A number is a slot and its generation, so the number of a removed object
 * finds nothing, whatever has taken its slot since.  0 is never a number.
 */
#ifndef MILTER_MANAGER_RUBY_SLOTS_H
#define MILTER_MANAGER_RUBY_SLOTS_H

#include <stdint.h>

struct slots_entry {
    void *object; /* NULL: free */
    uint32_t generation;
    uint32_t next_free;
};

/* {0} is empty. */
struct slots {
    struct slots_entry *entries;
    uint32_t count;
    uint32_t first_free; /* index + 1; 0: none */
};

/* object != NULL, owned by the caller. */
uint64_t slots_add(struct slots *slots, void *object);
/* NULL when the number is stale. */
void *slots_find(const struct slots *slots, uint64_t number);
void *slots_remove(struct slots *slots, uint64_t number);
/* Removes any one object and returns it; NULL when there is none. */
void *slots_take_any(struct slots *slots);
/* Gives the memory back; the objects are the caller's. */
void slots_clear(struct slots *slots);

#endif
