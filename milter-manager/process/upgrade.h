/*
 * upgrade - executes the program anew, with the sockets that are open, and waits
 * until the new process works or has given up.
 *
 * The new one takes the sockets as it would those of a service manager
 * (libcore/net/activation.h) and says on one of them that it is ready.
 */
#ifndef MILTER_MANAGER_PROCESS_UPGRADE_H
#define MILTER_MANAGER_PROCESS_UPGRADE_H

#include "libcore/base/error.h"
#include "libcore/net/activation.h"
#include "libcore/net/loop.h"

#include <stdbool.h>
#include <sys/types.h>

/* Names of what is handed over; the first two are a service manager's words as well. */
#define UPGRADE_MILTER             "milter"
#define UPGRADE_CONTROLLER         "controller"
#define UPGRADE_SERVICE_MILTER     "service-milter" /* a service manager's, from process to process */
#define UPGRADE_SERVICE_CONTROLLER "service-controller"
#define UPGRADE_LAUNCHER           "launcher"
#define UPGRADE_SWITCHES           "switches"

/*
 * Remembers how the program was started: its file, arguments, directory.  First
 * of all in main; argv must outlive the program.
 */
void upgrade_remember(char **argv);

struct upgrade;

/*
 * process: the new one, which is ready and goes on by itself; 0: it is not, and
 * reason says why.  The upgrade is over; called from the loop.
 */
typedef void upgrade_ended_fn(void *owner, pid_t process, const char *reason);

/* NULL with *error: nothing was started. */
struct upgrade *upgrade_start(struct loop *loop, const struct activation_socket *sockets,
                              unsigned count, upgrade_ended_fn *ended, void *owner,
                              struct error *error);
/* Ends the new process when it is not ready yet; ended is not called. */
void upgrade_free(struct upgrade *upgrade);

/* ---- in the new process */

/*
 * After activation_begin: true when another process waits for this one.  It is
 * no daemon to be, it is one already.
 */
bool upgrade_begin(void);
/* Lets the former process go. */
void upgrade_ready(void);

#endif
