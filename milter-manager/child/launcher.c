/*
 * launcher - requests, ended processes and what they print.
 *
 * Owns the processes it has run until they end, and one socket for the output of
 * each command: datagrams, because a program that writes to a pipe nobody reads
 * is killed, and programs outlive the launcher.
 */
#include "milter-manager/child/launcher.h"

#include "libcore/base/clock.h"
#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/loop.h"
#include "milter-manager/child/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

enum {
    LAUNCHER_OUTPUT = 64 * 1024, /* bytes of one write of a program that are looked at */
    LAUNCHER_LINE = 1000,        /* bytes of a line that are logged */
    LAUNCHER_LINES = 100,        /* lines of one program that are logged in a second */
};

struct launched {
    struct launcher *launcher;
    const struct launchable *launchable;
    pid_t pid;      /* 0: does not run */
    bool ever;      /* has been run */
    double started; /* clock_seconds */
    int output;     /* -1: none; what a daemon has left behind may still write there */
    struct loop_io *io;
    struct buffer line; /* the beginning of one that is to come */
    double second;      /* lines are counted since then */
    unsigned lines;
};

struct launcher {
    struct loop *loop;
    int fd;
    struct launched *launched;
    unsigned count;
};

/* ---- what programs print */

static void launched_log_line(struct launched *launched, struct slice line)
{
    double now = clock_seconds();

    if (now - launched->second >= 1) {
        launched->second = now;
        launched->lines = 0;
    }
    launched->lines++;
    if (launched->lines <= LAUNCHER_LINES) {
        log_debug("[launcher][output][%s] %.*s", launched->launchable->name, (int)line.length,
                  line.data);
    } else if (launched->lines == LAUNCHER_LINES + 1) {
        log_debug("[launcher][output][%s] (more in this second is left out)",
                  launched->launchable->name);
    }
}

static void launched_end_line(struct launched *launched)
{
    if (buffer_length(&launched->line) > 0) {
        launched_log_line(launched, buffer_slice(&launched->line));
        buffer_reset(&launched->line);
    }
}

static void launched_take_output(struct launched *launched, struct slice text)
{
    while (text.length > 0) {
        const char *end = memchr(text.data, '\n', text.length);
        size_t length = end == NULL ? text.length : (size_t)(end - text.data);
        size_t room = LAUNCHER_LINE - buffer_length(&launched->line);

        buffer_append(&launched->line, text.data, length < room ? length : room);
        if (end != NULL) {
            launched_end_line(launched);
        }
        slice_skip(&text, length + (end == NULL ? 0 : 1));
    }
}

static void launched_output(void *owner, unsigned events)
{
    static char text[LAUNCHER_OUTPUT];
    struct launched *launched = owner;
    ssize_t length = recv(launched->output, text, sizeof(text), MSG_DONTWAIT);

    (void)events;
    if (length > 0) {
        launched_take_output(launched, slice_of(text, (size_t)length));
    }
}

static void launched_close_output(struct launched *launched)
{
    launched_end_line(launched);
    loop_io_free(launched->io);
    launched->io = NULL;
    if (launched->output >= 0) {
        (void)close(launched->output);
    }
    launched->output = -1;
}

/* ---- running */

/* The end for the program, or -1. */
static int launched_open_output(struct launched *launched, struct error *error)
{
    int ends[2];

    launched_close_output(launched);
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0) {
        error_set_errno(error, "cannot make a socket for its output");
        return -1;
    }
    launched->output = ends[0];
    launched->io = loop_io_new(launched->launcher->loop, ends[0], launched_output, launched);
    loop_io_watch(launched->io, LOOP_READ);
    return ends[1];
}

static void launched_run(struct launched *launched)
{
    const struct launchable *launchable = launched->launchable;
    struct error error = {0};
    int output = launched_open_output(launched, &error);

    launched->ever = true;
    launched->started = clock_seconds();
    launched->pid = output < 0 ? 0 : launch_run(launchable, output, &error);
    if (output >= 0) {
        (void)close(output);
    }
    if (launched->pid <= 0) {
        launched->pid = 0;
        launched_close_output(launched);
        log_error("[launcher][error][%s] %s; the milter is not started, its command is <%s>",
                  launchable->name, error.message, launchable->command);
        return;
    }
    log_message("[launcher][launch][%s] process %ld, user %s: <%s>", launchable->name,
                (long)launched->pid, launchable->user[0] == '\0' ? "root" : launchable->user,
                launchable->command);
}

static void launched_request(struct launched *launched)
{
    double seconds = clock_seconds() - launched->started;

    if (launched->pid != 0) {
        log_warning("[launcher][refused][%s] already launched: process %ld runs since %.0f s and "
                    "takes no connections",
                    launched->launchable->name, (long)launched->pid, seconds);
    } else if (launched->ever && seconds < launched->launchable->startup_time) {
        /* It may have become a daemon; and one that cannot start must not keep root busy. */
        log_info("[launcher][refused][%s] already launched %.1f s ago", launched->launchable->name,
                 seconds);
    } else {
        launched_run(launched);
    }
}

static void launched_ended(struct launched *launched, int status)
{
    long pid = (long)launched->pid;
    double seconds = clock_seconds() - launched->started;

    launched->pid = 0;
    if (WIFSIGNALED(status)) {
        log_warning("[launcher][end][%s] process %ld was killed by signal %d (%s) after %.1f s",
                    launched->launchable->name, pid, WTERMSIG(status), strsignal(WTERMSIG(status)),
                    seconds);
    } else if (WEXITSTATUS(status) != 0) {
        log_warning("[launcher][end][%s] process %ld ended with status %d after %.1f s; level "
                    "debug shows what it prints",
                    launched->launchable->name, pid, WEXITSTATUS(status), seconds);
    } else {
        log_message("[launcher][end][%s] process %ld ended with status 0 after %.1f s",
                    launched->launchable->name, pid, seconds);
    }
}

static void launcher_reap(void *owner, int signal_number)
{
    struct launcher *launcher = owner;

    (void)signal_number;
    for (unsigned i = 0; i < launcher->count; i++) {
        struct launched *launched = &launcher->launched[i];
        int status = 0;

        if (launched->pid != 0 && waitpid(launched->pid, &status, WNOHANG) == launched->pid) {
            launched_ended(launched, status);
        }
    }
}

/* ---- requests */

static void append_field(struct buffer *request, const char *text)
{
    buffer_append(request, text, strlen(text) + 1);
}

void launcher_append_request(struct buffer *request, const struct launchable *launchable)
{
    append_field(request, "launch");
    append_field(request, launchable->name);
    append_field(request, launchable->command);
    append_field(request, launchable->user);
}

static void launcher_refuse(const char *why)
{
    log_error("[launcher][refused] a request %s: it comes from a process that is no milter-manager "
              "of this start",
              why);
}

static struct launched *launcher_find(struct launcher *launcher, struct slice name)
{
    for (unsigned i = 0; i < launcher->count; i++) {
        if (slice_equal_string(name, launcher->launched[i].launchable->name)) {
            return &launcher->launched[i];
        }
    }
    return NULL;
}

/*
 * The manager has opened its log anew.  It hands the file over, because root must
 * not open what lies in a directory of others.
 */
static void launcher_take_log(int fd)
{
    log_flush();
    if (fd >= 0 && log_descriptor() > STDERR_FILENO) {
        (void)dup3(fd, log_descriptor(), O_CLOEXEC);
    }
}

/* fd: what came with it, or -1. */
static void launcher_serve(struct launcher *launcher, struct slice request, int fd)
{
    struct slice word, name, command, user;
    struct launched *launched;

    if (slice_equal(request, (struct slice)SLICE_LITERAL("log\0"))) {
        launcher_take_log(fd);
        return;
    }
    if (!slice_take_string(&request, &word) || !slice_equal_string(word, "launch") ||
        !slice_take_string(&request, &name) || !slice_take_string(&request, &command) ||
        !slice_take_string(&request, &user) || request.length > 0) {
        launcher_refuse("is not understood");
        return;
    }
    launched = launcher_find(launcher, name);
    if (launched == NULL) {
        log_error("[launcher][refused][%.*s] there was no such command when milter-manager was "
                  "started; start it again to have this one run",
                  (int)(name.length < LAUNCHER_LINE ? name.length : LAUNCHER_LINE), name.data);
    } else if (!slice_equal_string(command, launched->launchable->command) ||
               !slice_equal_string(user, launched->launchable->user)) {
        log_error("[launcher][refused][%s] its command or user_name is another one since "
                  "milter-manager was started; start it again to have the new one run",
                  launched->launchable->name);
    } else {
        launched_request(launched);
    }
}

/* The descriptor that came with a message, or -1; there is room for one only. */
static int descriptor_of(struct msghdr *message)
{
    const struct cmsghdr *control = CMSG_FIRSTHDR(message);
    int fd = -1;

    if (control != NULL && control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_RIGHTS &&
        control->cmsg_len >= CMSG_LEN(sizeof(fd))) {
        memcpy(&fd, CMSG_DATA(control), sizeof(fd));
    }
    return fd;
}

static void launcher_received(void *owner, unsigned events)
{
    static char text[LAUNCHER_REQUEST];
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct launcher *launcher = owner;
    struct iovec bytes = {.iov_base = text, .iov_len = sizeof(text)};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = CMSG_LEN(sizeof(int))};
    ssize_t length = recvmsg(launcher->fd, &message, MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC);
    int fd = length > 0 ? descriptor_of(&message) : -1;

    (void)events;
    if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR)) {
        loop_stop(launcher->loop);
    } else if (length > (ssize_t)sizeof(text)) {
        launcher_refuse("is too long");
    } else if (length > 0) {
        launcher_serve(launcher, slice_of(text, (size_t)length), fd);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
}

/* ---- life */

static void launcher_close_others(int fd)
{
    int log = log_descriptor(), highest = fd > log ? fd : log;

    for (int other = STDERR_FILENO + 1; other < highest; other++) {
        if (other != fd && other != log) {
            (void)close(other);
        }
    }
    closefrom(highest + 1 > STDERR_FILENO ? highest + 1 : STDERR_FILENO + 1);
}

static void launcher_detach(int fd, bool daemon)
{
    static const int ignored[] = {SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGPIPE};
    int null = open("/dev/null", O_RDWR);

#ifdef __linux__
    (void)prctl(PR_SET_NAME, "milter-launcher"); /* pkill -HUP milter-manager is not for us */
#endif
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        (void)signal(ignored[i], SIG_IGN);
    }
    (void)signal(SIGTERM, SIG_DFL);
    (void)chdir("/");
    (void)dup2(null, STDIN_FILENO);
    if (daemon) {
        log_detach_terminal();
        (void)dup2(null, STDOUT_FILENO);
        (void)dup2(null, STDERR_FILENO);
    }
    log_set_program("milter-manager-process-launcher");
    launcher_close_others(fd);
}

static void launcher_flush_log(void *owner)
{
    (void)owner;
    log_flush();
}

void launcher_run(int fd, const struct launchable *launchables, unsigned count, bool daemon)
{
    struct launcher launcher = {.fd = fd, .count = count};
    struct loop_signal *ended;
    struct loop_io *requests;

    launcher_detach(fd, daemon);
    launcher.launched = memory_new(count, sizeof(*launcher.launched));
    launcher.loop = loop_new();
    for (unsigned i = 0; i < count; i++) {
        launcher.launched[i] =
            (struct launched){.launcher = &launcher, .launchable = &launchables[i], .output = -1};
    }
    ended = loop_signal_new(launcher.loop, SIGCHLD, launcher_reap, &launcher);
    requests = loop_io_new(launcher.loop, fd, launcher_received, &launcher);
    loop_io_watch(requests, LOOP_READ);
    loop_before_sleep(launcher.loop, launcher_flush_log, NULL);
    loop_run(launcher.loop);
    for (unsigned i = 0; i < count; i++) {
        launched_close_output(&launcher.launched[i]);
        buffer_clear(&launcher.launched[i].line);
    }
    loop_io_free(requests);
    loop_signal_free(ended);
    loop_free(launcher.loop);
    free(launcher.launched);
}
