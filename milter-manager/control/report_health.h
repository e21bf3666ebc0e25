/*
 * report_health - the health of the children as part of a process' report.
 */
#ifndef MILTER_MANAGER_CONTROL_REPORT_HEALTH_H
#define MILTER_MANAGER_CONTROL_REPORT_HEALTH_H

#include "milter-manager/config/configuration.h"

#include <jansson.h>

/* Adds the members "children" and "failures" (report.h). */
void report_health(json_t *report, const struct configuration *configuration);

#endif
