/*
 * sums - all slots of the tally added up, for whoever shows the figures.
 *
 * Owns the copy it makes.  Processes count on meanwhile: two figures of one copy
 * may be a moment apart, none ever goes back.
 */
#include "milter-manager/control/sums.h"

#include "libcore/base/memory.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

uint64_t sums_of(const void *counters, size_t length)
{
    const struct counter *counter = counters;
    uint64_t sum = 0;

    for (size_t i = 0; i < length / sizeof(*counter); i++) {
        sum += counter_read(&counter[i]);
    }
    return sum;
}

void sums_add(void *to, const void *from, size_t length)
{
    struct counter *sum = to;
    const struct counter *counter = from;

    for (size_t i = 0; i < length / sizeof(*sum); i++) {
        counter_add(&sum[i], counter_read(&counter[i]));
    }
}

static struct sums_child *sums_child_named(struct sums *sums, const char *name)
{
    struct sums_child *child;

    for (size_t i = 0; i < sums->child_count; i++) {
        if (strcmp(sums->children[i].name, name) == 0) {
            return &sums->children[i];
        }
    }
    sums->children =
        memory_resize(sums->children, sums->child_count + 1, sizeof(sums->children[0]));
    child = &sums->children[sums->child_count++];
    memset(child, 0, sizeof(*child));
    memcpy(child->name, name, strlen(name) + 1);
    return child;
}

static void sums_add_slot(struct sums *sums, unsigned number)
{
    const struct tally_slot *slot = tally_slot(number);
    unsigned count = atomic_load_explicit(&slot->entry_count, memory_order_acquire);

    sums_add(&sums->totals, &slot->totals, sizeof(slot->totals));
    for (unsigned i = 0; i < count; i++) {
        const struct tally_entry *entry = &slot->entries[i];
        struct sums_child *child = sums_child_named(sums, entry->name);

        sums_add(&child->counted, &entry->child, sizeof(entry->child));
        if (number == 0) {
            child->configured = (enum tally_switch)counter_read(&entry->configured);
        }
    }
    if (counter_read(&slot->others_used) != 0) {
        sums_add(&sums_child_named(sums, TALLY_OTHERS)->counted,
                 &slot->entries[TALLY_CHILDREN].child, sizeof(struct tally_child));
    }
}

static int sums_compare(const void *left, const void *right)
{
    return strcmp(((const struct sums_child *)left)->name,
                  ((const struct sums_child *)right)->name);
}

void sums_take(struct sums *sums)
{
    memset(sums, 0, sizeof(*sums));
    for (unsigned i = 0; i < tally_slots(); i++) {
        sums_add_slot(sums, i);
    }
    if (sums->child_count > 0) {
        qsort(sums->children, sums->child_count, sizeof(sums->children[0]), sums_compare);
    }
}

void sums_clear(struct sums *sums)
{
    free(sums->children);
    memset(sums, 0, sizeof(*sums));
}

/* ---- reply times */

uint64_t sums_times_count(const struct tally_times *times)
{
    return sums_of(times->buckets, sizeof(times->buckets));
}

double sums_times_mean(const struct tally_times *times)
{
    uint64_t count = sums_times_count(times);

    return count > 0 ? (double)counter_read(&times->nanoseconds) / 1e9 / (double)count : 0;
}

double sums_times_percentile(const struct tally_times *times, double percent)
{
    double rank = percent / 100 * (double)sums_times_count(times);
    double below = 0, lower = 0;

    for (unsigned i = 0; i < TALLY_BOUNDS; i++) {
        double here = (double)counter_read(&times->buckets[i]);

        if (here > 0 && below + here >= rank) {
            return lower + (tally_bounds[i] - lower) * (rank - below) / here;
        }
        below += here;
        lower = tally_bounds[i];
    }
    return below > 0 || rank > 0 ? lower : 0;
}
