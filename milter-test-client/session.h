/*
 * session - one connection of a mail server: the answering machine on a
 * stream, every command printed, every command answered as the policy says
 * (tools.md section 2).
 */
#ifndef MILTER_TEST_CLIENT_SESSION_H
#define MILTER_TEST_CLIENT_SESSION_H

#include "libcore/net/loop.h"
#include "milter-test-client/policy.h"

#include <stdbool.h>
#include <stddef.h>

struct session;

enum session_format {
    SESSION_FORMAT_TEXT,
    SESSION_FORMAT_JSON,
    SESSION_FORMAT_SESSION, /* session files */
};

struct session_options {
    bool report_request; /* print */
    enum session_format format;
    const char *record_directory; /* every connection is saved there; NULL: none */
    size_t packet_buffer_size;    /* bytes of replies to collect before they are written */
    struct policy policy;
};

struct session_handlers {
    /* The conversation is over: free the session, at the earliest from the loop. */
    void (*ended)(void *owner, struct session *session);
    /* Something went wrong; sentence names the peer, the stage and the bytes seen. */
    void (*complain)(void *owner, const char *sentence);
    /* The number of the session that begins now; one connection may have several. */
    unsigned long (*number)(void *owner);
};

/* Takes over fd.  options and handlers must outlive the session. */
struct session *session_new(struct loop *loop, int fd, const struct session_options *options,
                            const struct session_handlers *handlers, void *owner);
void session_free(struct session *session);
/* A list of the owner's; NULL at first. */
struct session **session_next(struct session *session);

#endif
