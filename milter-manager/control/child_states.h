/*
 * child_states - whether each child answers, as a family of metrics.
 */
#ifndef MILTER_MANAGER_CONTROL_CHILD_STATES_H
#define MILTER_MANAGER_CONTROL_CHILD_STATES_H

#include "milter-manager/config/configuration.h"
#include "milter-manager/control/exposition.h"

#include <jansson.h>

/* reports: report.h, of all processes; the latest news of a child counts. */
void child_states_write(struct buffer *text, enum exposition_format format,
                        const struct configuration *configuration, const json_t *reports);

#endif
