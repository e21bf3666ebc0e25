/*
 * server - the daemon at work: the listening socket, its sessions, reload and
 * shutdown.
 *
 * Owns the listener, all fronts and one reference to the current configuration;
 * sessions hold their own, so a reload never touches a running session.  Knows
 * neither signals nor other processes: process/ does.
 */
#include "milter-manager/server.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/listener.h"
#include "libcore/net/process.h"
#include "milter-manager/board.h"
#include "milter-manager/child/health.h"
#include "milter-manager/child/launching.h"
#include "milter-manager/child/watch.h"
#include "milter-manager/control/metrics.h"
#include "milter-manager/front.h"
#include "milter-manager/gate.h"
#include "milter-manager/recording.h"
#include "milter-manager/ruby/hooks.h"
#include "milter-manager/ruby/paths.h"
#include "milter-manager/session/session.h"
#include "milter-manager/session/statistics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* [sessions][finished] is written at the latest that long after a session ended, s. */
static const double server_statistics_delay = 1.0;

enum {
    SERVER_CHECKS = 30, /* sessions the connection checkers are asked about at a time */
};

struct server {
    struct loop *loop;
    const struct manager_options *options;
    struct configuration *configuration;
    struct listener *listener; /* NULL while shutting down */
    struct gate *gate;
    struct front *fronts; /* newest first */
    struct front *oldest; /* the other end of that list */
    unsigned front_count;
    unsigned finished;        /* sessions not yet reported */
    unsigned unmaintained;    /* sessions reported since the last maintenance */
    struct front *check_next; /* the connection checks go on there; NULL: at the first one */
    bool worker;              /* one of several processes that take sessions */
    bool serving;             /* sessions are taken: false in a master with workers */
    bool stopping;
    struct loop_timer *shutdown_timer, *statistics_timer, *check_timer;
    struct watch *watch;
    double started;
    time_t mishap; /* when the last reload failed; 0: it did not */
    char mishap_sentence[sizeof(((struct error *)NULL)->message)];
};

/* ---- sessions ---- */

/* After each batch of finished sessions; it is due when it disturbs nobody, or often enough. */
static void server_maintain(struct server *server, unsigned finished)
{
    unsigned interval = server->configuration->manager.maintenance_interval;

    server->unmaintained += finished;
    if (server->front_count == 0 || (interval > 0 && server->unmaintained >= interval)) {
        server->unmaintained = 0;
        hooks_maintained(server->configuration);
    }
}

static void server_report_finished(void *owner)
{
    struct server *server = owner;
    unsigned finished = server->finished;

    loop_timer_stop(server->statistics_timer);
    if (finished > 0) {
        server->finished = 0;
        statistics_sessions_finished(finished);
        server_maintain(server, finished);
    }
}

static void server_count_finished(struct server *server)
{
    unsigned interval = server->configuration->manager.maintenance_interval;
    unsigned pending = server->configuration->manager.max_pending_finished_sessions;

    server->finished++;
    if (server->front_count == 0 || (interval > 0 && server->finished >= interval) ||
        (pending > 0 && server->finished > pending)) {
        server_report_finished(server);
    } else if (!loop_timer_active(server->statistics_timer)) {
        loop_timer_start(server->statistics_timer, server_statistics_delay);
    }
}

/* ---- connection checks ---- */

static void server_schedule_checks(struct server *server)
{
    unsigned interval = server->configuration->manager.connection_check_interval;

    if (interval == 0 || server->front_count == 0) {
        loop_timer_stop(server->check_timer);
    } else if (!loop_timer_active(server->check_timer)) {
        loop_timer_start(server->check_timer, interval);
    }
}

/* Each front at most once, and the next time those whose turn did not come. */
static void server_check_connections(void *owner)
{
    struct server *server = owner;
    unsigned asked = 0;

    for (unsigned seen = 0; seen < server->front_count && asked < SERVER_CHECKS; seen++) {
        struct front *front = server->check_next != NULL ? server->check_next : server->fronts;

        server->check_next = front_links(front)->next;
        asked += front_check_connection(front) ? 1 : 0;
    }
    server_schedule_checks(server);
}

/* ---- accepting ---- */

static void server_front_ended(void *owner, struct front *front)
{
    struct server *server = owner;
    struct front_links *links = front_links(front);

    if (server->check_next == front) {
        server->check_next = links->next;
    }
    if (server->oldest == front) {
        server->oldest = links->previous;
    }
    if (links->previous != NULL) {
        front_links(links->previous)->next = links->next;
    } else {
        server->fronts = links->next;
    }
    if (links->next != NULL) {
        front_links(links->next)->previous = links->previous;
    }
    server->front_count--;
    server_count_finished(server);
    gate_left(server->gate);
    if (server->stopping && server->front_count == 0) {
        loop_stop(server->loop);
    }
}

static void server_accepted(void *owner, int fd)
{
    struct server *server = owner;
    struct front *front;

    if (!gate_admit(server->gate)) {
        (void)close(fd);
        return;
    }
    front = front_new(server->loop, fd, server->configuration, server_front_ended, server);
    front_links(front)->next = server->fronts;
    if (server->fronts != NULL) {
        front_links(server->fronts)->previous = front;
    } else {
        server->oldest = front;
    }
    server->fronts = front;
    server->front_count++;
    server_schedule_checks(server);
    gate_entered(server->gate);
}

static bool server_willing(void *owner)
{
    const struct server *server = owner;

    return gate_willing(server->gate);
}

static void server_exhausted(void *owner, int error_number)
{
    struct server *server = owner;

    gate_exhausted(server->gate, error_number);
}

/* ---- the end ---- */

static void server_shutdown_overdue(void *owner)
{
    struct server *server = owner;
    struct front *front = server->fronts;

    log_event(LOG_LEVEL_WARNING, LOG_FIELDS(LOG_COUNT("sessions", server->front_count)),
              "[manager][shutdown] sessions still open after %g seconds, closed now: %u",
              server->configuration->manager.shutdown_timeout, server->front_count);
    while (front != NULL) {
        struct front *next = front_links(front)->next;

        front_close(front, "closed by the shutdown");
        front = next;
    }
}

void server_close(struct server *server)
{
    gate_watch(server->gate, NULL);
    listener_free(server->listener);
    server->listener = NULL;
}

void server_stop(struct server *server, const char *reason)
{
    if (server->stopping) {
        return;
    }
    server->stopping = true;
    log_event(LOG_LEVEL_MESSAGE,
              LOG_FIELDS(LOG_COUNT("sessions", server->front_count), LOG_TEXT("signal", reason)),
              "[manager][shutdown] %s: sessions to finish first: %u", reason, server->front_count);
    server_close(server);
    if (server->front_count == 0) {
        loop_stop(server->loop);
        return;
    }
    loop_timer_start(server->shutdown_timer, server->configuration->manager.shutdown_timeout);
}

/* ---- reload ---- */

struct server_mistakes {
    unsigned count;
    char first[sizeof(((struct error *)NULL)->message)];
};

static void server_note_mistake(void *owner, const char *message)
{
    struct server_mistakes *mistakes = owner;

    if (mistakes->count++ == 0) {
        (void)snprintf(mistakes->first, sizeof(mistakes->first), "%s", message);
    }
    log_event(LOG_LEVEL_ERROR, LOG_FIELDS(LOG_TEXT("error", message)), "[configuration][error] %s",
              message);
}

static void server_describe_mistakes(const struct server_mistakes *mistakes, struct error *error)
{
    error_clear(error);
    if (mistakes->count > 1) {
        error_set(error, ERROR_USAGE, "%s (and %u more, told in the log)", mistakes->first,
                  mistakes->count - 1);
    } else {
        error_set(error, ERROR_USAGE, "%s", mistakes->first);
    }
}

/* The master has read the same files, and said it. */
static void server_hide_warning(void *owner, const char *message)
{
    (void)owner;
    log_debug("%s", message);
}

/* Each mistake is one line, and one line says what becomes of it all.  NULL with *error. */
static struct configuration *server_load(const struct server *server, struct error *error)
{
    struct server_mistakes mistakes = {0};
    struct configuration *configuration =
        manager_options_load(server->options, server_note_mistake,
                             server->worker ? server_hide_warning : NULL, &mistakes, error);

    if (configuration == NULL) {
        server_describe_mistakes(&mistakes, error);
        log_event(LOG_LEVEL_ERROR, LOG_FIELDS(LOG_TEXT("error", error->message)),
                  "[manager][reload][signal][error] the files have %u mistake%s, told above; the "
                  "configuration stays as it was",
                  mistakes.count, mistakes.count == 1 ? "" : "s");
    } else if (!recording_check(configuration, error)) {
        log_event(LOG_LEVEL_ERROR, LOG_FIELDS(LOG_TEXT("error", error->message)),
                  "[manager][reload][signal][error] %s; the configuration stays as it was",
                  error->message);
        configuration_release(configuration);
        configuration = NULL;
    }
    return configuration;
}

static void server_tell_ineffective(const char *item, const char *former, const char *now)
{
    former = former == NULL ? "nil" : former;
    now = now == NULL ? "nil" : now;
    if (strcmp(former, now) != 0) {
        log_warning(
            "[manager][reload] %s is <%s> now: it takes effect at the next start or upgrade", item,
            now);
    }
}

/* What only a start can change. */
static void server_compare(const struct configuration *former,
                           const struct configuration *configuration)
{
    char before[16], now[16];

    (void)snprintf(before, sizeof(before), "%u", former->manager.n_workers);
    (void)snprintf(now, sizeof(now), "%u", configuration->manager.n_workers);
    server_tell_ineffective("manager.connection_spec", configuration_listen_spec(former),
                            configuration_listen_spec(configuration));
    server_tell_ineffective("controller.connection_spec", former->controller.connection_spec,
                            configuration->controller.connection_spec);
    server_tell_ineffective("manager.n_workers", before, now);
}

/* Tells all who work by it. */
static void server_put_in_force(struct server *server, struct configuration *configuration)
{
    health_adopt(configuration);
    metrics_configuration(configuration);
    if (!server->worker) {
        launching_reloaded(configuration);
    }
    if (server->serving) {
        hooks_configuration_in_force(configuration, server->configuration);
    }
    configuration_release(server->configuration);
    server->configuration = configuration;
    gate_configure(server->gate, configuration);
    loop_timer_stop(server->check_timer);
    server_schedule_checks(server);
}

bool server_reload(struct server *server, struct error *error)
{
    struct configuration *configuration = server_load(server, error);
    struct error file_error = {0};

    metrics_count_reload(configuration != NULL);
    if (configuration != NULL && server->worker) {
        /* Two signals may come as one: the master counts. */
        configuration->generation = board_generation();
    }
    server->mishap = configuration == NULL ? time(NULL) : 0;
    if (configuration == NULL) {
        (void)snprintf(server->mishap_sentence, sizeof(server->mishap_sentence), "%s",
                       error->message);
        return false;
    }
    if (!server->worker) {
        server_compare(server->configuration, configuration);
    }
    (void)server_apply_log(configuration, &file_error);
    log_event(LOG_LEVEL_MESSAGE, LOG_FIELDS(LOG_COUNT("generation", configuration->generation)),
              "[manager][reload] generation %u of the configuration is in force",
              configuration->generation);
    server_put_in_force(server, configuration);
    return true;
}

/* ---- life ---- */

/* A relative path begins in the directory of the start, also once a daemon has left that. */
static bool server_set_log_path(const char *path, struct error *error)
{
    char *absolute = path == NULL || strcmp(path, "-") == 0 ? NULL : paths_absolute(path);
    bool set = log_set_path(absolute, error);

    free(absolute);
    return set;
}

bool server_apply_log(const struct configuration *configuration, struct error *file_error)
{
    static bool started;
    static unsigned initial; /* what the environment said: a reload may go back to it */
    struct error error = {0};
    bool opened;

    if (!started) {
        started = true;
        initial = log_levels();
    }
    log_set_levels(configuration_assigned(configuration, "log.level") ? configuration->log.levels
                                                                      : initial);
    if (!log_set_format(configuration->log.format, &error)) {
        log_error("[manager][log][error] %s", error.message);
    }
    opened = !configuration_assigned(configuration, "log.path") ||
             server_set_log_path(configuration->log.path, file_error);
    if (!opened) {
        log_error("[manager][log][error] %s", file_error->message);
    }
    error_clear(&error);
    if (!log_set_syslog(configuration->log.use_syslog,
                        configuration_assigned(configuration, "log.syslog_facility")
                            ? configuration->log.syslog_facility
                            : NULL,
                        &error)) {
        log_error("[manager][log][error] %s", error.message);
    }
    return opened;
}

/* The socket handed over is used whatever the configuration says of another one. */
static struct listener *server_adopt(struct server *server, int inherited,
                                     const struct listener_options *options, struct error *error)
{
    struct listener *listener = listener_adopt(server->loop, inherited, options, server_accepted,
                                               server_exhausted, server, error);
    char text[SOCKET_ADDRESS_TEXT];

    if (listener != NULL) {
        log_message("[client][listen][start] <%s>, which was open already",
                    socket_address_format(listener_address(listener), text));
    }
    return listener;
}

static struct listener *server_open(struct server *server, const struct listener_options *options,
                                    struct error *error)
{
    const struct configuration *configuration = server->configuration;
    struct socket_address address;
    struct error reason = {0};
    char text[SOCKET_ADDRESS_TEXT];
    struct listener *listener;

    if (!connection_spec_parse(configuration_listen_spec(configuration), &address, &reason)) {
        error_set(error, ERROR_USAGE, "%s%s",
                  configuration->manager.connection_spec == NULL
                      ? "MILTER_DEFAULT_CONNECTION_SPEC: "
                      : "",
                  reason.message);
        return NULL;
    }
    listener = listener_new(server->loop, &address, options, server_accepted, server_exhausted,
                            server, error);
    if (listener != NULL) {
        log_event(LOG_LEVEL_MESSAGE,
                  LOG_FIELDS(LOG_TEXT("endpoint", socket_address_format(&address, text))),
                  "[client][listen][start] <%s>", socket_address_format(&address, text));
    }
    return listener;
}

static struct listener *server_listen(struct server *server, int inherited, struct error *error)
{
    const struct configuration *configuration = server->configuration;
    const struct listener_options options = {
        .unix_socket_mode = configuration->manager.unix_socket_mode,
        .unix_socket_group = configuration->manager.unix_socket_group,
        .remove_unix_socket_on_create = configuration->manager.remove_unix_socket_on_create,
        .remove_unix_socket_on_close = configuration->manager.remove_unix_socket_on_close,
    };
    struct listener *listener = inherited < 0 ? server_open(server, &options, error)
                                              : server_adopt(server, inherited, &options, error);

    return listener;
}

struct server *server_new(struct loop *loop, const struct manager_options *options,
                          struct configuration *configuration, int inherited, struct error *error)
{
    struct server *server = NEW(struct server);

    server->loop = loop;
    server->options = options;
    server->configuration = configuration;
    server->gate = gate_new(loop);
    gate_configure(server->gate, configuration);
    server->watch = watch_new(loop, configuration);
    server->shutdown_timer = loop_timer_new(loop, server_shutdown_overdue, server);
    server->statistics_timer = loop_timer_new(loop, server_report_finished, server);
    server->check_timer = loop_timer_new(loop, server_check_connections, server);
    server->listener = server_listen(server, inherited, error);
    if (server->listener == NULL) {
        server_free(server);
        return NULL;
    }
    server->started = loop_now(loop);
    gate_watch(server->gate, server->listener);
    return server;
}

void server_serve(struct server *server, bool alone)
{
    server->serving = true;
    server->worker = !alone;
    if (!alone) {
        listener_keep_path(server->listener);
        listener_share(server->listener, server_willing);
    }
    gate_open(server->gate);
    hooks_configuration_in_force(server->configuration, NULL);
}

struct configuration *server_configuration(const struct server *server)
{
    return server->configuration;
}

void server_reserve_descriptors(struct server *server, unsigned count)
{
    gate_reserve(server->gate, count);
}

int server_socket(const struct server *server)
{
    return server->listener == NULL ? -1 : listener_socket(server->listener);
}

const struct socket_address *server_address(const struct server *server)
{
    return listener_address(server->listener);
}

void server_leave_socket(struct server *server)
{
    if (server->listener != NULL) {
        listener_keep_path(server->listener);
    }
}

time_t server_mishap(const struct server *server, const char **sentence)
{
    *sentence = server->mishap_sentence;
    return server->mishap;
}

double server_uptime(const struct server *server)
{
    return loop_now(server->loop) - server->started;
}

unsigned server_session_count(const struct server *server)
{
    return server->front_count;
}

void server_each_front(const struct server *server, server_visit_fn *visit, void *owner)
{
    for (struct front *front = server->oldest; front != NULL && visit(owner, front);
         front = front_links(front)->previous) {
    }
}

bool server_give_socket_to(struct server *server, uid_t user, gid_t group)
{
    return listener_change_owner(server->listener, user, group);
}

void server_free(struct server *server)
{
    server_report_finished(server);
    if (server->listener != NULL) {
        listener_free(server->listener);
    }
    gate_free(server->gate);
    watch_free(server->watch);
    loop_timer_free(server->shutdown_timer);
    loop_timer_free(server->statistics_timer);
    loop_timer_free(server->check_timer);
    configuration_release(server->configuration);
    free(server);
}
