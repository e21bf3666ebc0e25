/*
 * event_failure - what lines tell of children that failed (tools.md section 4.2).
 *
 * Pure functions.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_EVENT_FAILURE_H
#define MILTER_MANAGER_LOG_ANALYZER_EVENT_FAILURE_H

#include "milter-manager-log-analyzer/event.h"

/*
 * rest: of a "[children]" record, behind that.  The child's name comes last, and what stands before
 * it may hold anything as well: it ends where the sentences of the manager are known to end, and
 * with others at the last ": ".
 */
void event_failure_read(const struct log_record *record, struct slice rest, struct event *event);

/* Adds to a count that is there already, or appends one; what finds no room is left out. */
void event_add(struct event *event, enum series_kind kind, struct slice name, unsigned item,
               uint64_t value);

#endif
