/*
 * board - the few numbers the processes of the manager share.
 *
 * Memory mapped before the first fork.  Each place is written by its process
 * alone (and by the master once that has died); the sums are read without a lock
 * and may be one behind.
 */
#include "milter-manager/board.h"

#include "libcore/base/memory.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { BOARD_CACHE_LINE = 64 };

struct board_place {
    _Alignas(BOARD_CACHE_LINE) atomic_uint sessions;
    atomic_bool taken; /* there is a process */
};

struct board {
    atomic_uint sequences[BOARD_SEQUENCES];
    atomic_ulong finished;
    struct board_place places[];
};

static struct {
    struct board board;
    struct board_place place;
} alone;

static struct board *board = &alone.board;
static unsigned places = 1;
static struct board_place *own = &alone.place;

void board_open(unsigned count)
{
    size_t size = sizeof(struct board) + count * sizeof(struct board_place);

    board = memory_new_shared(size);
    places = count;
    board_enter(0);
}

static struct board_place *board_place(unsigned place)
{
    return board == &alone.board ? &alone.place : &board->places[place];
}

void board_enter(unsigned place)
{
    own = board_place(place);
    board_leave(place);
    atomic_store_explicit(&own->taken, true, memory_order_relaxed);
}

void board_leave(unsigned place)
{
    atomic_store_explicit(&board_place(place)->taken, false, memory_order_relaxed);
    atomic_store_explicit(&board_place(place)->sessions, 0, memory_order_relaxed);
}

unsigned board_next(enum board_sequence sequence)
{
    return atomic_fetch_add_explicit(&board->sequences[sequence], 1, memory_order_relaxed) + 1;
}

void board_session_began(void)
{
    atomic_fetch_add_explicit(&own->sessions, 1, memory_order_relaxed);
}

void board_session_ended(void)
{
    atomic_fetch_sub_explicit(&own->sessions, 1, memory_order_relaxed);
}

static unsigned board_load(struct board_place *place)
{
    return atomic_load_explicit(&place->sessions, memory_order_relaxed);
}

unsigned board_own_sessions(void)
{
    return board_load(own);
}

unsigned board_sessions(void)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < places; i++) {
        sum += board_load(board_place(i));
    }
    return sum;
}

unsigned board_fewest_sessions(void)
{
    unsigned fewest = UINT_MAX;

    for (unsigned i = 1; i < places; i++) {
        struct board_place *place = board_place(i);
        unsigned sessions = board_load(place);

        if (atomic_load_explicit(&place->taken, memory_order_relaxed) && sessions < fewest) {
            fewest = sessions;
        }
    }
    return fewest;
}

unsigned long board_finish(unsigned sessions)
{
    return atomic_fetch_add_explicit(&board->finished, sessions, memory_order_relaxed) + sessions;
}
