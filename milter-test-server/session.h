/*
 * session - one conversation with the filter under test: connects, sends one
 * message step by step, collects what the filter wants (tools.md section 1.2).
 *
 * Drives the asking machine over a stream.  Writes nothing anywhere but to the
 * filter and the log.
 */
#ifndef MILTER_TEST_SERVER_SESSION_H
#define MILTER_TEST_SERVER_SESSION_H

#include "libcore/net/connection_spec.h"
#include "libcore/net/loop.h"
#include "libcore/session/macro_store.h"
#include "libcore/wire/command.h"
#include "libcore/wire/negotiation.h"
#include "milter-test-server/message.h"

/* Seconds; 0 is for ever. */
struct session_timeouts {
    double connection;
    double reading;
    double writing;
    double end_of_message;
};

/* What is to be said; everything stays the caller's and must outlive the session. */
struct session_plan {
    const char *name; /* of the server, for the log */
    const char *spec; /* as the user wrote it, for messages */
    struct socket_address address;
    uint32_t version;
    struct command_connect connect;
    const char *helo;
    const char *unknown; /* NULL: none */
    const struct message *message;
    const struct macro_store *macros;
    struct session_timeouts timeouts;
};

enum session_status {
    SESSION_PASS,
    SESSION_ACCEPT,
    SESSION_REJECT,
    SESSION_TEMPORARY_FAILURE,
    SESSION_DISCARD,
    SESSION_QUARANTINE,
};

const char *session_status_name(enum session_status status);

struct session_result {
    bool complete;      /* the filter was reached and the conversation ended in order */
    struct error error; /* why not */
    enum session_status status;
    bool code_given;
    struct buffer code;         /* "550 5.7.1 text" as it came */
    struct buffer quarantine;   /* the reason, when status is SESSION_QUARANTINE */
    double elapsed;             /* seconds */
    struct message message;     /* as the filter left it; shares bytes with the plan's */
    struct negotiation surplus; /* what the filter took without being offered it */
};

/* Runs one session to its end.  *result is filled; clear it. */
void session_run(struct loop *loop, const struct session_plan *plan, struct session_result *result);
void session_result_clear(struct session_result *result);

/* The system's words at the end of a sentence of the stream. */
const char *session_reason(const struct error *error);

#endif
