/*
 * running - other processes of this program, which a check may find at work.
 */
#ifndef MILTER_MANAGER_CHECK_RUNNING_H
#define MILTER_MANAGER_CHECK_RUNNING_H

#include "libcore/net/connection_spec.h"

#include <stdbool.h>
#include <sys/types.h>

enum running {
    RUNNING_MANAGER, /* a process of this program */
    RUNNING_OTHER,
    RUNNING_HIDDEN, /* a process of this program may be it, but this user may not see */
};

/* Who listens at an address that is in use; *pid is set for RUNNING_MANAGER. */
enum running running_who_listens(const struct socket_address *address, pid_t *pid);
/* True unless it is certain that nobody takes connections at the unix socket. */
bool running_at_unix(const struct socket_address *address);

#endif
