/*
 * counter - a number that one writer changes and anybody reads meanwhile, also
 * from other threads or processes that share its memory.
 *
 * Adding is a plain load and store: two writers would lose counts.
 */
#ifndef LIBCORE_BASE_COUNTER_H
#define LIBCORE_BASE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

/* {0} counts from 0. */
struct counter {
    _Atomic uint64_t value;
};

static inline uint64_t counter_read(const struct counter *counter)
{
    return atomic_load_explicit(&counter->value, memory_order_relaxed);
}

static inline void counter_set(struct counter *counter, uint64_t value)
{
    atomic_store_explicit(&counter->value, value, memory_order_relaxed);
}

static inline void counter_add(struct counter *counter, uint64_t amount)
{
    counter_set(counter, counter_read(counter) + amount);
}

static inline void counter_increment(struct counter *counter)
{
    counter_add(counter, 1);
}

/* Of a number that goes up and down: never below 0. */
static inline void counter_decrement(struct counter *counter)
{
    uint64_t value = counter_read(counter);

    counter_set(counter, value > 0 ? value - 1 : 0);
}

#endif
