/*
 * metrics - what has happened since the start, counted by all processes of the
 * manager in memory they share.
 *
 * Each process counts in a slot of its own, so nobody waits for anybody; who
 * reads adds the slots up.  A worker that takes the place of a dead one goes on
 * in its slot: counters never go back, gauges begin anew.  What counts is in
 * tally.h; a session needs no more than that.
 */
#ifndef MILTER_MANAGER_CONTROL_METRICS_H
#define MILTER_MANAGER_CONTROL_METRICS_H

#include "milter-manager/config/configuration.h"
#include "milter-manager/control/exposition.h"

#include <jansson.h>

/* Once, before the first process is forked: room for that many processes. */
void metrics_open(unsigned slots);
/*
 * This process counts in that slot from now on; it has no sessions and no
 * connections yet.  Slot 0 is the master's or the single process', slot N + 1 that
 * of worker N.  The process id is noted: not before the last fork of daemonising.
 */
void metrics_enter(unsigned slot);
/* Nobody counts in the slot any more: its process has died. */
void metrics_leave(unsigned slot);

/*
 * About the manager as a whole.  What any other process than that of slot 0 says
 * here is not shown, so that workers may run the same code.
 */

/*
 * The configuration is in force: its generation, and its children from their first second on, in
 * use or not; again when the operator has switched one (switches.h).
 */
void metrics_configuration(const struct configuration *configuration);
void metrics_count_reload(bool succeeded);
void metrics_count_worker_restart(void);

/*
 * All of it, without the end: families that others know may follow, then
 * exposition_end.
 */
void metrics_write(struct buffer *text, enum exposition_format format);
/*
 * The sums as an object for people and pages:
 * {"sessions", "open", "messages", "bytes_received", "bytes_sent", "verdicts": {VERDICT: n},
 *  "failures", "children": {NAME: {"messages", "replies", "failures", "timeouts", "open",
 *  "verdicts": {VERDICT: n}, "latency": {"count", "mean", "p50", "p95", "p99"}}}}
 * verdicts are decisions: "continue" counts at the end of a message only, the others at
 * any stage; replies are all of them; latencies are seconds.
 */
json_t *metrics_json(void);

#endif
