/*
 * launching - forking the launcher and asking it.
 *
 * Owns the sending end of its socket and the times it was asked.  Never waits
 * for the launcher: what became of a request is in the launcher's log lines.
 */
#include "milter-manager/child/launching.h"

#include "libcore/base/arena.h"
#include "libcore/base/clock.h"
#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "milter-manager/child/launchable.h"
#include "milter-manager/child/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child the launcher was asked for. */
struct asked {
    char *name;
    double until; /* clock_seconds: not again before that */
};

static struct {
    int fd; /* -1: no launcher */
    struct asked *asked;
    unsigned count;
    bool gone; /* it was said that the launcher has ended */
    /* What the launcher knows; empty in a program that has adopted it. */
    struct arena arena;
    struct launchable *known;
    unsigned known_count;
    bool adopted;
} state = {.fd = -1};

/* ---- life */

static void collect(const struct configuration *configuration)
{
    for (unsigned i = 0; i < configuration->child_count; i++) {
        const struct configuration_child *child = &configuration->children[i];
        struct location location = configuration_child_location(configuration, i, "command");
        struct error error = {0};

        if (!launchable_is(child)) {
            continue;
        }
        state.known = memory_resize(state.known, state.known_count + 1, sizeof(*state.known));
        if (launchable_make(&state.known[state.known_count], child, &state.arena, &error)) {
            state.known_count++;
        } else {
            log_error("[launcher][error][%s] %s:%d: %s; the milter will not be started",
                      child->name, location.file, location.line, error.message);
        }
    }
}

static _Noreturn void launcher_live(int fd, bool daemon)
{
    launcher_run(fd, state.known, state.known_count, daemon);
    log_close();
    _exit(EXIT_SUCCESS);
}

/* Twice: then the launcher is nobody's to wait for, whatever becomes of the manager. */
static bool fork_launcher(const int ends[2], bool daemon, struct error *error)
{
    int status = 0;
    pid_t pid;

    log_flush();
    pid = fork();
    if (pid == 0) {
        (void)close(ends[1]);
        (void)setsid();
        pid = fork();
        if (pid == 0) {
            launcher_live(ends[0], daemon);
        }
        _exit(pid < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        error_set_errno(error, "cannot fork the process that starts milters");
        return false;
    }
    return true;
}

bool launching_start(const struct configuration *configuration, struct error *error)
{
    int ends[2];
    bool good;

    if (!configuration->security.privilege_mode || getuid() != 0 || geteuid() != 0) {
        return true;
    }
    collect(configuration);
    if (state.known_count == 0) {
        return true;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        error_set_errno(error, "cannot make a socket to the process that starts milters");
        return false;
    }
    good = fork_launcher(ends, configuration->manager.daemon, error);
    (void)close(ends[0]);
    if (!good) {
        (void)close(ends[1]);
        return false;
    }
    state.fd = ends[1];
    return true;
}

int launching_descriptor(void)
{
    return state.fd;
}

bool launching_adopt(int fd, struct error *error)
{
    int type = 0, domain = 0;
    socklen_t size = sizeof(int);

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET ||
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX) {
        error_set(error, ERROR_USAGE,
                  "descriptor %d is no socket to a process that starts milters; start "
                  "milter-manager again to have one",
                  fd);
        return false;
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    state.fd = fd;
    state.adopted = true;
    return true;
}

void launching_stop(void)
{
    if (state.fd >= 0) {
        (void)close(state.fd);
    }
    for (unsigned i = 0; i < state.count; i++) {
        free(state.asked[i].name);
    }
    free(state.asked);
    free(state.known);
    arena_clear(&state.arena);
    memset(&state, 0, sizeof(state));
    state.fd = -1;
}

/* ---- requests */

bool launching_serves(const struct configuration_child *child)
{
    return state.fd >= 0 && launchable_is(child);
}

static struct asked *asked_of(const char *name)
{
    for (unsigned i = 0; i < state.count; i++) {
        if (strcmp(state.asked[i].name, name) == 0) {
            return &state.asked[i];
        }
    }
    state.asked = memory_resize(state.asked, state.count + 1, sizeof(*state.asked));
    state.asked[state.count] = (struct asked){.name = memory_copy_string(name)};
    return &state.asked[state.count++];
}

static void report_unsent(const char *what)
{
    if (errno == EPIPE || errno == ECONNRESET) {
        if (!state.gone) {
            log_error("[launcher][error] the process that starts milters has ended; start "
                      "milter-manager again to have one");
        }
        state.gone = true;
    } else {
        log_error("[launcher][error][%s] cannot ask the process that starts milters: %s", what,
                  strerror(errno));
    }
}

void launching_request(const struct configuration_child *child)
{
    struct asked *asked = asked_of(child->name);
    struct launchable launchable = {.name = child->name,
                                    .user = child->user_name == NULL ? "" : child->user_name};
    struct arena arena = {0};
    struct buffer request = {0};
    struct slice bytes;
    double now = clock_seconds();

    if (now < asked->until) {
        return;
    }
    asked->until = now + child->startup_time;
    launchable.command = launchable_line(child, &arena);
    launcher_append_request(&request, &launchable);
    bytes = buffer_slice(&request);
    if (send(state.fd, bytes.data, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        report_unsent(child->name);
    }
    buffer_clear(&request);
    arena_clear(&arena);
}

void launching_log_reopened(void)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {{0}};
    char word[] = "log";
    struct iovec bytes = {.iov_base = word, .iov_len = sizeof(word)};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = control.room,
                             .msg_controllen = CMSG_LEN(sizeof(int))};
    int fd = log_descriptor();

    if (state.fd < 0 || fd <= STDERR_FILENO) {
        return;
    }
    control.aligned.cmsg_level = SOL_SOCKET;
    control.aligned.cmsg_type = SCM_RIGHTS;
    control.aligned.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.aligned), &fd, sizeof(fd));
    if (sendmsg(state.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        report_unsent("log");
    }
}

/* ---- a new configuration */

static bool known(const struct configuration_child *child)
{
    struct arena arena = {0};
    const char *line = launchable_line(child, &arena);
    const char *user = child->user_name == NULL ? "" : child->user_name;
    bool found = false;

    for (unsigned i = 0; i < state.known_count && !found; i++) {
        found = strcmp(state.known[i].name, child->name) == 0 &&
                strcmp(state.known[i].command, line) == 0 && strcmp(state.known[i].user, user) == 0;
    }
    arena_clear(&arena);
    return found;
}

void launching_reloaded(const struct configuration *configuration)
{
    if (state.fd < 0 || state.adopted) {
        return; /* the launcher's own lines say it when it comes to that */
    }
    for (unsigned i = 0; i < configuration->child_count; i++) {
        if (launchable_is(&configuration->children[i]) && !known(&configuration->children[i])) {
            log_warning("[manager][reload] the command of \"%s\" is new: it takes effect at the "
                        "next start",
                        configuration->children[i].name);
        }
    }
}
