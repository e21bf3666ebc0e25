/*
 * child - one child milter in one session: life, failure, fallback, time.
 */
#ifndef MILTER_MANAGER_SESSION_CHILD_H
#define MILTER_MANAGER_SESSION_CHILD_H

#include "milter-manager/session/session.h"
#include "milter-manager/session/verdict.h"

/* How a child fails: what the log says and what is counted follows from it (child.c). */
enum child_failure {
    CHILD_UNREACHABLE,
    CHILD_CLOSED,
    CHILD_BROKEN,   /* an I/O error */
    CHILD_MISTAKEN, /* it broke the protocol */
    CHILD_LATE_CONNECTING,
    CHILD_LATE_WRITING,
    CHILD_LATE_READING,
    CHILD_LATE_AT_END, /* of the message */
    CHILD_FAILURES,
};

void child_init(struct session_child *child, struct session *session,
                const struct configuration_child *configuration);
void child_clear(struct session_child *child);

/* True when it can still be asked, or its fallback is due. */
bool child_alive(const struct session_child *child);
/* Sends one command with the macros due; starts the reply timer when a reply is owed. */
enum mta_sent child_send(struct session_child *child, enum command command, struct slice payload);
/* No reply is owed any more: the timer stops, the busy time is added. */
void child_answered(struct session_child *child);
/* A reply or an edit has come: it is counted, with the time a reply took. */
void child_count(struct session_child *child, enum mta_result result, enum command command,
                 const struct reply *reply);
/*
 * Asks the child's conditions.  STOP: child->stopper is set.  PENDING: answered is
 * called with the child as owner and child->ticket is set until then.
 */
enum condition_answer child_ask(struct session_child *child, struct condition_question *question,
                                condition_answered_fn *answered);
bool child_has_stopper(const struct session_child *child, enum condition_stage stage);
/* Does to the child what a verdict or a stopper does. */
void child_apply(struct session_child *child, enum verdict_effect effect);
/* ABORT when it is in the message; it is out of the message then. */
void child_leave_message(struct session_child *child);
/* ABORT if needed, QUIT, disconnect: out by decision. */
void child_quit(struct session_child *child);
/* Disconnect at once: out by failure. cause is for the log. */
void child_expire(struct session_child *child, enum child_failure failure, const char *cause);
/* The fallback, taken as a verdict and counted; the evaluation mode is not looked at. */
enum verdict child_fallback(struct session_child *child);
/* What the child's verdict counts for the MTA (evaluation_mode: accept). */
enum verdict child_counted(const struct session_child *child, enum verdict verdict);
/* Remembers a verdict for conditions and statistics. */
void child_note_status(struct session_child *child, enum verdict verdict);
/* Forgets the message. */
void child_message_reset(struct session_child *child);

#endif
