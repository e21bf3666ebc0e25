/*
 * session - one connection of a mail server: the answering machine on a
 * stream, every command printed, every command answered with continue
 * (tools.md section 2).
 */
#ifndef MILTER_TEST_CLIENT_SESSION_H
#define MILTER_TEST_CLIENT_SESSION_H

#include "libcore/net/loop.h"

#include <stdbool.h>
#include <stddef.h>

struct session;

struct session_options {
    bool report_request;       /* print */
    size_t packet_buffer_size; /* bytes of replies to collect before they are written */
};

/* The conversation is over: free the session, at the earliest from the loop. */
typedef void session_ended_fn(void *owner, struct session *session);
/* Something went wrong; sentence names the peer, the stage and the bytes seen. */
typedef void session_complain_fn(void *owner, const char *sentence);

struct session_handlers {
    session_ended_fn *ended;
    session_complain_fn *complain;
};

/* Takes over fd.  options and handlers must outlive the session. */
struct session *session_new(struct loop *loop, int fd, const struct session_options *options,
                            const struct session_handlers *handlers, void *owner);
void session_free(struct session *session);
/* A list of the owner's; NULL at first. */
struct session **session_next(struct session *session);

#endif
