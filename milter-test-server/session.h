/*
 * session - one conversation with the filter under test: connects, sends its
 * messages step by step, collects what the filter wants (tools.md section 1.2).
 *
 * Any number of sessions run in one loop.  A session drives the asking machine
 * over a stream; it writes nothing anywhere but to the filter and the log.
 */
#ifndef MILTER_TEST_SERVER_SESSION_H
#define MILTER_TEST_SERVER_SESSION_H

#include "libcore/mail/message.h"
#include "libcore/net/connection_spec.h"
#include "libcore/net/loop.h"
#include "libcore/session/macro_store.h"
#include "libcore/wire/command.h"
#include "libcore/wire/negotiation.h"
#include "libcore/wire/verdict.h"

struct prepared;

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
    const struct macro_store *macros;
    struct session_timeouts timeouts;
    /* Taken in turn, for every message of every session. */
    const struct prepared *messages;
    size_t message_count;
    unsigned messages_per_session; /* in one connection; at least 1 */
    bool keep_message;             /* the result holds the message as the filter left it */
};

enum session_status {
    SESSION_PASS,
    SESSION_ACCEPT,
    SESSION_REJECT,
    SESSION_TEMPORARY_FAILURE,
    SESSION_DISCARD,
    SESSION_QUARANTINE,
    SESSION_STATUSES,
};

const char *session_status_name(enum session_status status);

struct session_result {
    bool complete;      /* the filter was reached and the conversation ended in order */
    struct error error; /* why not */
    /* Of the last message, or the answer that stands for all of them. */
    enum session_status status;
    bool code_given;
    struct buffer code;       /* "550 5.7.1 text" as it came */
    struct buffer quarantine; /* the reason, when status is SESSION_QUARANTINE */
    unsigned messages;        /* that got their final answer */
    double elapsed;           /* seconds, up to the last final answer */
    uint64_t finished;        /* clock_nanoseconds of that answer */
    size_t bytes_read;
    size_t bytes_written;
    struct message message;     /* with keep_message: the last one; shares bytes with the plan's */
    struct negotiation surplus; /* what the filter took without being offered it */
};

/*
 * The result belongs to the session and is good until that is started again or
 * freed.  nanoseconds: how long the filter took.
 */
struct session_handlers {
    /* It is over.  The session may be started again or freed here. */
    void (*ended)(void *owner, const struct session_result *result);
    /*
     * The status in *result is final for a message, which took so long from MAIL
     * on; 0: the filter decided before any MAIL.  May be NULL.
     */
    void (*message_ended)(void *owner, const struct session_result *result, uint64_t nanoseconds);
    /* A final reply to command, so long after it was handed over for writing.  May be NULL. */
    void (*replied)(void *owner, enum command command, enum verdict verdict, uint64_t nanoseconds);
};

struct session *session_new(struct loop *loop, const struct session_plan *plan,
                            const struct session_handlers *handlers, void *owner);
/* Connects and begins with that message of the plan, counted round.  Not while it runs. */
void session_start(struct session *session, size_t first);
/* Ends a running session as interrupted; ended follows from the loop. */
void session_cut_off(struct session *session);
const struct session_result *session_outcome(const struct session *session);
/* Without calling a handler.  NULL is fine. */
void session_free(struct session *session);

#endif
