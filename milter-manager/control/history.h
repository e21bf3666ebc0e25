/*
 * history - what happened in each of the last sixty minutes, out of counters
 * that only grow.
 *
 * Pure: the caller says what time it is.  All zero is an empty history.
 */
#ifndef MILTER_MANAGER_CONTROL_HISTORY_H
#define MILTER_MANAGER_CONTROL_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum { HISTORY_MINUTES = 60 };

enum history_counter {
    HISTORY_SESSIONS,
    HISTORY_MESSAGES,
    HISTORY_REJECTED,
    HISTORY_TEMPORARY_FAILURES,
    HISTORY_FAILURES,
    HISTORY_COUNTERS,
};

/* Since the start; one that is smaller than before has begun anew. */
struct history_counters {
    uint64_t values[HISTORY_COUNTERS];
};

struct history {
    struct {
        time_t time; /* the end of the minute */
        uint64_t values[HISTORY_COUNTERS];
    } minutes[HISTORY_MINUTES];
    unsigned next, count;
    bool begun;
    time_t since; /* the end of the newest minute, or the first call */
    struct history_counters last;
};

/*
 * To be called once a minute.  The first call only says where counting starts.  A call after less
 * than half a minute changes nothing: the next one covers its time too.  When calls were missed,
 * what happened meanwhile is spread evenly over the minutes between.
 */
void history_add(struct history *history, time_t time, const struct history_counters *counters);

/*
 * [{"time", "sessions", "messages", "rejected", "temporary_failures", "failures"}], oldest first;
 * the caller's.
 */
json_t *history_json(const struct history *history);

#endif
