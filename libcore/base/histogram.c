/*
 * histogram - counts of values in fixed memory.  Pure functions; no allocation.
 *
 * Bucket numbers: 0 to 511 are the values themselves; then each power of two is
 * cut into 256 buckets of equal width.
 */
#include "libcore/base/histogram.h"

#include <math.h>
#include <stddef.h>

enum { HALF = 1 << HISTOGRAM_HALF_BITS };

/* How many low bits of a value its bucket does not tell. */
static unsigned dropped_bits(uint64_t value)
{
    return value < 2 * HALF ? 0 : 63U - HISTOGRAM_HALF_BITS - (unsigned)__builtin_clzll(value);
}

static size_t bucket_of(uint64_t value)
{
    unsigned shift;

    if (value > HISTOGRAM_MAXIMUM) {
        value = HISTOGRAM_MAXIMUM;
    }
    shift = dropped_bits(value);
    return ((size_t)shift << HISTOGRAM_HALF_BITS) + (size_t)(value >> shift);
}

/* The middle of a bucket: at most half its width away from all that it holds. */
static uint64_t bucket_value(size_t bucket)
{
    size_t block = bucket >> HISTOGRAM_HALF_BITS;
    unsigned shift = block < 2 ? 0 : (unsigned)block - 1;
    uint64_t leading = bucket - ((size_t)shift << HISTOGRAM_HALF_BITS);

    return (leading << shift) + (((uint64_t)1 << shift) >> 1);
}

void histogram_record(struct histogram *histogram, uint64_t nanoseconds)
{
    if (histogram->count == 0 || nanoseconds < histogram->minimum) {
        histogram->minimum = nanoseconds;
    }
    if (nanoseconds > histogram->maximum) {
        histogram->maximum = nanoseconds;
    }
    histogram->count++;
    histogram->sum += (double)nanoseconds;
    histogram->buckets[bucket_of(nanoseconds)]++;
}

void histogram_merge(struct histogram *histogram, const struct histogram *other)
{
    if (other->count == 0) {
        return;
    }
    if (histogram->count == 0 || other->minimum < histogram->minimum) {
        histogram->minimum = other->minimum;
    }
    if (other->maximum > histogram->maximum) {
        histogram->maximum = other->maximum;
    }
    histogram->count += other->count;
    histogram->sum += other->sum;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        histogram->buckets[i] += other->buckets[i];
    }
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count > 0 ? histogram->sum / (double)histogram->count : 0;
}

static uint64_t rank_of(const struct histogram *histogram, double percent)
{
    /* The product may come out a hair above a whole number. */
    double rank = ceil(percent / 100 * (double)histogram->count * (1 - 1e-15));

    if (!(rank >= 1)) {
        return 1;
    }
    return rank < (double)histogram->count ? (uint64_t)rank : histogram->count;
}

uint64_t histogram_percentile(const struct histogram *histogram, double percent)
{
    uint64_t rank = rank_of(histogram, percent);
    uint64_t seen = 0;
    size_t bucket = 0;
    uint64_t value;

    if (rank >= histogram->count) {
        return histogram->maximum; /* exact; also when empty */
    }
    for (; bucket < HISTOGRAM_BUCKETS; bucket++) {
        seen += histogram->buckets[bucket];
        if (seen >= rank) {
            break;
        }
    }
    value = bucket_value(bucket);
    if (value < histogram->minimum) {
        return histogram->minimum;
    }
    return value < histogram->maximum ? value : histogram->maximum;
}
