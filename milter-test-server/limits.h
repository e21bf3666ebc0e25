/*
 * limits - descriptors for many sessions at once.
 */
#ifndef MILTER_TEST_SERVER_LIMITS_H
#define MILTER_TEST_SERVER_LIMITS_H

#include "libcore/base/error.h"

#include <stdbool.h>

/* How many sessions may run at a time, after the limit has been raised as far as it goes. */
unsigned long limits_sessions(void);
/* False with *error when that many sessions at a time cannot be. */
bool limits_raise(unsigned sessions, struct error *error);

#endif
