/*
 * random - numbers that look like chance and are the same for the same seed.
 * Good enough for an order and for sizes, not for secrets.
 */
#ifndef MILTER_PERFORMANCE_CHECK_RANDOM_H
#define MILTER_PERFORMANCE_CHECK_RANDOM_H

#include <stdint.h>

/* A sequence; random_begin makes one. */
struct random {
    uint64_t state;
};

/* The sequence of that number among those of a seed. */
struct random random_begin(uint64_t seed, uint64_t number);
uint64_t random_next(struct random *random);
/* From 0 to limit - 1, each as likely; limit is not 0. */
uint64_t random_below(struct random *random, uint64_t limit);

#endif
