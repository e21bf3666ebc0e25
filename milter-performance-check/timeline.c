/*
 * timeline - what became of mails at which time.  Allocates nothing.
 */
#include "milter-performance-check/timeline.h"

#include <math.h>
#include <string.h>

static const uint64_t first_length = TIMELINE_SHORTEST;

/* ---- slots */

static size_t bucket_of(uint64_t nanoseconds)
{
    const uint64_t lowest = (uint64_t)1 << SLOT_BUCKETS_FIRST;
    unsigned octave;
    size_t bucket;

    if (nanoseconds < lowest) {
        return 0;
    }
    octave = 63U - (unsigned)__builtin_clzll(nanoseconds);
    /* The two bits behind the first tell the quarter. */
    bucket = (size_t)(octave - SLOT_BUCKETS_FIRST) * SLOT_BUCKETS_OCTAVE +
             (size_t)((nanoseconds >> (octave - 2)) & 3);
    return bucket < SLOT_BUCKETS ? bucket : SLOT_BUCKETS - 1;
}

/* Nanoseconds. */
static double bucket_begin(size_t bucket)
{
    double quarter = (double)(bucket % SLOT_BUCKETS_OCTAVE) / SLOT_BUCKETS_OCTAVE;

    return ldexp(1 + quarter, (int)(bucket / SLOT_BUCKETS_OCTAVE) + SLOT_BUCKETS_FIRST);
}

void measured_slot_add(struct measured_slot *slot, enum outcome outcome, uint64_t nanoseconds)
{
    uint64_t value = nanoseconds > 0 ? nanoseconds : 1;

    slot->mails[outcome]++;
    if (outcome == OUTCOME_ERROR) {
        return;
    }
    if (slot->minimum == 0 || value < slot->minimum) {
        slot->minimum = value;
    }
    if (value > slot->maximum) {
        slot->maximum = value;
    }
    slot->sum += (double)value;
    slot->buckets[bucket_of(value)]++;
}

void measured_slot_merge(struct measured_slot *slot, const struct measured_slot *other)
{
    uint64_t minimum = other->minimum;

    for (size_t i = 0; i < OUTCOMES; i++) {
        slot->mails[i] += other->mails[i];
    }
    if (minimum > 0 && (slot->minimum == 0 || minimum < slot->minimum)) {
        slot->minimum = minimum;
    }
    if (other->maximum > slot->maximum) {
        slot->maximum = other->maximum;
    }
    slot->sum += other->sum;
    for (size_t i = 0; i < SLOT_BUCKETS; i++) {
        slot->buckets[i] += other->buckets[i];
    }
}

uint64_t measured_slot_timed(const struct measured_slot *slot)
{
    uint64_t mails = 0;

    for (size_t i = 0; i < OUTCOME_ERROR; i++) {
        mails += slot->mails[i];
    }
    return mails;
}

uint64_t measured_slot_mails(const struct measured_slot *slot)
{
    return measured_slot_timed(slot) + slot->mails[OUTCOME_ERROR];
}

double measured_slot_mean(const struct measured_slot *slot)
{
    uint64_t mails = measured_slot_timed(slot);

    return mails > 0 ? slot->sum / (double)mails / 1e9 : 0;
}

static double within(double value, uint64_t minimum, uint64_t maximum)
{
    if (value < (double)minimum) {
        return (double)minimum;
    }
    return value > (double)maximum ? (double)maximum : value;
}

double measured_slot_percentile(const struct measured_slot *slot, double percent)
{
    double rank = percent / 100 * (double)measured_slot_timed(slot);
    double seen = 0;

    for (size_t i = 0; i < SLOT_BUCKETS; i++) {
        double count = (double)slot->buckets[i];

        if (count > 0 && seen + count >= rank) {
            /* As if they were spread evenly in the bucket. */
            double begin = i > 0 ? bucket_begin(i) : 0;
            double value = begin + (bucket_begin(i + 1) - begin) * (rank - seen) / count;

            return within(value, slot->minimum, slot->maximum) / 1e9;
        }
        seen += count;
    }
    return (double)slot->maximum / 1e9;
}

/* ---- time */

void timeline_begin(struct timeline *timeline)
{
    timeline->slot_length = first_length;
}

/* Twice as long slots. */
static void join_pairs(struct timeline *timeline)
{
    for (size_t i = 0; i < TIMELINE_SLOTS / 2; i++) {
        struct measured_slot joined = timeline->slots[2 * i];

        measured_slot_merge(&joined, timeline->slots + 2 * i + 1);
        timeline->slots[i] = joined;
    }
    memset(timeline->slots + TIMELINE_SLOTS / 2, 0, sizeof(timeline->slots) / 2);
    timeline->slot_length *= 2;
}

void timeline_add(struct timeline *timeline, uint64_t after, enum outcome outcome,
                  uint64_t nanoseconds)
{
    while (after / timeline->slot_length >= TIMELINE_SLOTS) {
        join_pairs(timeline);
    }
    measured_slot_add(timeline->slots + after / timeline->slot_length, outcome, nanoseconds);
}

void timeline_merge(struct timeline *timeline, const struct timeline *other)
{
    /* Read once: its owner may be joining its slots just now. */
    uint64_t length = other->slot_length;

    if (length < first_length) {
        return; /* not begun */
    }
    if (timeline->slot_length < first_length) {
        timeline_begin(timeline);
    }
    while (timeline->slot_length < length) {
        join_pairs(timeline);
    }
    for (size_t i = 0; i < TIMELINE_SLOTS; i++) {
        size_t place = (size_t)((double)i * (double)length / (double)timeline->slot_length);

        measured_slot_merge(timeline->slots + place, other->slots + i);
    }
}

size_t timeline_length(const struct timeline *timeline)
{
    size_t length = TIMELINE_SLOTS;

    while (length > 0 && measured_slot_mails(timeline->slots + length - 1) == 0) {
        length--;
    }
    return length;
}
