/*
 * status - the reports of all processes as one object: GET /status.
 *
 * Pure: reads what it is given, keeps nothing.
 */
#ifndef MILTER_MANAGER_CONTROL_STATUS_H
#define MILTER_MANAGER_CONTROL_STATUS_H

#include "milter-manager/config/configuration.h"
#include "milter-manager/control/history.h"

#include <jansson.h>

enum { STATUS_SESSIONS = 100, STATUS_FAILURES = 50 };

struct status_source {
    const struct configuration *configuration;
    const json_t *reports; /* report.h */
    const char *state;
    const char *listen; /* the spec in use */
    time_t started;
    double uptime; /* s */
    time_t mishap; /* of the last reload; 0: it was fine */
    const char *mishap_sentence;
    const struct history *history;
    const json_t *totals; /* metrics_json; NULL: nobody counts, and the status has no numbers */
};

/* A new object. */
json_t *status_json(const struct status_source *source);
/* The report's object of that child that is the latest news of it, or NULL. */
const json_t *status_latest(const json_t *reports, const char *child);

#endif
