/*
 * sums - all slots of the tally added up, for whoever shows the figures.
 */
#ifndef MILTER_MANAGER_CONTROL_SUMS_H
#define MILTER_MANAGER_CONTROL_SUMS_H

#include "milter-manager/control/tally.h"

struct sums_child {
    char name[TALLY_NAME];
    enum tally_switch configured;
    struct tally_child counted;
};

/* A copy: nothing in it changes any more. */
struct sums {
    struct tally_totals totals;
    struct sums_child *children; /* sorted by name */
    size_t child_count;
};

void sums_take(struct sums *sums);
void sums_clear(struct sums *sums);

/* Of an array of counters; sizeof of what consists of counters is length. */
uint64_t sums_of(const void *counters, size_t length);
/* Adds what stands in from, which consists of counters; length in bytes. */
void sums_add(void *to, const void *from, size_t length);

/* How many replies there were. */
uint64_t sums_times_count(const struct tally_times *times);
/* Seconds; 0 without any reply. */
double sums_times_mean(const struct tally_times *times);
/*
 * The time, s, that percent (0 to 100) of all replies did not exceed: within a
 * bucket as if replies were spread evenly, above the last bound that bound, as
 * Prometheus' histogram_quantile does.  0 without any reply.
 */
double sums_times_percentile(const struct tally_times *times, double percent);

#endif
