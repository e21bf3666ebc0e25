/*
 * record - a connection of the MTA as a session file, unless a condition is
 * against it (manager.record_sessions).
 *
 * Every function does nothing when the connection is not, or no longer,
 * recorded.  The session never waits for it.
 */
#ifndef MILTER_MANAGER_SESSION_RECORD_H
#define MILTER_MANAGER_SESSION_RECORD_H

#include "libcore/wire/command.h"
#include "milter-manager/session/session.h"

/* At the beginning of the connection; the configuration says whether it is recorded. */
void record_begin(struct session *session);
/* The MTA has said something: the conditions are asked, which may end the recording. */
void record_take(struct session *session, const struct command_packet *event);
/* New macros of the MTA replace what conditions have set at that stage. */
void record_macros(struct session *session, enum command stage);
void record_message_reset(struct session *session);
/* A remark for people; several lines are several remarks. */
void record_note(struct session *session, const char *text);
/*
 * The connection is over: the host gets what was recorded.  A question that is
 * still open ends the recording: what no condition has let pass is not kept.
 */
void record_end(struct session *session);

/* True when conditions of the recording will be asked about the whole envelope. */
bool record_wants_envelope(const struct session *session);

#endif
