/*
 * privileges - who the daemon runs as, and what it takes along (manager-semantics
 * section 15).
 */
#ifndef MILTER_MANAGER_PRIVILEGES_H
#define MILTER_MANAGER_PRIVILEGES_H

#include "milter-manager/options.h"
#include "milter-manager/process/controller.h"
#include "milter-manager/server.h"

/*
 * Gives up root for security.effective_user and effective_group when there is
 * something to give up; sockets and log file follow.  False with *error: the
 * process must not go on.
 */
bool privileges_drop(const struct manager_options *options, struct server *server,
                     struct controller *controller, struct error *error);

#endif
