/*
 * series - what is counted: kinds of series, their items, how they are shown.  A table.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_SERIES_H
#define MILTER_MANAGER_LOG_ANALYZER_SERIES_H

#include "libcore/base/slice.h"

#include <stdint.h>

enum series_kind {
    SERIES_SESSION,        /* of the manager: smtp child disconnected concurrent */
    SERIES_STATUS,         /* of the manager: pass accept reject ... error */
    SERIES_REPORT,         /* of the manager: spam virus ... (tools.md section 5.3) */
    SERIES_LATENCY,        /* of the manager: sessions by how long they took; items are buckets */
    SERIES_MILTER_STATUS,  /* of a child: as status, and stop */
    SERIES_MILTER_REPORT,  /* of a child: as report */
    SERIES_MILTER_LATENCY, /* of a child: its ends by how long it was busy; items are buckets */
    SERIES_MILTER_FAILURE, /* of a child: what failed (areas; "untold": told as a number, mostly
                              when it answers again), what it led to (lines), failures in a row
                              (gauge) */
    SERIES_MEMORY,         /* of the manager: kilobytes (gauge) */
    SERIES_KINDS,
};

struct series_item {
    const char *name;  /* in the database: "temporary-failure" */
    const char *label; /* for people: "Temp-Fail" */
    const char *light; /* colour, for light and for dark pages; chosen so that those who see few
                          colours tell neighbours apart */
    const char *dark;
    bool gauge; /* the largest value of a minute counts, not the sum */
    bool line;  /* drawn over the areas, not stacked */
};

struct series_info {
    const char *name;  /* in the database: "milter-status" */
    const char *title; /* of graphs: "milter: status" */
    const char *unit;  /* "sessions/min" */
    bool of_child;
    const struct series_item *items; /* NULL: latency buckets */
    size_t item_count;
};

const struct series_info *series_info(enum series_kind kind);
enum { SERIES_ITEM_NAME = 16 };
/* What the item is called in the database; number: room for names of buckets. */
const char *series_item_name(enum series_kind kind, unsigned item, char number[SERIES_ITEM_NAME]);
/* The item of that name, in any case; false: none. */
bool series_item_find(enum series_kind kind, struct slice name, unsigned *item);

/* ---- latency buckets: four for each doubling, from 1 ms/16 to an hour */

enum { LATENCY_BUCKETS = 104 };
/* Names in the database are "b0" to "b103". */
unsigned latency_bucket(double seconds);
/* The longest time that falls into it, in seconds. */
double latency_bucket_limit(unsigned bucket);
/* The time that percent of the counts do not exceed, within the bucket; 0 without counts. */
double latency_percentile(const uint64_t counts[LATENCY_BUCKETS], double percent);

#endif
