/*
 * command - looks at commands of milters without running any.
 *
 * Whether a user may execute a program is asked by a process that has become
 * that user, as the launcher will.
 */
#include "milter-manager/check/command.h"

#include "milter-manager/child/launchable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is wrong, to the pipe; nothing: all is well. */
static _Noreturn void command_look(const struct launchable *launchable, int report)
{
    struct error error = {0};
    char path[PATH_MAX];

    if (process_drop_privileges(launchable->user[0] == '\0' ? "root" : launchable->user, NULL,
                                &error)) {
        (void)launchable_find(launchable, path, &error);
    }
    (void)!write(report, error.message, strlen(error.message));
    _exit(EXIT_SUCCESS);
}

static bool command_usable(const struct launchable *launchable, struct error *error)
{
    char message[sizeof(error->message)] = "";
    struct process_user user;
    int report[2];
    pid_t pid;

    if (!launchable_find_user(launchable, &user, error)) {
        return false;
    }
    if (pipe(report) != 0) {
        error_set_errno(error, "cannot make a pipe");
        return false;
    }
    pid = fork();
    if (pid == 0) {
        command_look(launchable, report[1]);
    }
    (void)close(report[1]);
    if (pid < 0) {
        error_set_errno(error, "cannot fork");
    } else {
        if (read(report[0], message, sizeof(message) - 1) > 0) {
            error_set(error, ERROR_SYSTEM, "%s", message);
        }
        (void)waitpid(pid, NULL, 0);
    }
    (void)close(report[0]);
    return error->code == ERROR_NONE;
}

static void command_check_child(struct check *check, const struct configuration_child *child,
                                struct location location)
{
    struct launchable launchable;
    struct arena arena = {0};
    struct error error = {0};
    const char *as = child->user_name == NULL ? "root" : child->user_name;

    if (!launchable_make(&launchable, child, &arena, &error) ||
        !command_usable(&launchable, &error)) {
        findings_add(check->findings, FINDING_ERROR, location,
                     "milter \"%s\" cannot be started as user %s: %s; correct command or user_name",
                     child->name, as, error.message);
    } else {
        findings_add(check->findings, FINDING_OK, location,
                     "milter \"%s\": when it is down, user %s runs <%s>", child->name, as,
                     launchable.command);
    }
    arena_clear(&arena);
}

void command_check(struct check *check)
{
    const struct configuration *configuration = check->configuration;

    for (unsigned i = 0; i < configuration->child_count; i++) {
        const struct configuration_child *child = &configuration->children[i];
        struct location location = configuration_child_location(configuration, i, "command");

        if (!launchable_is(child)) {
            continue;
        }
        if (geteuid() != 0) {
            findings_add(check->findings, FINDING_NOTE, location,
                         "milter \"%s\" has a command, which is run only when root starts "
                         "milter-manager; check as root to have it looked at",
                         child->name);
        } else if (!configuration->security.privilege_mode) {
            findings_add(check->findings, FINDING_NOTE, location,
                         "milter \"%s\" has a command, which is not run: "
                         "security.privilege_mode is false",
                         child->name);
        } else {
            command_check_child(check, child, location);
        }
    }
}
