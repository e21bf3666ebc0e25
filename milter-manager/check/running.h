/*
 * running - other processes of this program, which a check may find at work.
 */
#ifndef MILTER_MANAGER_CHECK_RUNNING_H
#define MILTER_MANAGER_CHECK_RUNNING_H

#include "libcore/net/connection_spec.h"

#include <stdbool.h>
#include <sys/types.h>

/* The number of a process of this program that is not this one, 0: none is seen. */
pid_t running_other_manager(void);
/*
 * True when somebody listens on the unix socket; *pid is his number when he is a
 * process of this program, else 0.
 */
bool running_listens_on_unix(const struct socket_address *address, pid_t *pid);

#endif
