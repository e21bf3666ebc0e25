/*
 * connection_check - is the SMTP client still there (manager-semantics section 12)?
 *
 * The host asks from time to time; the answer comes from the configuration's
 * connection checkers, who may need a while for it.
 */
#ifndef MILTER_MANAGER_SESSION_CONNECTION_CHECK_H
#define MILTER_MANAGER_SESSION_CONNECTION_CHECK_H

#include "milter-manager/session/session.h"

/*
 * Asks the connection checkers about the session if it is one to examine: the
 * MTA and the manager wait for a child, and no earlier question is open.  When
 * they say that the client has gone the session ends, now or later.  False when
 * there was nothing to examine.
 */
bool session_check_connection(struct session *session);

/* ---- inside session/ only ---- */

/* Keeps the address of the CONNECT for the checkers. */
void connection_check_note_client(struct session *session, const struct command_packet *connect);
/* The session is over: no answer is wanted any more, and no context is good any more. */
void connection_check_forget(struct session *session);

/* ---- the engine's side ---- */

/*
 * Asks all checkers of the configuration in order.  CONDITION_STOP: one of them
 * says that the client has gone.  As condition_ask otherwise.
 */
enum condition_answer connection_checkers_ask(const struct configuration *configuration,
                                              uint64_t context, condition_answered_fn *answered,
                                              void *owner, struct condition_ticket **ticket);

#endif
