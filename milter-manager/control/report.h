/*
 * report - what one process knows of its sessions and of its children, as JSON
 * that travels between the processes.
 */
#ifndef MILTER_MANAGER_CONTROL_REPORT_H
#define MILTER_MANAGER_CONTROL_REPORT_H

#include "milter-manager/server.h"

#include <jansson.h>

enum { REPORT_SESSIONS = 100 }; /* the oldest ones; the rest is only counted */

/*
 * {"pid", "worker", "uptime", "memory", "sessions_open",
 *  "sessions": [{"id", "peer", "client", "helo", "queue_id", "age", "phase", "waiting_for",
 *    "waiting"}],
 *  "children": {NAME: {"state", "since", "seen", "failures",
 *    "last_error": {"time", "message"} or null}},
 *  "failures": [{"time", "child", "endpoint", "stage", "error", "fallback", "session"}]}
 * seen: when it last showed to be in that state; worker: number of the worker, -1 for a process
 * that does everything.
 */
json_t *report_of_process(const struct server *server, int worker);

#endif
