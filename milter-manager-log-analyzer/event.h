/*
 * event - what a record of the manager's log counts for (tools.md sections 4.3, 5.2, 5.3).
 * Pure functions.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_EVENT_H
#define MILTER_MANAGER_LOG_ANALYZER_EVENT_H

#include "milter-manager-log-analyzer/log_line.h"
#include "milter-manager-log-analyzer/series.h"

enum { EVENT_COUNTS = 24 };

/*
 * One count: add value to the item of the series (a gauge: the largest in a minute counts).  Each
 * item is there once, also when a record tells of it several times.
 */
struct event_count {
    enum series_kind kind;
    struct slice name; /* of the child; empty: all of the manager.  In the record */
    unsigned item;     /* of that kind: series.h */
    uint64_t value;
};

struct event {
    struct event_count counts[EVENT_COUNTS];
    size_t count;
};

/* False when the record counts for nothing; then event->count is 0. */
bool event_read(const struct log_record *record, struct event *event);

#endif
