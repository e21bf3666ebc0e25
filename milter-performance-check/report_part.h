/*
 * report_part - what the forms of the report have in common: which rows there are, how figures
 * are written, in which order failures are told.  Pure functions.
 */
#ifndef MILTER_PERFORMANCE_CHECK_REPORT_PART_H
#define MILTER_PERFORMANCE_CHECK_REPORT_PART_H

#include "milter-performance-check/report.h"

/* count for each second of the run; 0 when it took no time. */
double report_per_second(const struct report *report, uint64_t count);
/* Percent of all mails that have ended. */
double report_share(const struct report *report, uint64_t count);
/* A row without values is left out; so are delays where nothing is scheduled. */
bool report_row_wanted(const struct report *report, enum measured what);
/* Something is scheduled: --rate or --ramp. */
bool report_scheduled(const struct report *report);
/* "sent", "temporary-failure", "reject", "error" */
const char *report_outcome_name(enum outcome outcome);
/* Mails of the slot that were not sent. */
uint64_t report_slot_failures(const struct measured_slot *slot);

struct report_figure {
    char text[48];
};
/* Seconds of a latency, three digits: "0.42 ms", "12.3 ms", "1.25 s". */
struct report_figure report_latency(double seconds);
/* Powers of 1000: "12.3 MB". */
struct report_figure report_bytes(double bytes);
/* With commas between thousands. */
struct report_figure report_count(uint64_t count);
/* Of mails a second: as many digits as are of use. */
struct report_figure report_rate(double rate);

/* "2026-11-27T11:00:00Z": when measuring began. */
struct report_figure report_begun(const struct report *report);

/* The texts with the most mails first. */
struct report_texts {
    const struct text_count *items[TEXT_COUNTS];
    size_t count;
    uint64_t others;
};
struct report_texts report_texts_of(const struct report *report, enum outcome outcome);

/* "Temporary failures:", "Rejects:", "Errors:" with lines "  N TEXT", each behind an empty line. */
void report_append_failures(struct buffer *output, const struct report *report);

/*
 * The timeline in at most `most' slots of equal length, `shortest' seconds at least: count of them
 * at slots (free it), each `seconds' long; the last ends with the run, and may be a quarter longer.
 */
struct report_timeline {
    struct measured_slot *slots;
    size_t count;
    double seconds;
};
struct report_timeline report_timeline_of(const struct report *report, size_t most,
                                          double shortest);
/* How long slot number lasted. */
double report_slot_seconds(const struct report *report, const struct report_timeline *timeline,
                           size_t number);

/* The sentence on what --ramp has found, without a line end; nothing without steps. */
void report_append_knee(struct buffer *output, const struct report *report);

#endif
