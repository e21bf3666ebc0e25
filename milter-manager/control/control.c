/*
 * control - status, metrics and commands over HTTP: who may ask, and who answers.
 *
 * Owns the listening socket and the requests whose reports are on their way.
 */
#include "milter-manager/control/control.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/listener.h"
#include "libcore/net/process.h"
#include "milter-manager/control/answers.h"
#include "milter-manager/control/guard.h"
#include "milter-manager/control/history.h"
#include "milter-manager/control/http.h"
#include "milter-manager/control/metrics.h"

#include <stdlib.h>
#include <string.h>

static const double control_minute = 60.0;
static const double control_retry = 1.0; /* s without accepting when descriptors are short */

enum {
    CONTROL_CONNECTIONS = 24,      /* at a time: some people, a monitoring system, scripts */
    CONTROL_LEAST_CONNECTIONS = 4, /* where few descriptors are to be had */
    CONTROL_SHARE = 16,            /* one of so many descriptors is for them */
    CONTROL_OTHER_DESCRIPTORS = 12 /* listening, libmicrohttpd's, connections that are leaving */
};

/* A request that waits for reports; it stays until they are there, even without the controller. */
struct collection {
    struct control *control; /* NULL: it has gone, and the request with it */
    struct http_request *request;
    const struct route *route;
    struct buffer segment;
    struct collection *next, **link;
};

struct control {
    struct loop *loop;
    struct http *http;
    struct listener *listener; /* NULL: closed */
    struct loop_timer *retry;
    const struct control_host *host;
    void *owner;
    unsigned connections;
    char *listen;    /* manager's spec at the start */
    char *host_name; /* of our own spec, NULL: it has none */
    char *token;     /* the last one; so that one taken away by a reload leaves no open door */
    bool exposed;    /* other hosts can connect */
    bool loopback;   /* TCP */
    time_t started;
    double started_at; /* loop_now */
    struct collection *collections;
    struct loop_timer *minute;
    struct history history;
};

/* ---- who may ask ---- */

/*
 * The token in force; where other hosts can connect a reload can change it, not
 * take it away, since the address stays as it is.
 */
static const char *control_token(struct control *control)
{
    const char *token = control->host->configuration(control->owner)->controller.token;

    if (token != NULL && (control->token == NULL || strcmp(control->token, token) != 0)) {
        free(control->token);
        control->token = memory_copy_string(token);
    }
    return token != NULL || !control->exposed ? token : control->token;
}

static enum guard_decision control_guard(struct control *control,
                                         const struct http_request *request)
{
    const char *method = http_method(request);
    const struct guard guard = {
        .token = control_token(control),
        .check_host = control->loopback,
        .host = control->host_name,
    };
    const struct guard_question question = {
        .changes = strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0,
        .authorization = http_header(request, "Authorization"),
        .host = http_header(request, "Host"),
        .origin = http_header(request, "Origin"),
        .fetch_site = http_header(request, "Sec-Fetch-Site"),
    };

    return guard_decide(&guard, &question);
}

/* ---- answers ---- */

static void control_send(struct http_request *request, struct answer *answer, const char *allow,
                         bool wants_credentials)
{
    const struct http_response response = {
        .status = answer->status,
        .type = answer->type,
        .body = buffer_slice(&answer->body),
        .allow = allow,
        .location = answer->location,
        .wants_credentials = wants_credentials,
    };

    http_respond(request, &response);
    buffer_clear(&answer->body);
}

static void control_refuse(struct http_request *request, unsigned status, const char *sentence,
                           const char *allow)
{
    struct answer answer = {0};

    answer_error(&answer, status, sentence);
    control_send(request, &answer, allow, status == 401);
}

static bool control_header_has(const struct http_request *request, const char *name,
                               const char *word)
{
    const char *value = http_header(request, name);

    return value != NULL && strstr(value, word) != NULL;
}

static bool control_has_query(const struct http_request *request, const char *name,
                              const char *value)
{
    const char *given = http_query(request, name);

    return given != NULL && strcmp(given, value) == 0;
}

/* reports: for a route that collects; borrowed. */
static void control_answer(struct control *control, struct http_request *request,
                           const struct route *route, const char *segment, const json_t *reports)
{
    struct answer answer = {
        .host = control->host,
        .host_owner = control->owner,
        .segment = segment,
        .reports = reports,
        .for_browser = control_header_has(request, "Accept", "text/html"),
        .open_metrics = control_header_has(request, "Accept", "application/openmetrics-text"),
        .refresh = !control_has_query(request, "refresh", "off"),
        .history = &control->history,
        .listen = control->listen,
        .started = control->started,
        .uptime = loop_now(control->loop) - control->started_at,
        .status = 200,
    };

    route->answer(&answer);
    control_send(request, &answer, NULL, false);
}

/* ---- answers that need all processes ---- */

static void collection_unlink(struct collection *collection)
{
    *collection->link = collection->next;
    if (collection->next != NULL) {
        collection->next->link = collection->link;
    }
}

static void control_collected(void *owner, json_t *reports)
{
    struct collection *collection = owner;

    if (collection->control != NULL) {
        collection_unlink(collection);
        control_answer(collection->control, collection->request, collection->route,
                       buffer_slice(&collection->segment).data, reports);
    }
    json_decref(reports);
    buffer_clear(&collection->segment);
    free(collection);
}

static void control_collect(struct control *control, struct http_request *request,
                            const struct route *route, struct buffer *segment)
{
    struct collection *collection = NEW(struct collection);

    collection->control = control;
    collection->request = request;
    collection->route = route;
    collection->segment = *segment;
    *segment = (struct buffer){0};
    collection->next = control->collections;
    collection->link = &control->collections;
    if (collection->next != NULL) {
        collection->next->link = &collection->next;
    }
    control->collections = collection;
    control->host->collect(control->owner, control_collected, collection);
}

/* ---- requests ---- */

static void control_route(struct control *control, struct http_request *request)
{
    const struct route *route = NULL;
    struct buffer segment = {0};

    switch (route_find(answers_routes, answers_route_count, http_method(request),
                       http_path(request), &route, &segment)) {
    case ROUTE_UNKNOWN:
        control_refuse(request, 404, "there is nothing at this path", NULL);
        break;
    case ROUTE_OTHER_METHODS:
        control_refuse(request, 405, "this path takes another method", route_allowed(route));
        break;
    case ROUTE_MALFORMED:
        control_refuse(request, 400, "the path is not percent-encoded as it should be", NULL);
        break;
    case ROUTE_FOUND:
        if (route->collects) {
            control_collect(control, request, route, &segment);
        } else {
            control_answer(control, request, route, buffer_slice(&segment).data, NULL);
        }
        break;
    }
    buffer_clear(&segment);
}

static void control_requested(void *owner, struct http_request *request)
{
    struct control *control = owner;
    enum guard_decision decision = control_guard(control, request);

    if (decision == GUARD_PASS) {
        control_route(control, request);
    } else {
        control_refuse(request, decision == GUARD_NEEDS_TOKEN ? 401 : 403, guard_sentence(decision),
                       NULL);
    }
}

/* ---- accepting ---- */

static void control_accepted(void *owner, int fd)
{
    struct control *control = owner;

    http_take(control->http, fd);
}

static void control_exhausted(void *owner, int error_number)
{
    struct control *control = owner;

    log_debug("[control][accept] %s", strerror(error_number));
    loop_timer_start(control->retry, control_retry);
}

static void control_accept_again(void *owner)
{
    const struct control *control = owner;

    listener_resume(control->listener);
}

/* ---- history ---- */

static void control_take_sample(void *owner)
{
    struct control *control = owner;
    json_t *totals = metrics_json();
    const json_t *verdicts = json_object_get(totals, "verdicts");
    const struct {
        const json_t *from;
        const char *key;
    } places[HISTORY_COUNTERS] = {
        [HISTORY_SESSIONS] = {totals, "sessions"},
        [HISTORY_MESSAGES] = {totals, "messages"},
        [HISTORY_REJECTED] = {verdicts, "reject"},
        [HISTORY_TEMPORARY_FAILURES] = {verdicts, "temporary-failure"},
        [HISTORY_FAILURES] = {totals, "failures"},
    };
    struct history_counters counters = {0};

    for (unsigned i = 0; i < HISTORY_COUNTERS; i++) {
        counters.values[i] =
            (uint64_t)json_integer_value(json_object_get(places[i].from, places[i].key));
    }
    json_decref(totals);
    history_add(&control->history, time(NULL), &counters);
    loop_timer_start(control->minute, control_minute);
}

/* ---- life ---- */

static struct listener *control_listen(struct control *control,
                                       const struct configuration *configuration, int inherited,
                                       struct error *error)
{
    const struct listener_options options = {
        .unix_socket_mode = configuration->controller.unix_socket_mode,
        .unix_socket_group = configuration->controller.unix_socket_group,
        .remove_unix_socket_on_create = configuration->controller.remove_unix_socket_on_create,
        .remove_unix_socket_on_close = configuration->controller.remove_unix_socket_on_close,
    };

    return inherited >= 0
               ? listener_adopt(control->loop, inherited, &options, control_accepted,
                                control_exhausted, control, error)
               : listener_new(control->loop, &configuration->controller.address, &options,
                              control_accepted, control_exhausted, control, error);
}

/* What stands behind "@" as a Host names it: brackets belong to IPv6 alone. */
static char *control_host_name(const char *spec)
{
    const char *name = spec == NULL ? NULL : strchr(spec, '@');
    size_t length = name == NULL ? 0 : strlen(++name);

    if (length >= 2 && name[0] == '[' && name[length - 1] == ']' && strchr(name, ':') == NULL) {
        return memory_format("%.*s", (int)length - 2, name + 1);
    }
    return name == NULL ? NULL : memory_copy_string(name);
}

/* An address that was handed over may be another one than the configuration's. */
static bool control_note_address(struct control *control, const struct configuration *configuration,
                                 struct error *error)
{
    const struct socket_address *address = listener_address(control->listener);
    const char *spec = configuration->controller.connection_spec;
    char text[SOCKET_ADDRESS_TEXT];

    control->exposed = !socket_address_is_local(address);
    control->loopback = !control->exposed && address->storage.ss_family != AF_UNIX;
    control->host_name = control->loopback ? control_host_name(spec) : NULL;
    if (control->exposed && configuration->controller.token == NULL) {
        error_set(error, ERROR_USAGE, "other hosts can connect to <%s>: it needs controller.token",
                  socket_address_format(address, text));
        return false;
    }
    log_message("[control][listen][start] <%s>", socket_address_format(address, text));
    return true;
}

static unsigned control_connections(void)
{
    unsigned long share = process_descriptor_limit() / CONTROL_SHARE;

    return share >= CONTROL_CONNECTIONS         ? CONTROL_CONNECTIONS
           : share <= CONTROL_LEAST_CONNECTIONS ? CONTROL_LEAST_CONNECTIONS
                                                : (unsigned)share;
}

struct control *control_new(struct loop *loop, const struct configuration *configuration,
                            int inherited, const char *listen, const struct control_host *host,
                            void *owner, struct error *error)
{
    struct control *control = NEW(struct control);

    control->loop = loop;
    control->host = host;
    control->owner = owner;
    control->started = time(NULL);
    control->started_at = loop_now(loop);
    control->listen = memory_copy_string(listen);
    control->connections = control_connections();
    control->retry = loop_timer_new(loop, control_accept_again, control);
    control->minute = loop_timer_new(loop, control_take_sample, control);
    control->listener = control_listen(control, configuration, inherited, error);
    if (control->listener == NULL || !control_note_address(control, configuration, error)) {
        control_free(control);
        return NULL;
    }
    control->http = http_new(loop, control->connections, control_requested, control, error);
    if (control->http == NULL) {
        control_free(control);
        return NULL;
    }
    control_take_sample(control);
    return control;
}

unsigned control_descriptors(const struct control *control)
{
    return control->connections + CONTROL_OTHER_DESCRIPTORS;
}

bool control_give_socket_to(struct control *control, uid_t user)
{
    return listener_change_owner(control->listener, user, (gid_t)-1);
}

int control_socket(const struct control *control)
{
    return control->listener == NULL ? -1 : listener_socket(control->listener);
}

void control_leave_socket(struct control *control)
{
    if (control->listener != NULL) {
        listener_keep_path(control->listener);
    }
}

/* Two processes that accept would answer in turns. */
void control_close(struct control *control)
{
    loop_timer_stop(control->retry);
    listener_free(control->listener);
    control->listener = NULL;
    http_let_go(control->http);
}

/* The host may still answer for these. */
static void control_orphan(struct control *control, bool respond)
{
    while (control->collections != NULL) {
        struct collection *collection = control->collections;

        collection_unlink(collection);
        collection->control = NULL;
        if (respond) {
            control_refuse(collection->request, 503, "the manager is stopping", NULL);
        }
    }
}

static void control_forget(struct control *control)
{
    listener_free(control->listener);
    loop_timer_free(control->retry);
    loop_timer_free(control->minute);
    free(control->listen);
    free(control->host_name);
    free(control->token);
    free(control);
}

void control_abandon(struct control *control)
{
    control_orphan(control, false);
    http_abandon(control->http);
    control_leave_socket(control);
    control_forget(control);
}

void control_free(struct control *control)
{
    if (control == NULL) {
        return;
    }
    control_orphan(control, true);
    if (control->http != NULL) {
        http_free(control->http);
    }
    control_forget(control);
}
