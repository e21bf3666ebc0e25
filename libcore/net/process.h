/*
 * process - what a daemon does to itself: limits, identity, detaching, pid file
 * (manager-semantics section 15).
 */
#ifndef LIBCORE_NET_PROCESS_H
#define LIBCORE_NET_PROCESS_H

#include "libcore/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Soft and hard RLIMIT_NOFILE; 0 raises the soft limit to the hard one. */
bool process_set_descriptor_limit(unsigned long limit, struct error *error);

/* How many descriptors the process may have. */
unsigned long process_descriptor_limit(void);

/* Memory that is resident, of a process that runs; false where the system does not tell. */
bool process_resident_memory(pid_t process, uint64_t *bytes);

/*
 * Ordinary I/O errors instead of SIGPIPE when a peer has gone and of SIGXFSZ
 * when a file would become larger than the process may write.
 */
void process_ignore_broken_pipes(void);
/* Where whoever started the program ignored SIGCHLD, waiting for a child would fail. */
void process_learn_of_deaths(void);
/*
 * In a child, at once: when the parent dies, however it does, a SIGTERM comes (on Linux;
 * elsewhere the child outlives it).  Ends the child when the parent has died already.
 */
void process_follow_parent(pid_t parent);

struct process_user {
    uid_t user;
    bool known;      /* in the user database; what follows is only set then */
    gid_t group;     /* primary group */
    char name[64];   /* empty when it does not fit */
    char home[1024]; /* empty when it does not fit */
};

/* By name, else by number.  A number need not be in the user database, a name must. */
bool process_find_user(const char *user, struct process_user *found, struct error *error);
bool process_find_group(const char *group, gid_t *found, struct error *error);

/*
 * Gives up root for good; does nothing when not root.  user NULL: nobody; group
 * NULL: the primary group of the user.  Root's supplementary groups are
 * replaced by the user's own.  After a failure the process must not go on.
 */
bool process_drop_privileges(const char *user, const char *group, struct error *error);

/*
 * Detaches from the terminal: returns in the daemon only, with a new session,
 * directory /, umask 0, standard input and output on /dev/null, the log
 * detached from the terminal.  The process that called it waits for
 * process_ready and exits 0 then; it exits 1 when the daemon ends before that.
 * Standard error stays until process_ready, so late start-up errors are seen.
 */
bool process_daemonize(struct error *error);
/* The same with another function than fork, for libraries that want to know of it. */
typedef pid_t process_fork_fn(void);
bool process_daemonize_by(process_fork_fn *fork_process, struct error *error);
/*
 * The daemon is up (listening, pid file written): lets the starting process go.
 * Call it before workers are forked.  Does nothing in a process not detached.
 */
void process_ready(void);

/* "PID\n", readable by all.  Nothing is left behind on failure. */
bool process_write_pid_file(const char *path, struct error *error);
/* Removes the file when it still holds this process' number. */
void process_remove_pid_file(const char *path);

#endif
