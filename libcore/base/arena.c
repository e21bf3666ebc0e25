/*
 * arena - memory that is given back as a whole.
 *
 * Owns a chain of blocks.  There is no way to give back a single object: that
 * is the point, message data cannot outlive the message.
 */
#include "libcore/base/arena.h"

#include "libcore/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK = 2048, ARENA_ALIGNMENT = sizeof(max_align_t) };

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    max_align_t bytes[];
};

static void *arena_take(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->blocks;
    size_t rounded = (size + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
    char *start;

    if (block == NULL || block->size - block->used < rounded) {
        size_t block_size = rounded > ARENA_BLOCK ? rounded : ARENA_BLOCK;

        block = memory_resize(NULL, sizeof(*block) + block_size, 1);
        block->next = arena->blocks;
        block->used = 0;
        block->size = block_size;
        arena->blocks = block;
    }
    start = (char *)block->bytes + block->used;
    block->used += rounded;
    return start;
}

void *arena_new(struct arena *arena, size_t size)
{
    return memset(arena_take(arena, size), 0, size);
}

struct slice arena_copy(struct arena *arena, struct slice slice)
{
    char *copy = arena_take(arena, slice.length + 1);

    if (slice.length > 0) {
        memcpy(copy, slice.data, slice.length);
    }
    copy[slice.length] = '\0';
    return slice_of(copy, slice.length);
}

void arena_clear(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *next = arena->blocks->next;

        free(arena->blocks);
        arena->blocks = next;
    }
}
