/*
 * hooks - calls what a configuration has defined for the daemon.
 *
 * Hooks run in fibers: they may wait, and a mistake in them is logged and goes
 * no further.  Each call returns as soon as the hook waits or ends.
 */
#ifndef MILTER_MANAGER_RUBY_HOOKS_H
#define MILTER_MANAGER_RUBY_HOOKS_H

#include "milter-manager/config/configuration.h"

/*
 * The configuration is in force: after the start (in each process that runs a
 * loop) and after a reload.  Runs manager.event_loop_created.  former: whose
 * timers and watches end, or NULL.
 */
void hooks_configuration_in_force(const struct configuration *configuration,
                                  const struct configuration *former);
/* A maintenance is done: manager.maintained, manager.report_memory_statistics. */
void hooks_maintained(const struct configuration *configuration);

#endif
