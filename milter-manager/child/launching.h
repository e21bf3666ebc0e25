/*
 * launching - the manager's side of the launcher: forks it, and asks it to run the
 * command of a child that cannot be reached (manager-semantics section 13).
 *
 * The sending end of the socket is one for the whole process.  Forked workers
 * inherit it, and it may be handed to a new program by its number.
 */
#ifndef MILTER_MANAGER_CHILD_LAUNCHING_H
#define MILTER_MANAGER_CHILD_LAUNCHING_H

#include "libcore/base/error.h"
#include "milter-manager/config/configuration.h"

#include <stdbool.h>

/*
 * Forks the launcher if security.privilege_mode is on, root has started the
 * program and some child has a command of the administrator; else does nothing.
 * Call it before listening, before root is given up and before any thread that
 * matters to the launcher.
 */
bool launching_start(const struct configuration *configuration, struct error *error);
/*
 * The sending end, close-on-exec, for a new program that is to go on with the same
 * launcher; -1: there is none.  The launcher ends when the last copy is closed.
 */
int launching_descriptor(void);
/*
 * In that new program, in place of launching_start.  False when fd is not such a
 * socket; then it is left alone.
 */
bool launching_adopt(int fd, struct error *error);
/* Closes this process' sending end. */
void launching_stop(void);

/* There is a launcher, and the child has a command for it. */
bool launching_serves(const struct configuration_child *child);
/*
 * Asks for the child's command to be run.  Sessions that find the child down at
 * the same time ask once: not again within its startup_time.
 */
void launching_request(const struct configuration_child *child);
/* The log was opened anew: the launcher goes on in the same file. */
void launching_log_reopened(void);
/* Says which commands of a new configuration the launcher does not know. */
void launching_reloaded(const struct configuration *configuration);

#endif
