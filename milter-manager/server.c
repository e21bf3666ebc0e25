/*
 * server - the daemon at work: the listening socket, its sessions, reload and
 * shutdown.
 *
 * Owns the listener, all fronts and one reference to the current configuration;
 * sessions hold their own, so a reload never touches a running session.
 */
#include "milter-manager/server.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/listener.h"
#include "libcore/net/process.h"
#include "milter-manager/front.h"
#include "milter-manager/recording.h"
#include "milter-manager/ruby/hooks.h"
#include "milter-manager/server_control.h"
#include "milter-manager/session/session.h"
#include "milter-manager/session/statistics.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* [sessions][finished] is written at the latest that long after a session ended, s. */
static const double server_statistics_delay = 1.0;

enum {
    SERVER_SIGNALS = 4,
    SERVER_OWN_DESCRIPTORS = 24, /* log, loop, Ruby, listener, temporary files */
    SERVER_CHECKS = 30,          /* sessions the connection checkers are asked about at a time */
};

struct server {
    struct loop *loop;
    const struct manager_options *options;
    struct configuration *configuration;
    struct listener *listener; /* NULL while shutting down */
    struct front *fronts;      /* newest first */
    struct front *oldest;      /* the other end of that list */
    unsigned front_count;
    unsigned long descriptors; /* the process may have that many */
    unsigned finished;         /* sessions not yet reported */
    unsigned unmaintained;     /* sessions reported since the last maintenance */
    struct front *check_next;  /* the connection checks go on there; NULL: at the first one */
    bool suspended;            /* accepting is, for lack of room */
    int stopping;              /* the signal that asked for it, or 0 */
    struct loop_timer *suspend_timer, *shutdown_timer, *statistics_timer, *check_timer;
    struct loop_signal *signals[SERVER_SIGNALS];
    double started;
    time_t mishap; /* when the last reload failed; 0: it did not */
    char mishap_sentence[sizeof(((struct error *)NULL)->message)];
    struct server_control *control; /* NULL: there is none */
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
        statistics_sessions_finished(finished, session_processing_count());
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

static void server_resume(struct server *server, const char *text)
{
    if (server->suspended && server->listener != NULL) {
        server->suspended = false;
        loop_timer_stop(server->suspend_timer);
        log_warning("%s", text);
        listener_resume(server->listener);
    }
}

/*
 * More sessions than the descriptors suffice for would only fail to reach their
 * children: the MTA waits in the backlog instead.
 */
static unsigned server_maximum(const struct server *server)
{
    unsigned configured = server->configuration->manager.max_connections;
    unsigned long descriptors = process_descriptor_limit();
    unsigned long own = SERVER_OWN_DESCRIPTORS + server_control_descriptors(server->control);
    unsigned long possible =
        descriptors <= own ? 1 : (descriptors - own) / (server->configuration->child_count + 1UL);

    if (possible == 0) {
        possible = 1;
    }
    return configured > 0 && configured < possible ? configured : (unsigned)possible;
}

static bool server_full(const struct server *server)
{
    return server->front_count >= server_maximum(server);
}

/* At least a second: an item of 0 must not keep the loop turning. */
static void server_wait_for_room(struct server *server)
{
    unsigned seconds = server->configuration->manager.suspend_time_on_unacceptable;

    loop_timer_start(server->suspend_timer, seconds > 0 ? seconds : 1);
}

static void server_retry_accept(void *owner)
{
    struct server *server = owner;

    if (server_full(server)) {
        server_wait_for_room(server);
        return;
    }
    server_resume(server, "[client][accept][resume] resume accepting connection.");
}

static void server_suspend(struct server *server)
{
    server->suspended = true;
    listener_suspend(server->listener);
    server_wait_for_room(server);
}

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
    if (server->stopping != 0 && server->front_count == 0) {
        loop_stop(server->loop);
    } else if (!server_full(server)) {
        server_resume(server, "[client][accept][resume] resume accepting connection.");
    }
}

static void server_accepted(void *owner, int fd)
{
    struct server *server = owner;
    struct front *front =
        front_new(server->loop, fd, server->configuration, server_front_ended, server);

    front_links(front)->next = server->fronts;
    if (server->fronts != NULL) {
        front_links(server->fronts)->previous = front;
    } else {
        server->oldest = front;
    }
    server->fronts = front;
    server->front_count++;
    server_schedule_checks(server);
    if (server_full(server)) {
        log_warning("[client][accept][suspend] too many processing connection: %u, max: %u; "
                    "suspend accepting connection in %u seconds: #1",
                    server->front_count, server_maximum(server),
                    server->configuration->manager.suspend_time_on_unacceptable);
        server_suspend(server);
    }
}

static void server_exhausted(void *owner, int error_number)
{
    struct server *server = owner;

    log_warning("[client][accept][suspend] too many file is opened. suspend accepting connection "
                "in %u seconds: %s",
                server->configuration->manager.suspend_time_on_unacceptable,
                strerror(error_number));
    server_suspend(server);
}

/* ---- signals ---- */

static void server_shutdown_overdue(void *owner)
{
    struct server *server = owner;
    struct front *front = server->fronts;

    log_warning("[manager][shutdown] sessions still open after %g seconds, closed now: %u",
                server->configuration->manager.shutdown_timeout, server->front_count);
    while (front != NULL) {
        struct front *next = front_links(front)->next;

        front_close(front, "closed by the shutdown");
        front = next;
    }
}

static void server_stop(void *owner, int signal_number)
{
    struct server *server = owner;

    if (server->stopping == signal_number) {
        log_flush();
        (void)signal(signal_number, SIG_DFL);
        (void)raise(signal_number);
        return;
    }
    if (server->stopping != 0) {
        return;
    }
    server->stopping = signal_number;
    log_message("[manager][shutdown] %s: sessions to finish first: %u", strsignal(signal_number),
                server->front_count);
    listener_free(server->listener);
    server->listener = NULL;
    if (server->front_count == 0) {
        loop_stop(server->loop);
        return;
    }
    loop_timer_start(server->shutdown_timer, server->configuration->manager.shutdown_timeout);
}

static void server_warn_of_spec(const char *item, const char *former, const char *spec)
{
    if (strcmp(former, spec) != 0) {
        log_warning("[manager][reload] %s is <%s> now: it takes effect at the next start", item,
                    spec);
    }
}

static void server_warn_of_specs(const struct configuration *former,
                                 const struct configuration *configuration)
{
    const char *before = former->controller.connection_spec;
    const char *now = configuration->controller.connection_spec;

    server_warn_of_spec("manager.connection_spec", configuration_listen_spec(former),
                        configuration_listen_spec(configuration));
    server_warn_of_spec("controller.connection_spec", before == NULL ? "nil" : before,
                        now == NULL ? "nil" : now);
}

/* NULL with *error. */
static struct configuration *server_load(const struct server *server, struct error *error)
{
    struct configuration *configuration = manager_options_load(server->options, NULL, NULL, error);

    if (configuration != NULL && !recording_check(configuration, error)) {
        configuration_release(configuration);
        configuration = NULL;
    }
    return configuration;
}

static void server_note_mishap(struct server *server, const struct error *error)
{
    log_error("[manager][reload][error] %s; the configuration stays as it was", error->message);
    server->mishap = time(NULL);
    (void)snprintf(server->mishap_sentence, sizeof(server->mishap_sentence), "%s", error->message);
}

bool server_reload(struct server *server, struct error *error)
{
    struct configuration *configuration = server_load(server, error);

    if (configuration == NULL) {
        server_note_mishap(server, error);
        return false;
    }
    server->mishap = 0;
    server_warn_of_specs(server->configuration, configuration);
    server_apply_log(configuration);
    log_message("[manager][reload] generation %u of the configuration is in force",
                configuration->generation);
    hooks_configuration_in_force(configuration, server->configuration);
    configuration_release(server->configuration);
    server->configuration = configuration;
    loop_timer_stop(server->check_timer);
    server_schedule_checks(server);
    return true;
}

static void server_hang_up(void *owner, int signal_number)
{
    struct error error = {0};

    (void)signal_number;
    (void)server_reload(owner, &error);
}

static void server_reopen_log(void *owner, int signal_number)
{
    struct error error = {0};

    (void)owner;
    (void)signal_number;
    if (!log_reopen(&error)) {
        log_error("[manager][log][error] %s", error.message);
    }
}

void server_handle_signals(struct server *server)
{
    static const struct {
        int number;
        loop_signal_fn *handler;
    } handlers[SERVER_SIGNALS] = {
        {SIGTERM, server_stop},
        {SIGINT, server_stop},
        {SIGHUP, server_hang_up},
        {SIGUSR1, server_reopen_log},
    };

    for (unsigned i = 0; i < SERVER_SIGNALS; i++) {
        server->signals[i] =
            loop_signal_new(server->loop, handlers[i].number, handlers[i].handler, server);
    }
}

/* ---- life ---- */

void server_apply_log(const struct configuration *configuration)
{
    static bool started;
    static unsigned initial; /* what the environment said: a reload may go back to it */
    struct error error = {0};

    if (!started) {
        started = true;
        initial = log_levels();
    }
    log_set_levels(configuration_assigned(configuration, "log.level") ? configuration->log.levels
                                                                      : initial);
    if (configuration_assigned(configuration, "log.path") &&
        !log_set_path(configuration->log.path, &error)) {
        log_error("[manager][log][error] %s", error.message);
    }
    error_clear(&error);
    if (!log_set_syslog(configuration->log.use_syslog,
                        configuration_assigned(configuration, "log.syslog_facility")
                            ? configuration->log.syslog_facility
                            : NULL,
                        &error)) {
        log_error("[manager][log][error] %s", error.message);
    }
}

static struct listener *server_listen(struct server *server, struct error *error)
{
    const struct configuration *configuration = server->configuration;
    const char *spec = configuration_listen_spec(configuration);
    struct listener_options options = {
        .unix_socket_mode = configuration->manager.unix_socket_mode,
        .unix_socket_group = configuration->manager.unix_socket_group,
        .remove_unix_socket_on_create = configuration->manager.remove_unix_socket_on_create,
        .remove_unix_socket_on_close = configuration->manager.remove_unix_socket_on_close,
    };
    struct socket_address address;
    struct error reason = {0};
    char text[SOCKET_ADDRESS_TEXT];
    struct listener *listener;

    if (!connection_spec_parse(spec, &address, &reason)) {
        error_set(error, ERROR_USAGE, "%s%s",
                  configuration->manager.connection_spec == NULL
                      ? "MILTER_DEFAULT_CONNECTION_SPEC: "
                      : "",
                  reason.message);
        return NULL;
    }
    listener = listener_new(server->loop, &address, &options, server_accepted, server_exhausted,
                            server, error);
    if (listener != NULL) {
        log_message("[client][listen][start] <%s>", socket_address_format(&address, text));
    }
    return listener;
}

struct server *server_new(struct loop *loop, const struct manager_options *options,
                          struct configuration *configuration, struct error *error)
{
    struct server *server = NEW(struct server);

    server->loop = loop;
    server->options = options;
    server->descriptors = process_descriptor_limit();
    server->configuration = configuration;
    server->suspend_timer = loop_timer_new(loop, server_retry_accept, server);
    server->shutdown_timer = loop_timer_new(loop, server_shutdown_overdue, server);
    server->statistics_timer = loop_timer_new(loop, server_report_finished, server);
    server->check_timer = loop_timer_new(loop, server_check_connections, server);
    server->listener = server_listen(server, error);
    if (server->listener == NULL) {
        server_free(server);
        return NULL;
    }
    server->started = loop_now(loop);
    server->control = server_control_new(loop, server);
    return server;
}

struct configuration *server_configuration(const struct server *server)
{
    return server->configuration;
}

time_t server_mishap(const struct server *server, const char **sentence)
{
    *sentence = server->mishap_sentence;
    return server->mishap;
}

bool server_stopping(const struct server *server)
{
    return server->stopping != 0;
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
    server_control_give_socket_to(server->control, user);
    return listener_change_owner(server->listener, user, group);
}

void server_free(struct server *server)
{
    server_report_finished(server);
    server_control_free(server->control);
    for (unsigned i = 0; i < SERVER_SIGNALS; i++) {
        loop_signal_free(server->signals[i]);
    }
    if (server->listener != NULL) {
        listener_free(server->listener);
    }
    loop_timer_free(server->suspend_timer);
    loop_timer_free(server->shutdown_timer);
    loop_timer_free(server->statistics_timer);
    loop_timer_free(server->check_timer);
    configuration_release(server->configuration);
    free(server);
}
