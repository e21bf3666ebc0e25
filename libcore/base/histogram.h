/*
 * histogram - how long things took: counts of values in fixed memory, log-linear
 * as in HDR histograms.
 *
 * Values are nanoseconds.  Below 512 they are kept exactly; above, a value is
 * told apart from others by its nine leading bits, so a percentile is at most
 * 0.2 % away from the exact one.  Values above HISTOGRAM_MAXIMUM (4.8 hours)
 * count as that in percentiles.  Minimum, maximum and mean are exact.
 */
#ifndef LIBCORE_BASE_HISTOGRAM_H
#define LIBCORE_BASE_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_HALF_BITS = 8, /* 2^8 buckets for each power of two */
    HISTOGRAM_VALUE_BITS = 44,
    HISTOGRAM_BUCKETS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_HALF_BITS + 1) << HISTOGRAM_HALF_BITS,
};

#define HISTOGRAM_MAXIMUM (((uint64_t)1 << HISTOGRAM_VALUE_BITS) - 1)

/* {0} is an empty histogram; about 76 kB, nothing else is allocated. */
struct histogram {
    uint64_t count;
    uint64_t minimum; /* this and the next: 0 when empty */
    uint64_t maximum;
    double sum;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_record(struct histogram *histogram, uint64_t nanoseconds);
/* Adds what other holds; other is unchanged. */
void histogram_merge(struct histogram *histogram, const struct histogram *other);
/* 0 when empty. */
double histogram_mean(const struct histogram *histogram);
/*
 * The value that percent (0 to 100) of all values do not exceed: the one of rank
 * ceil(percent / 100 * count), at least the first.  0 when empty.
 */
uint64_t histogram_percentile(const struct histogram *histogram, double percent);

#endif
