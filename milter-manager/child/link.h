/*
 * link - a session's connection to one child milter.
 *
 * The event loop's half of a struct session_child: it connects, carries bytes
 * both ways and keeps the time a reply may take.
 */
#ifndef MILTER_MANAGER_CHILD_LINK_H
#define MILTER_MANAGER_CHILD_LINK_H

#include "libcore/net/loop.h"
#include "milter-manager/session/session.h"

/* The outcome comes from the loop: session_child_connected or session_child_failed. */
void link_connect(struct loop *loop, struct session_child *child);
void link_flush(struct session_child *child);
/* After this no event of the child comes any more. */
void link_disconnect(struct session_child *child, bool graceful);
/* session_child_timed_out after seconds; 0 stops. */
void link_expect(struct session_child *child, double seconds);

#endif
