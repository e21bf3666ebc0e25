/*
 * negotiate - the options of all children become one answer (manager-semantics section 2).
 */
#ifndef MILTER_MANAGER_SESSION_NEGOTIATE_H
#define MILTER_MANAGER_SESSION_NEGOTIATE_H

#include "milter-manager/session/child.h"

/*
 * Makes the session's children from the configuration and starts connecting all
 * of them; when every one has answered, failed or timed out the MTA is answered
 * or, for a second CONNECT, the command that waits goes on.
 */
void negotiate_begin(struct session *session);
void negotiate_child_connected(struct session_child *child, struct buffer *output);
/* The child's answer stands in child->mta. */
void negotiate_child_answered(struct session_child *child);
/* Connection refused, time-out or nonsense before the answer. */
void negotiate_child_failed(struct session_child *child, enum child_failure failure,
                            const char *cause);
/* The names of the macros that MTAs send unasked at a stage, as in macro lists; may be empty. */
struct slice negotiate_unasked_macros(enum command stage);

#endif
