/*
 * start - the daemon from the configuration to the end.
 *
 * The order: configuration, descriptor limit, launcher, listening sockets,
 * privileges, daemon, pid file, signals, loop.  The socket exists before the
 * starting process exits, so exit status 0 of a --daemon start means listening.
 */
#include "milter-manager/start.h"

#include "libcore/base/buffer.h"
#include "libcore/base/log.h"
#include "libcore/net/loop_glib.h"
#include "libcore/net/process.h"
#include "milter-manager/board.h"
#include "milter-manager/child/health.h"
#include "milter-manager/child/launching.h"
#include "milter-manager/control/metrics.h"
#include "milter-manager/control/switches.h"
#include "milter-manager/handover.h"
#include "milter-manager/privileges.h"
#include "milter-manager/process/controller.h"
#include "milter-manager/process/master.h"
#include "milter-manager/process/signals.h"
#include "milter-manager/process/upgrade.h"
#include "milter-manager/recording.h"
#include "milter-manager/ruby/engine.h"
#include "milter-manager/ruby/paths.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct start {
    const struct manager_options *options;
    struct configuration *configuration;
    struct handover handover;
    struct loop *loop;
    struct server *server;
    struct controller *controller; /* NULL: there is none */
    char *pid_file;                /* NULL: there is none */
    struct buffer warnings;        /* of the configuration, each ends in a NUL */
};

static void start_report(void *owner, const char *message)
{
    (void)owner;
    (void)fprintf(stderr, "milter-manager: %s\n", message);
    upgrade_failed(message);
}

/* Where the log goes is known only when the configuration has been read. */
static void start_keep_warning(void *owner, const char *message)
{
    struct start *start = owner;

    buffer_append(&start->warnings, message, strlen(message) + 1);
}

static void start_tell_warnings(struct start *start)
{
    struct slice warnings = buffer_slice(&start->warnings), warning;

    while (slice_take_string(&warnings, &warning)) {
        log_warning("%s", warning.data);
    }
    buffer_clear(&start->warnings);
}

static bool start_fail(const char *what, const struct error *error)
{
    char sentence[sizeof(error->message) + 64];

    log_flush();
    (void)snprintf(sentence, sizeof(sentence), "%s%s", what, error->message);
    start_report(NULL, sentence);
    return false;
}

static void start_flush_log(void *owner)
{
    (void)owner;
    log_flush();
}

/* ---- before there is a loop */

static void start_limit_descriptors(const struct configuration *configuration)
{
    struct error error = {0};

    if (!process_set_descriptor_limit(configuration->manager.max_file_descriptors, &error)) {
        log_warning("%s", error.message);
    }
}

/* What all processes will share; an upgrade goes on with what root, or the operator, has done. */
static bool start_share(struct start *start, struct error *error)
{
    const struct handover *handover = &start->handover;

    if (handover->switches < 0 || !switches_adopt(handover->switches)) {
        switches_open();
    }
    board_open();
    health_open();
    metrics_open(start->configuration->manager.n_workers + 1);
    return handover->launcher >= 0 ? launching_adopt(handover->launcher, error)
                                   : launching_start(start->configuration, error);
}

static bool start_configure(struct start *start)
{
    struct error error = {0};
    bool logged = true;

    if (!handover_take(&start->handover, &error)) {
        return start_fail("failed to listen: ", &error);
    }
    start->configuration =
        manager_options_load(start->options, start_report, start_keep_warning, start, &error);
    if (start->configuration != NULL) {
        logged = server_apply_log(start->configuration, &error);
    }
    start_tell_warnings(start);
    if (start->configuration == NULL) {
        return false; /* it was said */
    }
    if (!logged && start->handover.upgrade) {
        /* The former process has its file open; a daemon has no other place for its lines. */
        return start_fail("", &error);
    }
    error_clear(&error);
    start_limit_descriptors(start->configuration);
    handover_compare(&start->handover, start->configuration);
    return start_share(start, &error) || start_fail("", &error);
}

/* ---- from listening to working */

static void start_leave_paths(struct start *start, bool milter, bool controller)
{
    if (milter) {
        server_leave_socket(start->server);
    }
    if (controller) {
        controller_leave_socket(start->controller);
    }
}

static bool start_listen(struct start *start)
{
    const char *backend = start->configuration->manager.event_loop_backend;
    struct error error = {0};

    start->loop = strcmp(backend, "glib") == 0 ? loop_glib_new() : loop_new();
    engine_set_loop(start->loop);
    /* Whoever sees the socket may send signals: they wait for their handlers. */
    signals_hold(SIG_BLOCK);
    start->server =
        server_new(start->loop, start->options, configuration_reference(start->configuration),
                   start->handover.milter, &error);
    if (start->server == NULL) {
        return start_fail("failed to listen: ", &error);
    }
    start->controller = controller_new(start->loop, start->server, &start->handover);
    start_leave_paths(start, start->handover.milter_given, start->handover.controller_given);
    return true;
}

/* As the process that goes on: detached, known by its number. */
static bool start_settle(struct start *start)
{
    const struct configuration *configuration = start->configuration;
    struct error error = {0};

    /* Only after root was given up: it is that user who has to be able to write there. */
    if (!privileges_drop(start->options, start->server, start->controller, &error) ||
        !recording_check(configuration, &error)) {
        return start_fail("", &error);
    }
    if (configuration->manager.daemon && !start->handover.upgrade) {
        if (!process_daemonize_by(engine_fork, &error)) {
            return start_fail("failed to daemonize: ", &error);
        }
        loop_after_fork(start->loop);
    }
    if (configuration->manager.daemon && start->handover.upgrade) {
        (void)!chdir("/"); /* as before: not in the way of who unmounts where it was started */
    }
    if (configuration->manager.pid_file == NULL) {
        return true;
    }
    start->pid_file = paths_absolute(configuration->manager.pid_file);
    return process_write_pid_file(start->pid_file, &error) || start_fail("", &error);
}

static int start_work(struct start *start)
{
    struct error error = {0};
    bool worker = false;
    enum master_outcome outcome;

    loop_before_sleep(start->loop, start_flush_log, NULL);
    process_ready();
    upgrade_ready((start->handover.milter >= 0 ? UPGRADE_KEPT_MILTER : 0U) |
                  (start->handover.controller >= 0 && start->controller != NULL
                       ? UPGRADE_KEPT_CONTROLLER
                       : 0U));
    metrics_enter(0);
    metrics_configuration(start->configuration);
    outcome = master_run(start->loop, start->server, start->controller, &start->handover, &worker,
                         &error);
    if (worker) {
        start->controller = NULL; /* the master's */
        return EXIT_SUCCESS;
    }
    if (outcome == MASTER_FAILED) {
        log_error("[master][shutdown] %s", error.message);
    }
    if (start->pid_file != NULL) {
        process_remove_pid_file(start->pid_file);
    }
    return outcome == MASTER_DONE ? EXIT_SUCCESS : EXIT_FAILURE;
}

static void start_clear(struct start *start)
{
    free(start->pid_file);
    controller_free(start->controller);
    if (start->server != NULL) {
        server_free(start->server);
    }
    if (start->configuration != NULL) {
        configuration_release(start->configuration);
    }
    engine_stop();
    loop_free(start->loop);
    launching_stop();
}

int start_run(const struct manager_options *options)
{
    struct start start = {.options = options};
    int status = EXIT_FAILURE;

    if (start_configure(&start) && start_listen(&start) && start_settle(&start)) {
        status = start_work(&start);
    } else if (start.handover.upgrade && start.server != NULL) {
        /* The former process goes on with what it has handed over. */
        start_leave_paths(&start, start.handover.milter >= 0, start.handover.controller >= 0);
    }
    start_clear(&start);
    return status;
}
