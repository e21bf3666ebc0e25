/*
 * launcher - the process that stays root and runs the commands of children
 * (manager-semantics section 13).
 *
 * It runs nothing but what the configuration named when it was forked: a request
 * only says which of these.  So whoever takes over the manager, which has given
 * up root and reads what strangers send, cannot have root run anything.
 *
 * The word "log" with a descriptor is another log file, after the log was opened
 * anew.  Any other request is one datagram: "launch", the child's name, its command line and
 * its user, each with a NUL behind it; the last two must be what the launcher
 * knows.  There are no answers, because several processes share the sending end:
 * the launcher logs what became of a request.
 */
#ifndef MILTER_MANAGER_CHILD_LAUNCHER_H
#define MILTER_MANAGER_CHILD_LAUNCHER_H

#include "libcore/base/buffer.h"
#include "milter-manager/child/launchable.h"

/* Longer ones are refused. */
enum { LAUNCHER_REQUEST = 32 * 1024 };

/* Appends the request to run it. */
void launcher_append_request(struct buffer *request, const struct launchable *launchable);
/*
 * The life of the launcher, in a process of its own: serves what comes from fd, a
 * socket, and returns when its last sending end is closed.  What it has
 * run goes on.  Every other descriptor is closed, but those of the log.
 */
void launcher_run(int fd, const struct launchable *launchables, unsigned count, bool daemon);

#endif
