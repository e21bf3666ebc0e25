/*
 * launch - from fork to exec.
 *
 * What goes wrong in the new process comes back as a sentence through a pipe
 * that exec closes.  Nobody regains root after the change of the user.
 */
#include "milter-manager/child/launch.h"

#include "libcore/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LAUNCH_UMASK = 022 };

/* An ignored or blocked signal would stay so in the program. */
static void reset_signals(void)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++) {
        (void)signal(number, SIG_DFL);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* report is moved out of the way of what is closed; its new number, or -1. */
static int arrange_descriptors(int output, int report, struct error *error)
{
    int input = open("/dev/null", O_RDONLY);

    /* Away from 0 to 3 first: one of them may be where another goes. */
    output = fcntl(output, F_DUPFD, 10);
    report = fcntl(report, F_DUPFD, 10);
    if (input < 0 || output < 0 || report < 0 || dup2(input, STDIN_FILENO) < 0 ||
        dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0 ||
        dup2(report, STDERR_FILENO + 1) < 0) {
        error_set_errno(error, "cannot arrange the descriptors");
        return -1;
    }
    report = STDERR_FILENO + 1;
    (void)fcntl(report, F_SETFD, FD_CLOEXEC);
    closefrom(report + 1);
    return report;
}

static bool set_environment(const struct process_user *user, struct error *error)
{
    const char *language = getenv("LANG");
    char copy[64];

    /* clearenv may give its text back. */
    (void)snprintf(copy, sizeof(copy), "%s", language == NULL ? "C" : language);
    if (clearenv() != 0 || setenv("PATH", launchable_path, 1) != 0 ||
        setenv("LANG", copy, 1) != 0 ||
        setenv("HOME", user->home[0] == '\0' ? "/" : user->home, 1) != 0 ||
        setenv("USER", user->name, 1) != 0 || setenv("LOGNAME", user->name, 1) != 0) {
        error_set_errno(error, "cannot set the environment");
        return false;
    }
    return true;
}

/* Does not return when the program runs. */
static void become(const struct launchable *launchable, struct error *error)
{
    struct process_user user;
    char path[PATH_MAX];

    if (!launchable_find_user(launchable, &user, error) || !set_environment(&user, error)) {
        return;
    }
    /* root gets the groups of root, too, and not those of whoever started the manager. */
    if (!process_drop_privileges(launchable->user[0] == '\0' ? "root" : launchable->user, NULL,
                                 error)) {
        return;
    }
    if (launchable_find(launchable, path, error)) {
        (void)execv(path, launchable->words);
        error_set_errno(error, "cannot execute <%s>", path);
    }
}

static _Noreturn void begin(const struct launchable *launchable, int output, int report)
{
    struct error error = {0};

    (void)setsid();
    reset_signals();
    (void)umask(LAUNCH_UMASK);
    report = arrange_descriptors(output, report, &error);
    if (report >= 0 && chdir("/") != 0) {
        error_set_errno(&error, "cannot change to the directory /");
    } else if (report >= 0) {
        become(launchable, &error);
    }
    if (report >= 0) {
        (void)!write(report, error.message, strlen(error.message) + 1);
    }
    _exit(EXIT_FAILURE);
}

/* False: the program runs, and the pipe was closed without a word. */
static bool failed(int report, struct error *error)
{
    char message[sizeof(error->message)] = "";
    size_t length = 0;
    ssize_t count;

    do {
        count = read(report, message + length, sizeof(message) - 1 - length);
        length += count > 0 ? (size_t)count : 0;
    } while ((count > 0 && length < sizeof(message) - 1) || (count < 0 && errno == EINTR));
    if (length > 0) {
        error_set(error, ERROR_SYSTEM, "%s", message);
    }
    return length > 0;
}

pid_t launch_run(const struct launchable *launchable, int output, struct error *error)
{
    int report[2];
    pid_t pid;

    if (pipe2(report, O_CLOEXEC) != 0) {
        error_set_errno(error, "cannot make a pipe");
        return -1;
    }
    log_flush(); /* or it would be written twice */
    pid = fork();
    if (pid == 0) {
        begin(launchable, output, report[1]);
    }
    (void)close(report[1]);
    if (pid < 0) {
        error_set_errno(error, "cannot fork");
    } else if (failed(report[0], error)) {
        (void)waitpid(pid, NULL, 0);
        pid = -1;
    }
    (void)close(report[0]);
    return pid;
}
