/*
 * chance - numbers that look like chance and are the same for the same seed.
 * Good enough for an order and for sizes, not for secrets.
 */
#ifndef MILTER_PERFORMANCE_CHECK_CHANCE_H
#define MILTER_PERFORMANCE_CHECK_CHANCE_H

#include <stdint.h>

/* A sequence; chance_begin makes one. */
struct chance {
    uint64_t state;
};

/* The sequence of that number among those of a seed. */
struct chance chance_begin(uint64_t seed, uint64_t number);
uint64_t chance_next(struct chance *chance);
/* From 0 to limit - 1, each as likely; limit is not 0. */
uint64_t chance_below(struct chance *chance, uint64_t limit);

#endif
