/*
 * front - one connection of the MTA: the event loop's half of a session.
 */
#ifndef MILTER_MANAGER_FRONT_H
#define MILTER_MANAGER_FRONT_H

#include "libcore/net/loop.h"
#include "milter-manager/config/configuration.h"

struct front;
struct session;

/* The front is gone; called from a clean stack. */
typedef void front_ended_fn(void *owner, struct front *front);

/* fd: a connected socket, now the front's. */
struct front *front_new(struct loop *loop, int fd, struct configuration *configuration,
                        front_ended_fn *ended, void *owner);
/* Ends the session at once; reason is for the log.  The front goes from the loop. */
void front_close(struct front *front, const char *reason);

/* Time to ask whether the SMTP client is still there; false when there was nothing to ask. */
bool front_check_connection(struct front *front);

/* To be looked at. */
const struct session *front_session(const struct front *front);

/* For the owner's list of fronts. */
struct front_links {
    struct front *next, *previous;
};
struct front_links *front_links(struct front *front);

#endif
