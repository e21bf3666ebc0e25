/*
 * explanation - why a child saw a mail or did not: one event per decision.
 *
 * Written to the log at level info, and handed to whoever wants to explain a
 * scenario (struct session_host).
 */
#ifndef MILTER_MANAGER_SESSION_EXPLANATION_H
#define MILTER_MANAGER_SESSION_EXPLANATION_H

#include "libcore/base/buffer.h"
#include "milter-manager/session/session.h"

struct explanation {
    const struct session_child *child;
    const struct condition_stopper *stopper; /* why it is out; NULL: it answered or failed itself */
    enum command command;                    /* at which command of the MTA */
    struct slice recipient;                  /* at RCPT: the one recipient that it concerns */
    enum verdict verdict;                    /* its answer, or its fallback */
    bool switched_off;                       /* by the operator: the session goes without it */
};

/* A stopper has said true (child->stopper). */
void explanation_stopped(struct session_child *child, struct slice recipient);
/* The child has answered other than "go on", or the final reply to the message; or it has failed.
 */
void explanation_answered(struct session_child *child, enum command command, enum verdict verdict,
                          struct slice recipient);
/* The session begins without a child that would belong to it. */
void explanation_switched_off(struct session *session, const struct configuration_child *child);
/* Appends the event as one line of text without a line end: milter "NAME" ... */
void explanation_format(const struct explanation *explanation, struct buffer *text);

#endif
