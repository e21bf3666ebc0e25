/*
 * envelope - C H M R T U: fan out to every child concerned, collect, decide
 * (manager-semantics sections 3 and 5).
 */
#ifndef MILTER_MANAGER_SESSION_ENVELOPE_H
#define MILTER_MANAGER_SESSION_ENVELOPE_H

#include "milter-manager/session/session.h"

/*
 * Starts session->command, whose payload stands in session->command_payload.
 * The MTA is answered when the last child has, possibly at once.
 */
void envelope_begin(struct session *session, enum command command);
/* The reply an awaited child owed. */
void envelope_child_replied(struct session_child *child, const struct reply *reply);
/*
 * A child that belongs to the command in progress has failed: asked, while its
 * conditions were being asked, else while it owed a reply.
 */
void envelope_child_failed(struct session_child *child, bool asked);

#endif
