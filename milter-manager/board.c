/*
 * board - the few numbers the processes of the manager have in common.
 *
 * Memory that all of them share; sessions are counted by tally.  Sums are read
 * without a lock and may be one behind.
 */
#include "milter-manager/board.h"

#include "libcore/base/memory.h"
#include "milter-manager/control/tally.h"

#include <limits.h>
#include <stdatomic.h>

struct board {
    atomic_uint sequences[BOARD_SEQUENCES];
    atomic_ulong finished;
};

static struct board alone;
static struct board *board = &alone;

void board_open(void)
{
    board = memory_new_shared(sizeof(struct board));
}

unsigned board_next(enum board_sequence sequence)
{
    return atomic_fetch_add_explicit(&board->sequences[sequence], 1, memory_order_relaxed) + 1;
}

unsigned long board_finish(unsigned sessions)
{
    return atomic_fetch_add_explicit(&board->finished, sessions, memory_order_relaxed) + sessions;
}

static unsigned board_sessions_of(const struct tally_slot *slot)
{
    return (unsigned)counter_read(&slot->totals.sessions_open);
}

unsigned board_sessions(void)
{
    unsigned sum = 0;

    for (unsigned i = 0; i < tally_slots(); i++) {
        sum += board_sessions_of(tally_slot(i));
    }
    return sum;
}

unsigned board_generation(void)
{
    return (unsigned)counter_read(&tally_slot(0)->manager.generation);
}

/* Slot 0 is the master's. */
unsigned board_fewest_sessions(void)
{
    unsigned fewest = UINT_MAX;

    for (unsigned i = 1; i < tally_slots(); i++) {
        const struct tally_slot *slot = tally_slot(i);
        unsigned sessions = board_sessions_of(slot);

        if (counter_read(&slot->pid) != 0 && sessions < fewest) {
            fewest = sessions;
        }
    }
    return fewest;
}
