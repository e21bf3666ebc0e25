/*
 * schedule - when which session is to start.  Pure functions of the time.
 *
 * Open: session i is due at start + i / rate, whatever became of the others.
 * Closed (rate 0): any number is due until the end; how many run at a time is
 * the caller's affair.
 */
#ifndef LIBCORE_BASE_SCHEDULE_H
#define LIBCORE_BASE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

struct schedule {
    double rate;       /* sessions a second; 0: closed */
    uint64_t start;    /* nanoseconds of clock_nanoseconds */
    uint64_t duration; /* nanoseconds; 0: no end */
    uint64_t limit;    /* sessions; 0: no limit */
};

/* When session number (from 0) is due; in a closed schedule at the start; UINT64_MAX: never. */
uint64_t schedule_time(const struct schedule *schedule, uint64_t number);
/* How many sessions are due by now, those that were started before included. */
uint64_t schedule_due(const struct schedule *schedule, uint64_t now);
/* True when none will ever be due besides the started ones. */
bool schedule_over(const struct schedule *schedule, uint64_t started, uint64_t now);

#endif
