/*
 * milter-manager - a milter that manages other milters.
 *
 * The order of a start (milter-manager-cli.md section 2): options, configuration,
 * descriptor limit, launcher, listening socket, privileges, daemon, pid file, signals,
 * loop.  The socket exists before the starting process exits, so exit status 0
 * of a --daemon start means listening.
 */
#include "libcore/base/log.h"
#include "libcore/net/activation.h"
#include "libcore/net/loop_glib.h"
#include "libcore/net/process.h"
#include "milter-manager/board.h"
#include "milter-manager/check/check.h"
#include "milter-manager/child/launching.h"
#include "milter-manager/control/metrics.h"
#include "milter-manager/explain/explain.h"
#include "milter-manager/options.h"
#include "milter-manager/process/master.h"
#include "milter-manager/process/signals.h"
#include "milter-manager/process/upgrade.h"
#include "milter-manager/recording.h"
#include "milter-manager/ruby/engine.h"
#include "milter-manager/ruby/paths.h"
#include "milter-manager/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int main_fail(const char *what, const struct error *error)
{
    log_flush();
    (void)fprintf(stderr, "milter-manager: %s%s\n", what, error->message);
    return EXIT_FAILURE;
}

static void main_report(void *owner, const char *message)
{
    (void)owner;
    (void)fprintf(stderr, "milter-manager: %s\n", message);
}

static void main_flush_log(void *owner)
{
    (void)owner;
    log_flush();
}

static void main_limit_descriptors(const struct configuration *configuration)
{
    struct error error = {0};

    if (!process_set_descriptor_limit(configuration->manager.max_file_descriptors, &error)) {
        log_warning("%s", error.message);
    }
}

/* The place in the files that gave an item its value, for messages. */
static void main_blame(const struct manager_options *options,
                       const struct configuration *configuration, const char *key,
                       const struct error *reason, struct error *error)
{
    struct location place = configuration_location(configuration, key);

    if (place.line > 0 && !manager_options_override(options, key)) {
        error_set(error, reason->code, "%s:%d: failed to drop privilege: %s: %s", place.file,
                  place.line, key, reason->message);
    } else {
        error_set(error, reason->code, "failed to drop privilege: %s: %s", key, reason->message);
    }
}

/* Whom the program is to run as; user and group are not both NULL. */
static bool main_find_user(const struct manager_options *options,
                           const struct configuration *configuration, struct process_user *found,
                           gid_t *group, struct error *error)
{
    const char *user_name = configuration->security.effective_user;
    const char *group_name = configuration->security.effective_group;
    struct error reason = {0};

    if (!process_find_user(user_name == NULL ? "nobody" : user_name, found, &reason)) {
        main_blame(options, configuration, "security.effective_user", &reason, error);
        return false;
    }
    *group = found->known ? found->group : (gid_t)-1;
    if (group_name != NULL && !process_find_group(group_name, group, &reason)) {
        main_blame(options, configuration, "security.effective_group", &reason, error);
        return false;
    }
    return true;
}

static bool main_drop_privileges(struct server *server, const struct manager_options *options,
                                 const struct configuration *configuration, struct error *error)
{
    const char *user = configuration->security.effective_user;
    const char *group = configuration->security.effective_group;
    struct process_user found;
    struct error reason = {0}, warning = {0};
    gid_t group_id;

    if (geteuid() != 0 || (user == NULL && group == NULL)) {
        return true;
    }
    if (!main_find_user(options, configuration, &found, &group_id, error)) {
        return false;
    }
    if (!server_give_socket_to(server, found.user, (gid_t)-1)) {
        error_set_errno(error, "failed to drop privilege: cannot give the listening socket to %s",
                        found.name);
        return false;
    }
    /* Log rotation is this user's task from now on. */
    (void)log_give_to(found.user, group_id, &warning);
    if (!process_drop_privileges(user, group, &reason)) {
        error_set(error, reason.code, "failed to drop privilege: %s", reason.message);
        return false;
    }
    if (warning.code != ERROR_NONE || !log_reopenable(&warning)) {
        log_warning("[manager][log][warning] %s", warning.message);
    }
    return true;
}

/*
 * What is handed over by name.  A service manager that gives one socket without
 * a name of ours means the one for mail.
 */
static bool main_take_sockets(int *milter, struct error *error)
{
    const char *name;
    int fd;

    *milter = activation_take(UPGRADE_MILTER);
    while (activation_left(&name, &fd)) {
        if (*milter >= 0) {
            error_set(error, ERROR_USAGE,
                      "a socket was handed over whose name means nothing here: <%s> "
                      "(FileDescriptorName=%s or %s)",
                      name, UPGRADE_MILTER, UPGRADE_CONTROLLER);
            return false;
        }
        *milter = fd;
    }
    return true;
}

/*
 * After an upgrade the configuration decides: its socket is used when it is the
 * one handed over.  A service manager's is used in any case.
 */
static void main_leave_other_socket(const struct configuration *configuration, int *milter)
{
    struct socket_address configured, open = {.length = sizeof(open.storage)};
    char configured_text[SOCKET_ADDRESS_TEXT], open_text[SOCKET_ADDRESS_TEXT];
    struct error error = {0};

    if (*milter >= 0 &&
        connection_spec_parse(configuration_listen_spec(configuration), &configured, &error) &&
        getsockname(*milter, (struct sockaddr *)&open.storage, &open.length) == 0 &&
        strcmp(socket_address_format(&configured, configured_text),
               socket_address_format(&open, open_text)) != 0) {
        (void)close(*milter);
        *milter = -1;
    }
}

/* As the process that goes on: detached, known by its number. */
static bool main_settle(struct loop *loop, const struct configuration *configuration,
                        const char *pid_file, bool upgrade, struct error *error)
{
    if (configuration->manager.daemon && !upgrade) {
        if (!process_daemonize_by(engine_fork, error)) {
            struct error reason = *error;

            error_clear(error);
            error_set(error, reason.code, "failed to daemonize: %s", reason.message);
            return false;
        }
        loop_after_fork(loop);
    }
    return pid_file == NULL || process_write_pid_file(pid_file, error);
}

/* Everything that can fail before the work begins; false: it was said. */
static bool main_prepare(struct loop *loop, struct server *server,
                         const struct manager_options *options,
                         const struct configuration *configuration, const char *pid_file,
                         bool upgrade)
{
    struct error error = {0};

    if (!main_drop_privileges(server, options, configuration, &error)) {
        (void)main_fail("", &error);
        return false;
    }
    /* Only now: it is this user who has to be able to write there. */
    if (!recording_check(configuration, &error) ||
        !main_settle(loop, configuration, pid_file, upgrade, &error)) {
        (void)main_fail("", &error);
        return false;
    }
    return true;
}

static int main_work(struct loop *loop, struct server *server,
                     const struct configuration *configuration, const char *pid_file)
{
    struct error error = {0};
    bool worker = false;
    bool well =
        master_run(loop, server, configuration->manager.n_workers, &worker, &error) == MASTER_DONE;

    if (!well) {
        log_error("[master][shutdown] %s", error.message);
    }
    if (pid_file != NULL && !worker) {
        process_remove_pid_file(pid_file);
    }
    return well ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int main_serve(struct loop *loop, struct server *server,
                      const struct manager_options *options,
                      const struct configuration *configuration, bool upgrade)
{
    const char *configured = configuration->manager.pid_file;
    char *pid_file = configured == NULL ? NULL : paths_absolute(configured);
    int status = EXIT_FAILURE;

    if (main_prepare(loop, server, options, configuration, pid_file, upgrade)) {
        loop_before_sleep(loop, main_flush_log, NULL);
        process_ready();
        upgrade_ready();
        metrics_enter(0);
        metrics_configuration(configuration);
        status = main_work(loop, server, configuration, pid_file);
    }
    free(pid_file);
    return status;
}

static struct loop *main_new_loop(const struct configuration *configuration)
{
    return strcmp(configuration->manager.event_loop_backend, "glib") == 0 ? loop_glib_new()
                                                                          : loop_new();
}

/* An upgrade goes on with the launcher that root has started. */
static bool main_prepare_launching(const struct configuration *configuration, bool upgrade,
                                   struct error *error)
{
    int launcher = upgrade ? activation_take(UPGRADE_LAUNCHER) : -1;

    return launcher >= 0 ? launching_adopt(launcher, error) : launching_start(configuration, error);
}

static int main_start(const struct manager_options *options)
{
    struct error error = {0};
    struct configuration *configuration;
    struct loop *loop;
    struct server *server;
    bool upgrade;
    int status, milter;

    signals_note_early();
    upgrade = upgrade_begin();
    configuration = manager_options_load(options, main_report, NULL, &error);
    if (configuration == NULL) {
        return EXIT_FAILURE;
    }
    server_apply_log(configuration);
    main_limit_descriptors(configuration);
    if (!main_prepare_launching(configuration, upgrade, &error)) {
        return main_fail("", &error);
    }
    board_open();
    metrics_open(configuration->manager.n_workers + 1);
    loop = main_new_loop(configuration);
    engine_set_loop(loop);
    signals_hold(SIG_BLOCK);
    if (!main_take_sockets(&milter, &error)) {
        return main_fail("failed to listen: ", &error);
    }
    if (upgrade) {
        main_leave_other_socket(configuration, &milter);
    }
    server = server_new(loop, options, configuration, milter, &error);
    if (server == NULL) {
        return main_fail("failed to listen: ", &error);
    }
    status = main_serve(loop, server, options, configuration_reference(configuration), upgrade);
    configuration_release(configuration);
    server_free(server);
    engine_stop();
    loop_free(loop);
    launching_stop();
    return status;
}

int main(int argc, char **argv)
{
    struct manager_options options;
    struct error error = {0};
    enum option_outcome outcome;
    int status;

    upgrade_remember(argv);
    process_ignore_broken_pipes();
    log_open("milter-manager");
    outcome = manager_options_parse(&options, argc, argv);
    if (outcome != OPTIONS_RUN) {
        return outcome == OPTIONS_EXIT_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    if (!manager_options_start_log(&options, &error) || !activation_begin(&error) ||
        !engine_start(&error)) {
        return main_fail("", &error);
    }
    if (options.check_config) {
        status = check_run(&options, stdout);
    } else if (options.show_config) {
        status = manager_options_show(&options, stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
    } else if (options.explain != NULL) {
        status = explain_run(&options, stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
    } else {
        status = main_start(&options);
    }
    log_close();
    return status;
}
