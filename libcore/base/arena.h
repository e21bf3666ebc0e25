/*
 * arena - memory that is given back as a whole.
 *
 * Message-scoped data live in the message arena, which is cleared at the final
 * reply, at ABORT and at the next MAIL; session-scoped data in the session
 * arena.  {0} is an empty arena; it allocates nothing until first use.
 */
#ifndef LIBCORE_BASE_ARENA_H
#define LIBCORE_BASE_ARENA_H

#include "libcore/base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
};

/* size bytes, zeroed and aligned for any object; valid until arena_clear. */
void *arena_new(struct arena *arena, size_t size);
/* A copy of the bytes with a NUL behind them; the slice does not count the NUL. */
struct slice arena_copy(struct arena *arena, struct slice slice);
/* Gives everything back; the arena is usable again. */
void arena_clear(struct arena *arena);

#endif
