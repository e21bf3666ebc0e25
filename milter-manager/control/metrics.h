/*
 * metrics - what has happened since the start, counted by all processes of the
 * manager in memory they share.
 *
 * Each process counts in a slot of its own, so nobody waits for anybody; who
 * reads adds the slots up.  A worker that takes the place of a dead one goes on
 * in its slot: counters never go back, gauges begin anew.
 */
#ifndef MILTER_MANAGER_CONTROL_METRICS_H
#define MILTER_MANAGER_CONTROL_METRICS_H

#include "libcore/base/buffer.h"

#include <jansson.h>

/* Once, before the first process is forked: room for that many processes. */
void metrics_open(unsigned slots);
/* This process counts in that slot from now on; it has no sessions and no connections yet. */
void metrics_enter(unsigned slot);
/* Nobody counts in the slot any more: its process has died. */
void metrics_leave(unsigned slot);

/* All of it as OpenMetrics text, without the final "# EOF". */
void metrics_write(struct buffer *text);
/*
 * The sums as an object for people and pages:
 * {"sessions", "open", "messages", "bytes_received", "bytes_sent", "verdicts": {VERDICT: n},
 *  "failures", "children": {NAME: {"messages", "replies", "failures", "timeouts", "open",
 *  "verdicts": {VERDICT: n}, "latency": {"count", "mean", "p50", "p95", "p99"}}}}
 */
json_t *metrics_json(void);

#endif
