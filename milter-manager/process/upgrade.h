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

/* Names of what is handed over. */
#define UPGRADE_MILTER           "milter"
#define UPGRADE_CONTROLLER       "controller"
#define UPGRADE_GIVEN_MILTER     "given-milter" /* which a service manager has opened */
#define UPGRADE_GIVEN_CONTROLLER "given-controller"
#define UPGRADE_LAUNCHER         "launcher"
#define UPGRADE_SWITCHES         "switches"

/* Sockets the new process goes on with. */
enum {
    UPGRADE_KEPT_MILTER = 1U << 0,
    UPGRADE_KEPT_CONTROLLER = 1U << 1,
};

/*
 * Remembers how the program was started: its file, arguments, directory.  First
 * of all in main; argv must outlive the program.
 */
void upgrade_remember(char **argv);

struct upgrade;

/*
 * process: the new one, which is ready and goes on by itself with the sockets
 * kept (UPGRADE_KEPT_*); 0: it is not, and reason says why.  The upgrade is over;
 * called from the loop.
 */
typedef void upgrade_ended_fn(void *owner, pid_t process, unsigned kept, const char *reason);

/* NULL with *error: nothing was started. */
struct upgrade *upgrade_start(struct loop *loop, const struct activation_socket *sockets,
                              unsigned count, upgrade_ended_fn *ended, void *owner,
                              struct error *error);
/* Also for the new process, which may have read its configuration already. */
void upgrade_signal(const struct upgrade *upgrade, int signal_number);
/* Ends the new process when it is not ready yet; ended is not called. */
void upgrade_free(struct upgrade *upgrade);
/* In a process forked meanwhile, for which it is another one's: the new process is let alone. */
void upgrade_abandon(struct upgrade *upgrade);

/* ---- in the new process */

/*
 * After activation_begin: true when another process waits for this one.  It is
 * no daemon to be, it is one already.
 */
bool upgrade_begin(void);
/* Tells it why this one will not be ready; the first sentence counts. */
void upgrade_failed(const char *sentence);
/* Lets the former process go, and tells it which sockets are in use here. */
void upgrade_ready(unsigned kept);

#endif
