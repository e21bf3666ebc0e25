/*
 * edits - what children ask for at end of message (manager-semantics sections 6, 17 row 9, 18).
 *
 * Held per child until its final verdict: all or nothing.  Then they change
 * what later children see and wait for the final reply to the MTA.
 */
#ifndef MILTER_MANAGER_SESSION_EDITS_H
#define MILTER_MANAGER_SESSION_EDITS_H

#include "milter-manager/session/session.h"

/* An edit of the current child; false: it asks for too much (PROTOCOL_EDITS). */
bool edits_take(struct session_child *child, const struct reply *edit);
/* The child has said continue or accept: its edits become real. */
void edits_commit(struct session_child *child);
/* Drops what the current child asked for. */
void edits_forget(struct session *session);
/*
 * Sends all edits and the final reply to the MTA.  A body too large for one
 * write goes in pieces: call again when the output has drained.
 */
void edits_answer(struct session *session);

#endif
