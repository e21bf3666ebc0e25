/*
 * http - HTTP/1.1 for a few clients in the event loop, by libmicrohttpd.
 *
 * Owns the accepted connections and the library's daemon, whose epoll
 * descriptor stands for all of them in our loop.  Never waits and has no
 * thread.  It knows no path and no method but HEAD, which the library handles.
 */
#include "milter-manager/control/http.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "milter-manager/control/page.h"

#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* From the connection, or the response before, to the whole request; then for the response. */
static const double http_patience = 5.0; /* s */
static const double http_watch = 1.0;    /* s between looks at who has run out of it */

enum {
    HTTP_MEMORY = 32 * 1024, /* bytes of a connection: header fields and output */
    HTTP_LEAVING = 8,        /* connections that were ended and are still to be cleared away */
};

struct http_connection {
    struct http *http;
    int fd;
    /* Watches nothing; it is there so that a process forked by configuration code lets go of it. */
    struct loop_io *io;
    double since;                 /* its patience counts from there */
    bool ended;                   /* by us; the library has not noticed yet */
    struct http_request *request; /* being answered */
    struct http_connection *next, **link;
};

struct http_request {
    struct MHD_Connection *handle;
    struct http_connection *connection;
    const char *method, *path;
    struct MHD_Response *response; /* NULL: not yet */
    unsigned status;
    bool handled;   /* the handler has it */
    bool suspended; /* the library waits for http_respond */
};

struct http {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct loop_io *io;
    struct loop_timer *turn_timer, *watch_timer;
    struct loop_task turn;
    struct http_connection *connections; /* newest first */
    unsigned count, maximum;
    bool letting_go; /* a connection ends with its next response */
    http_handler_fn *handler;
    void *owner;
};

/* ---- turning the library ---- */

static void http_run(struct http *http)
{
    MHD_UNSIGNED_LONG_LONG milliseconds;

    (void)MHD_run(http->daemon);
    if (MHD_get_timeout(http->daemon, &milliseconds) == MHD_YES) {
        loop_timer_start(http->turn_timer, (double)milliseconds / 1e3);
    } else {
        loop_timer_stop(http->turn_timer);
    }
}

static void http_turn(void *owner)
{
    http_run(owner);
}

static void http_ready(void *owner, unsigned events)
{
    (void)events;
    http_run(owner);
}

/* ---- connections ---- */

static void http_never(void *owner, unsigned events)
{
    (void)owner;
    (void)events;
}

static void http_end(struct http_connection *connection)
{
    connection->ended = true;
    (void)shutdown(connection->fd, SHUT_RDWR);
}

static void http_watch_connections(void *owner)
{
    struct http *http = owner;
    double now = loop_now(http->loop);

    for (struct http_connection *each = http->connections; each != NULL; each = each->next) {
        if (!each->ended && each->request == NULL && now - each->since > http_patience) {
            log_debug("[control][slow] a client was slower than %g s: its connection is closed",
                      http_patience);
            http_end(each);
        }
    }
    if (http->connections != NULL) {
        loop_timer_start(http->watch_timer, http_watch);
    }
    loop_task_post(http->loop, &http->turn);
}

/* The one that has kept us waiting longest; NULL: all are being answered. */
static struct http_connection *http_slowest(const struct http *http)
{
    struct http_connection *slowest = NULL;

    for (struct http_connection *each = http->connections; each != NULL; each = each->next) {
        if (!each->ended && each->request == NULL &&
            (slowest == NULL || each->since <= slowest->since)) {
            slowest = each;
        }
    }
    return slowest;
}

static void http_connection_open(struct http *http, struct MHD_Connection *handle, void **socket)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_connection *connection = NEW(struct http_connection);

    connection->http = http;
    connection->fd = info->connect_fd;
    connection->since = loop_now(http->loop);
    connection->io = loop_io_new(http->loop, connection->fd, http_never, connection);
    connection->next = http->connections;
    connection->link = &http->connections;
    if (connection->next != NULL) {
        connection->next->link = &connection->next;
    }
    http->connections = connection;
    http->count++;
    if (!loop_timer_active(http->watch_timer)) {
        loop_timer_start(http->watch_timer, http_watch);
    }
    *socket = connection;
}

static void http_connection_close(struct http_connection *connection)
{
    *connection->link = connection->next;
    if (connection->next != NULL) {
        connection->next->link = connection->link;
    }
    connection->http->count--;
    loop_io_free(connection->io);
    free(connection);
}

static void http_notified(void *owner, struct MHD_Connection *handle, void **socket,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        http_connection_open(owner, handle, socket);
    } else if (*socket != NULL) {
        http_connection_close(*socket);
        *socket = NULL;
    }
}

void http_take(struct http *http, int fd)
{
    struct sockaddr_storage peer = {0};
    socklen_t length = sizeof(peer);

    if (http->count >= http->maximum) {
        struct http_connection *slowest = http_slowest(http);

        if (slowest != NULL) {
            http_end(slowest);
            http_run(http);
        }
    }
    if (http->count >= http->maximum + HTTP_LEAVING ||
        getpeername(fd, (struct sockaddr *)&peer, &length) != 0) {
        (void)close(fd);
        return;
    }
    /* The library closes fd when it does not take it. */
    (void)MHD_add_connection(http->daemon, fd, (const struct sockaddr *)&peer, length);
    loop_task_post(http->loop, &http->turn);
}

/* ---- requests ---- */

const char *http_method(const struct http_request *request)
{
    return request->method;
}

const char *http_path(const struct http_request *request)
{
    return request->path;
}

const char *http_header(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->handle, MHD_HEADER_KIND, name);
}

const char *http_query(const struct http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->handle, MHD_GET_ARGUMENT_KIND, name);
}

/* What every response says: nobody keeps it, and nothing in it is run or framed. */
static void http_add_headers(struct MHD_Response *response, const struct http_response *from,
                             bool last)
{
    const struct {
        const char *name, *value;
    } fields[] = {
        {"Content-Type", from->type},
        {"Cache-Control", "no-store"},
        {"Content-Security-Policy", PAGE_SECURITY_POLICY},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "same-origin"},
        {"Allow", from->allow},
        {"Location", from->location},
        {"Connection", last ? "close" : NULL},
        {"WWW-Authenticate",
         from->wants_credentials ? "Basic realm=\"milter-manager\", charset=\"UTF-8\"" : NULL},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fields[i].value != NULL) {
            (void)MHD_add_response_header(response, fields[i].name, fields[i].value);
        }
    }
}

void http_respond(struct http_request *request, const struct http_response *response)
{
    struct http *http = request->connection->http;

    request->status = response->status;
    request->response = MHD_create_response_from_buffer(
        response->body.length, (void *)(uintptr_t)response->body.data, MHD_RESPMEM_MUST_COPY);
    if (request->response == NULL) { /* no memory for it: the library closes the connection */
        log_error("[control][error] no memory for a response of %zu bytes", response->body.length);
    } else {
        http_add_headers(request->response, response, http->letting_go);
    }
    if (request->suspended) {
        request->suspended = false;
        MHD_resume_connection(request->handle);
        loop_task_post(http->loop, &http->turn);
    }
}

static enum MHD_Result http_send(struct http_request *request)
{
    enum MHD_Result result;

    if (request->response == NULL) {
        return MHD_NO;
    }
    request->connection->since = loop_now(request->connection->http->loop);
    request->connection->request = NULL; /* from now on it has to be quick again */
    result = MHD_queue_response(request->handle, request->status, request->response);
    MHD_destroy_response(request->response);
    request->response = NULL;
    return result;
}

static enum MHD_Result http_refuse_body(struct http_request *request, unsigned status,
                                        const char *sentence)
{
    char body[160];
    int length = snprintf(body, sizeof(body), "{\"error\": \"%s\"}\n", sentence);

    request->handled = true;
    http_respond(request, &(struct http_response){.status = status,
                                                  .type = "application/json",
                                                  .body = slice_of(body, (size_t)length)});
    return http_send(request);
}

struct http_fields {
    unsigned hosts, lengths;
    bool blank; /* in a name */
};

static enum MHD_Result http_count_field(void *owner, enum MHD_ValueKind kind, const char *name,
                                        const char *value)
{
    struct http_fields *fields = owner;

    (void)kind;
    (void)value;
    fields->hosts += strcasecmp(name, "Host") == 0;
    fields->lengths += strcasecmp(name, "Content-Length") == 0;
    fields->blank |= strpbrk(name, " \t") != NULL;
    return MHD_YES;
}

/* A proxy and the library could see different ends of such a request (RFC 9112, 3.2, 5.1, 6.3). */
static bool http_is_ambiguous(struct MHD_Connection *handle)
{
    struct http_fields fields = {0};

    (void)MHD_get_connection_values(handle, MHD_HEADER_KIND, http_count_field, &fields);
    return fields.hosts > 1 || fields.lengths > 1 || fields.blank;
}

/* The header is there, the body is still to come. */
static enum MHD_Result http_begin(struct http *http, struct MHD_Connection *handle,
                                  const char *path, const char *method, void **state)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(handle, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_request *request = NEW(struct http_request);
    const char *length;

    (void)http;
    request->handle = handle;
    request->connection = info->socket_context;
    request->method = method;
    request->path = path;
    *state = request;
    if (http_is_ambiguous(handle)) {
        return http_refuse_body(request, MHD_HTTP_BAD_REQUEST,
                                "a header field that may be there once is there twice, or a name "
                                "has a blank");
    }
    if (http_header(request, "Transfer-Encoding") != NULL) {
        return http_refuse_body(request, MHD_HTTP_LENGTH_REQUIRED,
                                "the request has a body without Content-Length");
    }
    length = http_header(request, "Content-Length");
    if (length != NULL && strtoull(length, NULL, 10) > HTTP_BODY) {
        return http_refuse_body(request, MHD_HTTP_CONTENT_TOO_LARGE,
                                "the body of the request is too large");
    }
    return MHD_YES;
}

static enum MHD_Result http_requested(void *owner, struct MHD_Connection *handle, const char *path,
                                      const char *method, const char *version, const char *body,
                                      size_t *body_length, void **state)
{
    struct http *http = owner;
    struct http_request *request = *state;

    (void)version;
    (void)body;
    if (request == NULL) {
        return http_begin(http, handle, path, method, state);
    }
    if (*body_length > 0) {
        *body_length = 0;
        return MHD_YES;
    }
    if (!request->handled) {
        request->handled = true;
        request->connection->request = request;
        http->handler(http->owner, request);
        if (request->response == NULL) {
            request->suspended = true;
            MHD_suspend_connection(handle);
            return MHD_YES;
        }
    }
    return http_send(request);
}

static void http_completed(void *owner, struct MHD_Connection *handle, void **state,
                           enum MHD_RequestTerminationCode code)
{
    struct http_request *request = *state;

    (void)owner;
    (void)handle;
    (void)code;
    if (request != NULL) {
        if (request->response != NULL) {
            MHD_destroy_response(request->response);
        }
        request->connection->request = NULL;
        request->connection->since = loop_now(request->connection->http->loop);
        free(request);
        *state = NULL;
    }
}

/* A path is taken apart before it is decoded: an encoded slash is no separator. */
static size_t http_leave_encoded(void *owner, struct MHD_Connection *handle, char *text)
{
    (void)owner;
    (void)handle;
    return strlen(text);
}

__attribute__((format(printf, 2, 0))) static void http_log(void *owner, const char *format,
                                                           va_list arguments)
{
    char line[512];

    (void)owner;
    (void)vsnprintf(line, sizeof(line), format, arguments);
    line[strcspn(line, "\n")] = '\0';
    log_debug("[control][http] %s", line);
}

/* ---- life ---- */

struct http *http_new(struct loop *loop, unsigned connections, http_handler_fn *handler,
                      void *owner, struct error *error)
{
    struct http *http = NEW(struct http);
    const union MHD_DaemonInfo *info;

    http->loop = loop;
    http->maximum = connections;
    http->handler = handler;
    http->owner = owner;
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
        NULL, NULL, http_requested, http, MHD_OPTION_EXTERNAL_LOGGER, http_log, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, http_notified, http, MHD_OPTION_NOTIFY_COMPLETED,
        http_completed, NULL, MHD_OPTION_UNESCAPE_CALLBACK, http_leave_encoded, NULL,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT, connections + HTTP_LEAVING,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY, MHD_OPTION_END);
    info =
        http->daemon == NULL ? NULL : MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL) {
        error_set_errno(error, "libmicrohttpd does not start");
        free(http);
        return NULL;
    }
    http->turn = (struct loop_task){.callback = http_turn, .owner = http};
    http->turn_timer = loop_timer_new(loop, http_turn, http);
    http->watch_timer = loop_timer_new(loop, http_watch_connections, http);
    http->io = loop_io_new(loop, info->epoll_fd, http_ready, http);
    loop_io_watch(http->io, LOOP_READ);
    return http;
}

void http_let_go(struct http *http)
{
    http->letting_go = true;
}

static void http_forget(struct http *http)
{
    loop_task_cancel(&http->turn);
    loop_timer_free(http->turn_timer);
    loop_timer_free(http->watch_timer);
    loop_io_free(http->io);
}

void http_abandon(struct http *http)
{
    /* The library would end the connections and empty the set of descriptors, which are shared. */
    static struct http *volatile abandoned; /* kept where leaks are looked for */
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    http_forget(http);
    for (struct http_connection *each = http->connections, *next; each != NULL; each = next) {
        next = each->next;
        (void)close(each->fd);
        loop_io_free(each->io);
        free(each);
    }
    (void)close(info->epoll_fd);
    abandoned = http; /* its memory stays as it is */
    (void)abandoned;
}

void http_free(struct http *http)
{
    http_forget(http);
    MHD_stop_daemon(http->daemon);
    free(http);
}
