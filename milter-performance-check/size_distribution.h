/*
 * size_distribution - how large mails are: "2k:70,10k-100k:25,5m:5" (ranges
 * of sizes, and how often each is taken).
 */
#ifndef MILTER_PERFORMANCE_CHECK_SIZE_DISTRIBUTION_H
#define MILTER_PERFORMANCE_CHECK_SIZE_DISTRIBUTION_H

#include "libcore/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIZE_DISTRIBUTION_MAXIMUM ((uint64_t)1 << 30) /* bytes of a mail */

struct size_range {
    uint64_t minimum, maximum; /* bytes */
    uint64_t weight;
};

struct size_distribution {
    struct size_range *ranges;
    size_t count; /* 0: no distribution */
    uint64_t total_weight;
};

/*
 * "SIZE[-SIZE][:WEIGHT],...": bytes, or with suffix k or m KiB or MiB; a weight
 * is 1 when left out.  False with *error; size_distribution_clear in either case.
 */
bool size_distribution_parse(struct size_distribution *distribution, const char *text,
                             struct error *error);
void size_distribution_clear(struct size_distribution *distribution);
uint64_t size_distribution_largest(const struct size_distribution *distribution);
/* The size of the mail of that number: the same for the same seed. */
uint64_t size_distribution_take(const struct size_distribution *distribution, uint64_t seed,
                                uint64_t number);

#endif
