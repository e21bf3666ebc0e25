/*
 * activation - sockets that were open when the program was executed: by a
 * service manager (sd_listen_fds(3)) or by this program, which executes itself
 * anew without closing them.
 */
#ifndef LIBCORE_NET_ACTIVATION_H
#define LIBCORE_NET_ACTIVATION_H

#include "libcore/base/error.h"

#include <stdbool.h>

/*
 * Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, once, and removes them from
 * the environment; the descriptors get close-on-exec.  False with *error when
 * they contradict each other; nothing is taken when they are for another
 * process.
 */
bool activation_begin(struct error *error);
/* The descriptor of that name, from now on the caller's; -1: there is none. */
int activation_take(const char *name);
/* The first descriptor nobody has taken, now the caller's, with its name; false: none is left. */
bool activation_left(const char **name, int *fd);

/* ---- the other side */

struct activation_socket {
    const char *name;
    int fd;
};

/*
 * In a process that is about to execute a program: puts the descriptors where
 * the program expects them, closes none of the others (close-on-exec does).
 * Only calls what is safe after a fork in a program with threads.
 */
bool activation_arrange(const struct activation_socket *sockets, unsigned count);
/* Where that has put one of them. */
int activation_arranged(unsigned number);
/*
 * The environment for it: the present one with LISTEN_*, without the names in
 * left_out (NULL ends them).  *process: where LISTEN_PID's digits go, with
 * activation_set_process, once the process exists.  Free with free.
 */
char **activation_environment(const struct activation_socket *sockets, unsigned count,
                              const char *const *left_out, char **process);
/* Safe after a fork. */
void activation_set_process(char *process, long pid);

#endif
