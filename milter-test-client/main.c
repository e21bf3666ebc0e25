/*
 * milter-test-client - a milter that prints what it receives and answers what
 * it is told to.
 *
 * Start order as for the manager: listen, drop privileges, detach, pid file.
 */
#include "libcore/base/log.h"
#include "libcore/net/process.h"
#include "libcore/net/record_directory.h"
#include "libcore/net/workers.h"
#include "milter-test-client/arguments.h"
#include "milter-test-client/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool fail(const char *what, const struct error *error)
{
    fprintf(stderr, "milter-test-client: %s: %s\n", what, error->message);
    return false;
}

static bool give_socket_away(const char *user_text, struct server *server)
{
    struct process_user user;
    struct error error = {0};

    if (!process_find_user(user_text, &user, &error)) {
        return fail("failed to drop privilege", &error);
    }
    if (!server_change_owner(server, user.user, (gid_t)-1)) {
        error_set_errno(&error, "failed to give the unix socket to %s", user_text);
        return fail("failed to drop privilege", &error);
    }
    return true;
}

/* A group alone changes the group alone. */
static bool drop_privileges(const struct arguments *arguments, struct server *server)
{
    const char *user = arguments->user != NULL ? arguments->user : "0";
    struct error error = {0};

    if (arguments->user == NULL && arguments->group == NULL) {
        return true;
    }
    if (geteuid() != 0) {
        fprintf(stderr, "milter-test-client: not started by root: user and group stay\n");
        return true;
    }
    if (!give_socket_away(user, server)) {
        return false;
    }
    return process_drop_privileges(user, arguments->group, &error) ||
           fail("failed to drop privilege", &error);
}

/* As the user that will run it, and while somebody still looks at the terminal. */
static bool can_record(const struct arguments *arguments)
{
    const char *directory = arguments->server.session.record_directory;
    struct error error = {0};

    return directory == NULL || record_directory_check(directory, &error) ||
           fail("--record", &error);
}

static bool detach(const struct arguments *arguments, struct loop *loop, struct server *server)
{
    struct error error = {0};

    if (!arguments->daemon) {
        return true;
    }
    if (!process_daemonize(&error)) {
        return fail("failed to daemonize", &error);
    }
    loop_after_fork(loop);
    server_detach(server);
    return true;
}

static bool printed_all(void)
{
    struct error error = {0};

    output_flush();
    return output_succeeded(&error) || fail("failed to print everything that was received", &error);
}

static bool serve(struct server *server)
{
    server_run(server);
    return printed_all();
}

static void supervisor_complains(void *owner, const char *sentence)
{
    server_complain(owner, sentence);
}

static void supervisor_is_ready(void *owner)
{
    (void)owner;
    process_ready();
}

static void supervisor_stops(void *owner)
{
    server_close(owner);
}

/* Returns in the supervisor and, when they have done their work, in the workers. */
static bool serve_with_workers(unsigned count, struct server *server)
{
    struct workers_options options = {
        .count = count,
        .complain = supervisor_complains,
        .owner = server,
    };
    const struct workers_supervision supervision = {
        .ready = supervisor_is_ready,
        .stopping = supervisor_stops,
    };
    struct error error = {0};
    unsigned number;

    if (!output_share(&error)) {
        return fail("failed to start workers", &error);
    }
    switch (workers_run(&options, &supervision, &number, &error)) {
    case WORKERS_WORKER:
        server_become_worker(server);
        server_prepare(server);
        return serve(server);
    case WORKERS_STOPPED:
        return true;
    case WORKERS_FAILED:
        break;
    }
    return fail("failed to stop in order", &error);
}

static bool run(const struct arguments *arguments, struct loop *loop, struct server *server)
{
    struct error error = {0};
    bool ok;

    if (!drop_privileges(arguments, server) || !can_record(arguments) ||
        !detach(arguments, loop, server)) {
        return false;
    }
    if (arguments->pid_file != NULL && !process_write_pid_file(arguments->pid_file, &error)) {
        return fail("failed to write the pid file", &error);
    }
    if (arguments->n_workers > 0) {
        ok = serve_with_workers(arguments->n_workers, server);
    } else {
        server_prepare(server);
        process_ready();
        ok = serve(server);
    }
    if (arguments->pid_file != NULL) {
        process_remove_pid_file(arguments->pid_file); /* the process' own: no worker's */
    }
    return ok;
}

int main(int argc, char **argv)
{
    static struct arguments arguments; /* owns paths until the process ends */
    struct error error = {0};
    enum option_outcome outcome;
    struct loop *loop;
    struct server *server;
    bool ok;

    log_open("milter-test-client");
    process_ignore_broken_pipes();
    outcome = arguments_parse(&arguments, argc, argv);
    if (outcome != OPTIONS_RUN) {
        return outcome == OPTIONS_EXIT_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    loop = loop_new();
    server = server_new(loop, &arguments.server, &error);
    if (server == NULL) {
        ok = fail("failed to listen", &error);
    } else {
        ok = run(&arguments, loop, server);
        server_free(server);
    }
    loop_free(loop);
    log_close();
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
