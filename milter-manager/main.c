/*
 * milter-manager - a milter that manages other milters.
 *
 * The order of a start (milter-manager-cli.md section 2): options, configuration,
 * descriptor limit, listening socket, privileges, daemon, pid file, signals,
 * loop.  The socket exists before the starting process exits, so exit status 0
 * of a --daemon start means listening.
 */
#include "libcore/base/log.h"
#include "libcore/net/process.h"
#include "milter-manager/check/check.h"
#include "milter-manager/control/client.h"
#include "milter-manager/explain/explain.h"
#include "milter-manager/options.h"
#include "milter-manager/recording.h"
#include "milter-manager/ruby/engine.h"
#include "milter-manager/ruby/hooks.h"
#include "milter-manager/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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

static bool main_drop_privileges(struct server *server, const struct configuration *configuration,
                                 struct error *error)
{
    const char *user = configuration->security.effective_user;
    const char *group = configuration->security.effective_group;
    struct process_user found;

    if (geteuid() != 0 || (user == NULL && group == NULL)) {
        return true;
    }
    if (!process_find_user(user == NULL ? "nobody" : user, &found, error)) {
        return false;
    }
    if (!server_give_socket_to(server, found.user, (gid_t)-1)) {
        error_set_errno(error, "cannot give the listening socket to %s", found.name);
        return false;
    }
    return process_drop_privileges(user, group, error);
}

static volatile sig_atomic_t main_early_reload, main_early_reopen;

static void main_note_signal(int number)
{
    if (number == SIGHUP) {
        main_early_reload = 1;
    } else {
        main_early_reopen = 1;
    }
}

/*
 * Until the loop has them, signals that are no end are noted: a thread of the
 * configuration's libraries may get what the main thread holds back.
 */
static void main_note_early_signals(void)
{
    const struct sigaction action = {.sa_handler = main_note_signal, .sa_flags = SA_RESTART};

    (void)sigaction(SIGHUP, &action, NULL);
    (void)sigaction(SIGUSR1, &action, NULL);
}

static void main_raise_early_signals(void)
{
    if (main_early_reload != 0) {
        (void)raise(SIGHUP);
    }
    if (main_early_reopen != 0) {
        (void)raise(SIGUSR1);
    }
}

/*
 * Signals that come between listening and the handlers wait: whoever sees the
 * socket may already send them.
 */
static void main_hold_signals(int how)
{
    sigset_t signals;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    (void)sigaddset(&signals, SIGUSR1);
    (void)sigprocmask(how, &signals, NULL);
}

static int main_serve(struct loop *loop, struct server *server,
                      const struct configuration *configuration)
{
    const char *pid_file = configuration->manager.pid_file;
    struct error error = {0};

    if (!main_drop_privileges(server, configuration, &error)) {
        return main_fail("failed to drop privilege: ", &error);
    }
    /* Only now: it is this user who has to be able to write there. */
    if (!recording_check(configuration, &error)) {
        return main_fail("", &error);
    }
    if (configuration->manager.daemon) {
        if (!process_daemonize_by(engine_fork, &error)) {
            return main_fail("failed to daemonize: ", &error);
        }
        loop_after_fork(loop);
    }
    if (pid_file != NULL && !process_write_pid_file(pid_file, &error)) {
        return main_fail("", &error);
    }
    server_handle_signals(server);
    main_raise_early_signals();
    main_hold_signals(SIG_UNBLOCK);
    loop_before_sleep(loop, main_flush_log, NULL);
    process_ready();
    hooks_configuration_in_force(configuration, NULL);
    loop_run(loop);
    if (pid_file != NULL) {
        process_remove_pid_file(pid_file);
    }
    return EXIT_SUCCESS;
}

static int main_start(const struct manager_options *options)
{
    struct error error = {0};
    struct configuration *configuration;
    struct loop *loop;
    struct server *server;
    int status;

    main_note_early_signals();
    configuration = manager_options_load(options, main_report, NULL, &error);
    if (configuration == NULL) {
        return EXIT_FAILURE;
    }
    server_apply_log(configuration);
    main_limit_descriptors(configuration);
    loop = loop_new();
    engine_set_loop(loop);
    main_hold_signals(SIG_BLOCK);
    server = server_new(loop, options, configuration, &error);
    if (server == NULL) {
        return main_fail("failed to listen: ", &error);
    }
    status = main_serve(loop, server, configuration_reference(configuration));
    configuration_release(configuration);
    server_free(server);
    engine_stop();
    loop_free(loop);
    return status;
}

int main(int argc, char **argv)
{
    struct manager_options options;
    struct error error = {0};
    enum option_outcome outcome;
    int status;

    process_ignore_broken_pipes();
    log_open("milter-manager");
    outcome = manager_options_parse(&options, argc, argv);
    if (outcome != OPTIONS_RUN) {
        return outcome == OPTIONS_EXIT_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    if (!manager_options_start_log(&options, &error) || !engine_start(&error)) {
        return main_fail("", &error);
    }
    if (options.control) {
        status = (int)client_run(&options, stdout);
    } else if (options.check_config) {
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
