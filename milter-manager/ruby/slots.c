/*
 * slots - a table of objects with generations.  Owns the table, not the objects.
 */
#include "milter-manager/ruby/slots.h"

#include "libcore/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* Numbers must fit a Ruby small integer (62 bits): 30 bits of generation are enough. */
static const uint32_t generation_mask = (1U << 30) - 1;

static void grow(struct slots *slots)
{
    uint32_t former = slots->count;

    slots->count = former == 0 ? 64 : former * 2;
    slots->entries = memory_resize(slots->entries, slots->count, sizeof(slots->entries[0]));
    for (uint32_t i = slots->count; i > former; i--) {
        slots->entries[i - 1] = (struct slots_entry){.next_free = slots->first_free};
        slots->first_free = i;
    }
}

uint64_t slots_add(struct slots *slots, void *object)
{
    uint32_t index;
    struct slots_entry *entry;

    if (slots->first_free == 0) {
        grow(slots);
    }
    index = slots->first_free - 1;
    entry = &slots->entries[index];
    slots->first_free = entry->next_free;
    entry->object = object;
    entry->generation = (entry->generation + 1) & generation_mask;
    if (entry->generation == 0) {
        entry->generation = 1;
    }
    return (uint64_t)entry->generation << 32 | index;
}

static struct slots_entry *find(const struct slots *slots, uint64_t number)
{
    uint32_t index = (uint32_t)(number & UINT32_MAX);
    struct slots_entry *entry = index < slots->count ? &slots->entries[index] : NULL;

    return entry != NULL && entry->object != NULL && entry->generation == number >> 32 ? entry
                                                                                       : NULL;
}

void *slots_find(const struct slots *slots, uint64_t number)
{
    const struct slots_entry *entry = find(slots, number);

    return entry == NULL ? NULL : entry->object;
}

static void *release(struct slots *slots, struct slots_entry *entry)
{
    void *object = entry->object;

    entry->object = NULL;
    entry->next_free = slots->first_free;
    slots->first_free = (uint32_t)(entry - slots->entries) + 1;
    return object;
}

void *slots_remove(struct slots *slots, uint64_t number)
{
    struct slots_entry *entry = find(slots, number);

    return entry == NULL ? NULL : release(slots, entry);
}

void *slots_take_any(struct slots *slots)
{
    for (uint32_t i = 0; i < slots->count; i++) {
        if (slots->entries[i].object != NULL) {
            return release(slots, &slots->entries[i]);
        }
    }
    return NULL;
}

void slots_clear(struct slots *slots)
{
    free(slots->entries);
    memset(slots, 0, sizeof(*slots));
}
