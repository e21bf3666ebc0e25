/*
 * context_handle - numbers that stand for children and sessions in Ruby.
 *
 * A handle is a slot and a generation; releasing makes every copy of
 * the handle stale.
 */
#ifndef MILTER_MANAGER_SESSION_CONTEXT_HANDLE_H
#define MILTER_MANAGER_SESSION_CONTEXT_HANDLE_H

#include "milter-manager/session/session.h"

/* The child's handle, made when there is none yet. */
uint64_t context_handle_of(struct session_child *child);
void context_handle_release(struct session_child *child);
/* The same for a session as a whole, for what is asked about no child (connection checkers). */
uint64_t context_handle_of_session(struct session *session);
void context_handle_release_session(struct session *session);

#endif
