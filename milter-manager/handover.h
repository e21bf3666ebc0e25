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
};

/* After activation_begin.  False with *error: something was given that nobody knows. */
bool handover_take(struct handover *handover, struct error *error);
/*
 * After an upgrade the configuration decides: a socket that is not the configured
 * one is closed.  A service manager's is used in any case, after upgrades too: it
 * stays open there, and whoever connects to it waits for us.
 */
void handover_compare(struct handover *handover, const struct configuration *configuration);

/* True when the socket is a service manager's: its path is never removed. */
bool handover_milter_is_kept(void);
bool handover_controller_is_kept(void);
/* The names by which the sockets go to the next program. */
const char *handover_milter_name(void);
const char *handover_controller_name(void);

#endif
