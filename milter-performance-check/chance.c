/*
 * chance - numbers that look like chance and are the same for the same seed:
 * a counter whose bits are mixed, so that any sequence can begin anywhere.
 */
#include "milter-performance-check/chance.h"

#define CHANCE_STEP 0x9e3779b97f4a7c15U /* odd, 2^64 over the golden ratio: visits every state */

static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9U;
    value = (value ^ value >> 27) * 0x94d049bb133111ebU;
    return value ^ value >> 31;
}

struct chance chance_begin(uint64_t seed, uint64_t number)
{
    return (struct chance){mix(mix(seed + CHANCE_STEP) ^ (number + 1) * CHANCE_STEP)};
}

uint64_t chance_next(struct chance *chance)
{
    chance->state += CHANCE_STEP;
    return mix(chance->state);
}

uint64_t chance_below(struct chance *chance, uint64_t limit)
{
    /* What is above the last whole multiple of limit would make small numbers likelier. */
    uint64_t end = UINT64_MAX - UINT64_MAX % limit, value;

    do {
        value = chance_next(chance);
    } while (value >= end);
    return value % limit;
}
