/*
 * lint - advice on a configuration that loads: what will hardly work as meant.
 */
#ifndef MILTER_MANAGER_CHECK_LINT_H
#define MILTER_MANAGER_CHECK_LINT_H

#include "milter-manager/check/check.h"

/* After the probes: some advice depends on what the children negotiate. */
void lint_run(struct check *check);

#endif
