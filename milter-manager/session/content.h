/*
 * content - L N B E: the message passes through one child after the other
 * (manager-semantics section 4).
 */
#ifndef MILTER_MANAGER_SESSION_CONTENT_H
#define MILTER_MANAGER_SESSION_CONTENT_H

#include "libcore/wire/command.h"
#include "milter-manager/session/session.h"

/* A content command of the MTA. */
void content_take(struct session *session, const struct command_packet *event);
/* DATA has been run because the MTA sent none; the content command that waited goes on. */
void content_after_emulated_data(struct session *session, enum verdict verdict, struct slice text);
/* The current child's reply to what it was fed. */
void content_child_replied(struct session_child *child, enum command command,
                           const struct reply *reply);
/* An edit or PROGRESS of the current child. */
void content_child_edited(struct session_child *child, const struct reply *edit);
/* The current child failed while it owed a reply or was being asked about. */
void content_child_failed(struct session_child *child);
/* Feeds on, after the current child's or the MTA's output has drained. */
void content_continue(struct session *session);

#endif
