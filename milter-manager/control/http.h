/*
 * http - HTTP/1.1 for a few clients in the event loop.
 *
 * GNU libmicrohttpd speaks the protocol; this module keeps it from harm: few
 * connections, small requests, and a time limit on each of them, so that who is
 * slow or hostile costs neither mail nor the other clients anything.
 */
#ifndef MILTER_MANAGER_CONTROL_HTTP_H
#define MILTER_MANAGER_CONTROL_HTTP_H

#include "libcore/base/error.h"
#include "libcore/base/slice.h"
#include "libcore/net/loop.h"

struct http;
struct http_request;

/* Request bodies mean nothing here; larger ones are not even read. */
enum { HTTP_BODY = 4096 };

/*
 * A whole request is there.  http_respond is called for it once, from here or
 * later; until then the request stays valid, whatever becomes of its client.
 */
typedef void http_handler_fn(void *owner, struct http_request *request);

struct http_response {
    unsigned status;
    const char *type;       /* Content-Type */
    struct slice body;      /* copied */
    const char *allow;      /* Allow, or NULL */
    const char *location;   /* Location, or NULL */
    bool wants_credentials; /* WWW-Authenticate */
};

/* connections: at most so many at a time.  NULL with *error. */
struct http *http_new(struct loop *loop, unsigned connections, http_handler_fn *handler,
                      void *owner, struct error *error);
/*
 * A new client; fd is the callee's.  When there are too many, whoever has kept
 * us waiting longest has to go.
 */
void http_take(struct http *http, int fd);
/* A process that was forked does without it: closes what it has of it, for its parent goes on. */
void http_abandon(struct http *http);
/* From now on a connection ends with the response to its request. */
void http_let_go(struct http *http);
/* Every request must have been responded to. */
void http_free(struct http *http);

/* All NULL-terminated and as they were sent; valid until http_respond. */
const char *http_method(const struct http_request *request);
/* Still percent-encoded, without the query. */
const char *http_path(const struct http_request *request);
/* The value of a header field, NULL: there is none. */
const char *http_header(const struct http_request *request, const char *name);
/* The value of ?NAME=VALUE, NULL: there is none. */
const char *http_query(const struct http_request *request, const char *name);
void http_respond(struct http_request *request, const struct http_response *response);

#endif
