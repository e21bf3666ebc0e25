/*
 * limits - descriptors for many sessions at once.
 */
#ifndef LIBCORE_NET_LIMITS_H
#define LIBCORE_NET_LIMITS_H

#include "libcore/base/error.h"

#include <stdbool.h>

/* How many sessions may run at a time, after the limit has been raised as far as it goes. */
unsigned long limits_sessions(void);
/* False with *error when that many sessions at a time cannot be. */
bool limits_raise(unsigned sessions, struct error *error);

#endif
