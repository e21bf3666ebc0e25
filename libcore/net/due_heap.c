/*
 * due_heap - a binary heap; the children of place p are 2p and 2p + 1.
 */
#include "libcore/net/due_heap.h"

#include "libcore/base/memory.h"

#include <stdlib.h>

static struct due *at(const struct due_heap *heap, size_t place)
{
    return heap->items[place - 1];
}

static void set(struct due_heap *heap, size_t place, struct due *due)
{
    heap->items[place - 1] = due;
    due->place = place;
}

/* due is to go to place, or nearer to the first. */
static void rise(struct due_heap *heap, size_t place, struct due *due)
{
    while (place > 1 && at(heap, place / 2)->when > due->when) {
        set(heap, place, at(heap, place / 2));
        place /= 2;
    }
    set(heap, place, due);
}

/* due is to go to place, or further from the first. */
static void sink(struct due_heap *heap, size_t place, struct due *due)
{
    while (2 * place <= heap->count) {
        size_t child = 2 * place;

        if (child < heap->count && at(heap, child + 1)->when < at(heap, child)->when) {
            child++;
        }
        if (at(heap, child)->when >= due->when) {
            break;
        }
        set(heap, place, at(heap, child));
        place = child;
    }
    set(heap, place, due);
}

static void settle(struct due_heap *heap, size_t place, struct due *due)
{
    if (place > 1 && at(heap, place / 2)->when > due->when) {
        rise(heap, place, due);
    } else {
        sink(heap, place, due);
    }
}

void due_heap_put(struct due_heap *heap, struct due *due, double when)
{
    due->when = when;
    if (due->place == 0) {
        if (heap->count == heap->room) {
            heap->room = heap->room == 0 ? 16 : 2 * heap->room;
            heap->items = memory_resize(heap->items, heap->room, sizeof(struct due *));
        }
        heap->count++;
        rise(heap, heap->count, due);
    } else {
        settle(heap, due->place, due);
    }
}

void due_heap_remove(struct due_heap *heap, struct due *due)
{
    size_t place = due->place;
    struct due *last;

    if (place == 0) {
        return;
    }
    last = at(heap, heap->count);
    heap->count--;
    due->place = 0;
    if (last != due) {
        settle(heap, place, last);
    }
}

const struct due *due_heap_first(const struct due_heap *heap)
{
    return heap->count == 0 ? NULL : at(heap, 1);
}

void due_heap_clear(struct due_heap *heap)
{
    free(heap->items);
    *heap = (struct due_heap){0};
}
