/*
 * timeline - what became of mails at which time, and how long they took.
 *
 * Fixed memory without pointers; a reader in another process may look at any time: what it
 * sees may be half written, but never misleads it to divide by zero or to read elsewhere.
 */
#ifndef MILTER_PERFORMANCE_CHECK_TIMELINE_H
#define MILTER_PERFORMANCE_CHECK_TIMELINE_H

#include <stddef.h>
#include <stdint.h>

enum outcome {
    OUTCOME_SENT,
    OUTCOME_TEMPORARY_FAILURE, /* 4xx */
    OUTCOME_REJECT,            /* 5xx */
    OUTCOME_ERROR,             /* time-outs, lost connections, mistakes of the server */
    OUTCOMES,
};

/*
 * Latencies of one slot of time: four buckets for each power of two, from 16 microseconds to
 * 4.5 minutes; what is beyond is in the first and the last.
 */
enum { SLOT_BUCKETS_OCTAVE = 4, SLOT_BUCKETS_FIRST = 14, SLOT_BUCKETS = 96 };

/* One slot of time. Errors are counted, but have no latency: the server did not say anything. */
struct measured_slot {
    uint64_t mails[OUTCOMES];
    uint64_t minimum, maximum; /* nanoseconds per mail; 0: none */
    double sum;
    uint32_t buckets[SLOT_BUCKETS];
};

void measured_slot_add(struct measured_slot *slot, enum outcome outcome, uint64_t nanoseconds);
void measured_slot_merge(struct measured_slot *slot, const struct measured_slot *other);
/* All that have ended; and those of them with a latency. */
uint64_t measured_slot_mails(const struct measured_slot *slot);
uint64_t measured_slot_timed(const struct measured_slot *slot);
/* Seconds; 0 when there is none.  percent: 0 to 100; within a tenth of the exact value. */
double measured_slot_mean(const struct measured_slot *slot);
double measured_slot_percentile(const struct measured_slot *slot, double percent);

enum { TIMELINE_SLOTS = 512, TIMELINE_SHORTEST = 125000000 /* nanoseconds of a slot */ };

/* Mails by the time they ended at; when the slots are used up they are joined in pairs. */
struct timeline {
    uint64_t slot_length; /* nanoseconds, TIMELINE_SHORTEST at first */
    struct measured_slot slots[TIMELINE_SLOTS];
};

void timeline_begin(struct timeline *timeline);
/* after: nanoseconds since the beginning that a mail has ended. */
void timeline_add(struct timeline *timeline, uint64_t after, enum outcome outcome,
                  uint64_t nanoseconds);
/* Both begin at the same time; other is unchanged. */
void timeline_merge(struct timeline *timeline, const struct timeline *other);
/* Slots up to the last with a mail. */
size_t timeline_length(const struct timeline *timeline);

#endif
