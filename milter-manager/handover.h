/*
 * handover - the descriptors this program was executed with: sockets of a service
 * manager, or everything a former process of the manager goes on with.
 */
#ifndef MILTER_MANAGER_HANDOVER_H
#define MILTER_MANAGER_HANDOVER_H

#include "libcore/base/error.h"
#include "milter-manager/config/configuration.h"

#include <stdbool.h>

struct handover {
    bool upgrade;           /* a former process waits for this one (process/upgrade.h) */
    int milter, controller; /* listening sockets; -1: none */
    int launcher, switches; /* of the former process; -1: none */
    /* Opened by a service manager, which goes on with them: their paths stay as they are. */
    bool milter_given, controller_given;
};

/* After activation_begin.  False with *error: something was given that nobody knows. */
bool handover_take(struct handover *handover, struct error *error);
/*
 * After an upgrade the configuration decides: a socket that is not the configured
 * one is closed.  A service manager's is used in any case, also after an upgrade.
 */
void handover_compare(struct handover *handover, const struct configuration *configuration);

#endif
