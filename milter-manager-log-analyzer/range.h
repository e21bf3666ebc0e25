/*
 * range - the stretches of time that graphs show (tools.md sections 5.2 and 5.4): day, week,
 * month, year, and one of the user's own.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_RANGE_H
#define MILTER_MANAGER_LOG_ANALYZER_RANGE_H

#include "milter-manager-log-analyzer/store.h"

enum { RANGES = 5, RANGE_TICKS = 24 };

struct range {
    const char *label; /* "Last Day" */
    const char *id;    /* "last-day": of its heading, and in front of those of its graphs */
    const char *tag;   /* "day": in the names of files */
    int64_t from, until;
    int64_t step; /* seconds of one bin */
    size_t bins;  /* step * bins is the length */
    enum store_span span;
};

/*
 * Those that end at now, in order, behind the one from since to until (either may be 0) when one is
 * asked for; how many.  The span that is not over yet belongs to them.
 */
size_t ranges_of(int64_t now, int64_t since, int64_t until, struct range ranges[RANGES]);

/* One bin over all of it, of whole minutes. */
struct range range_whole(int64_t from, int64_t until);

/* Where the axis of time has a mark, from 0 to 1, and what it says, in local time. */
struct range_tick {
    double at;
    char text[20];
    bool less; /* one that a narrow window has no room for */
};

size_t range_ticks(const struct range *range, struct range_tick ticks[RANGE_TICKS]);

#endif
