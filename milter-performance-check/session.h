/*
 * session - one SMTP connection at a time: connects, speaks, sends the mails its
 * owner has, and says how long everything took.
 *
 * Joins the stream, TLS and the SMTP machine; used again for the next connection.
 */
#ifndef MILTER_PERFORMANCE_CHECK_SESSION_H
#define MILTER_PERFORMANCE_CHECK_SESSION_H

#include "libcore/net/loop.h"
#include "milter-performance-check/mails.h"
#include "milter-performance-check/measurement.h"
#include "milter-performance-check/plan.h"
#include "milter-performance-check/sasl.h"
#include "milter-performance-check/tls.h"

struct session;

/* What all sessions have in common. */
struct session_context {
    struct loop *loop;
    const struct plan *plan;
    struct tls_context *tls;   /* NULL: never */
    struct sasl_context *sasl; /* NULL: never */
    struct measurement *measurement;
};

/* They may use the session, but neither free nor start it. */
struct session_handlers {
    /* The mail given has ended: outcome, recipients and text of *result are set. The session then
     * waits: session_send, session_quit, or let it wait. */
    void (*mail_ended)(void *owner, const struct mail_result *result);
    /* The connection is gone; the session may be used again.  error: NULL when all was well; a
     * mail under way has ended before. */
    void (*ended)(void *owner, const struct error *error);
};

struct session *session_new(const struct session_context *context,
                            const struct session_handlers *handlers, void *owner);
void session_free(struct session *session);
/* Connects to the server and sends the mail. mail stays the owner's until it has ended. */
void session_start(struct session *session, struct server *server, const struct mail *mail);
/* True when the next mail can be sent on the same connection. */
bool session_open(const struct session *session);
/* The next mail on the same connection, which must be open. */
void session_send(struct session *session, const struct mail *mail);
/* Leaves politely. */
void session_quit(struct session *session);
/* Ends at once, with an error. */
void session_cut_off(struct session *session);

#endif
