/*
 * start - the daemon from the configuration to the end (milter-manager-cli.md
 * section 2).
 */
#ifndef MILTER_MANAGER_START_H
#define MILTER_MANAGER_START_H

#include "milter-manager/options.h"

/* Messages go to standard error until the process is detached.  Returns the exit status. */
int start_run(const struct manager_options *options);

#endif
