/*
 * command - what --check-config says of the commands that start milters: would
 * they be run, can they be, as whom.
 */
#ifndef MILTER_MANAGER_CHECK_COMMAND_H
#define MILTER_MANAGER_CHECK_COMMAND_H

#include "milter-manager/check/check.h"

/* Looks with the rights of the milter's user, so call it while root is not given up. */
void command_check(struct check *check);

#endif
