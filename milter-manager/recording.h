/*
 * recording - where the daemon keeps recorded sessions (manager.record_sessions).
 */
#ifndef MILTER_MANAGER_RECORDING_H
#define MILTER_MANAGER_RECORDING_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"
#include "milter-manager/config/configuration.h"

/* True when this process can write what the configuration wants, if anything. */
bool recording_check(const struct configuration *configuration, struct error *error);
/* Writes one session; blocks as long as the disk does.  Failures are logged: once, until it works
 * again. */
void recording_save(const struct configuration *configuration, struct slice text);

#endif
