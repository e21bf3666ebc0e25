/*
 * limits - do the children's time-outs fit into what mail servers wait?
 */
#ifndef MILTER_MANAGER_CHECK_LIMITS_H
#define MILTER_MANAGER_CHECK_LIMITS_H

#include "milter-manager/check/check.h"

/* A note for defaults that are too long, a warning for values that were chosen. */
void limits_check(struct check *check);

#endif
