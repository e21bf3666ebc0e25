/*
 * upgrade - executes the program anew, with the sockets that are open.
 *
 * Owns the new process until it is ready.  Whatever goes wrong with it, this
 * process stays as it is.
 */
#include "milter-manager/process/upgrade.h"

#include "libcore/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define UPGRADE_READY "ready"

enum {
    UPGRADE_SOCKETS = 8,
    UPGRADE_TIMEOUT = 60, /* s until the new process is ready: a configuration may take its time */
    UPGRADE_NOT_ARRANGED = 126,
    UPGRADE_NOT_EXECUTED = 127,
    UPGRADE_BURIALS = 100, /* looks after a process that has closed its pipe and not ended yet */
};

/*
 * What the new process says, in one write: one of these bytes and what belongs to
 * it.  The program may be of another version: more may follow, and is left.
 */
enum {
    UPGRADE_SAYS_READY = 'r',  /* and UPGRADE_KEPT_* */
    UPGRADE_SAYS_FAILED = 'f', /* and errno */
    UPGRADE_SAYS_WHY = 'w',    /* and a sentence; then it ends */
    UPGRADE_SENTENCE = 500,    /* bytes of that */
};

static const double upgrade_burial = 0.02; /* s between them */

static struct {
    char **arguments;
    char file[PATH_MAX];
    char directory[PATH_MAX];
} program;

static int ready_pipe = -1; /* of the new process */

/*
 * Not by the link in /proc at the time of the upgrade: the file may have been
 * replaced, which is what it is all about.
 */
void upgrade_remember(char **argv)
{
    ssize_t length = readlink("/proc/self/exe", program.file, sizeof(program.file) - 1);

    program.arguments = argv;
    if (length > 0) {
        program.file[length] = '\0';
    } else if (strchr(argv[0], '/') == NULL || realpath(argv[0], program.file) == NULL) {
        (void)snprintf(program.file, sizeof(program.file), "%s", argv[0]);
    }
    if (getcwd(program.directory, sizeof(program.directory)) == NULL) {
        program.directory[0] = '\0';
    }
}

/* ---- the former process */

struct upgrade {
    struct loop *loop;
    pid_t process;
    int pipe; /* -1: closed */
    struct loop_io *io;
    struct loop_timer *timer;
    unsigned burials;
    bool killed;
    int error_number; /* why it could not be executed; 0: it has not said so */
    char sentence[UPGRADE_SENTENCE];
    upgrade_ended_fn *ended;
    void *owner;
};

static void upgrade_end(struct upgrade *upgrade, pid_t process, unsigned kept, const char *reason)
{
    upgrade_ended_fn *ended = upgrade->ended;
    void *owner = upgrade->owner;

    upgrade->process = 0;
    upgrade_free(upgrade);
    ended(owner, process, kept, reason);
}

static void upgrade_describe(const struct upgrade *upgrade, int status, char *text, size_t size)
{
    if (upgrade->killed) {
        (void)snprintf(text, size, "it was not ready within %d seconds and was ended",
                       UPGRADE_TIMEOUT);
    } else if (WIFSIGNALED(status)) {
        (void)snprintf(text, size, "it was killed by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) == UPGRADE_NOT_EXECUTED && upgrade->error_number != 0) {
        (void)snprintf(text, size, "%s cannot be executed: %s", program.file,
                       strerror(upgrade->error_number));
    } else if (WEXITSTATUS(status) == UPGRADE_NOT_ARRANGED && upgrade->error_number != 0) {
        (void)snprintf(text, size, "the sockets cannot be handed over: %s",
                       strerror(upgrade->error_number));
    } else {
        (void)snprintf(text, size, "it ended with status %d%s%s", WEXITSTATUS(status),
                       upgrade->sentence[0] != '\0' ? ": " : "; its messages say why",
                       upgrade->sentence);
    }
}

/* It has closed its end: it ends, and soon. */
static void upgrade_bury(struct upgrade *upgrade)
{
    char reason[PATH_MAX + UPGRADE_SENTENCE];
    int status = 0;
    pid_t buried = waitpid(upgrade->process, &status, WNOHANG);

    if (buried == 0 && upgrade->burials++ < UPGRADE_BURIALS) {
        loop_timer_start(upgrade->timer, upgrade_burial);
        return;
    }
    if (buried == 0) {
        (void)kill(upgrade->process, SIGKILL);
        (void)waitpid(upgrade->process, &status, 0);
    }
    upgrade_describe(upgrade, status, reason, sizeof(reason));
    upgrade_end(upgrade, 0, 0, reason);
}

static void upgrade_overdue(void *owner)
{
    struct upgrade *upgrade = owner;

    if (upgrade->io == NULL) {
        upgrade_bury(upgrade);
        return;
    }
    upgrade->killed = true;
    (void)kill(upgrade->process, SIGKILL); /* the end of the pipe follows */
}

static void upgrade_heard(void *owner, unsigned events)
{
    struct upgrade *upgrade = owner;
    unsigned char message[UPGRADE_SENTENCE] = {0};
    ssize_t count = read(upgrade->pipe, message, sizeof(message));

    (void)events;
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (count > 0 && message[0] == UPGRADE_SAYS_READY) {
        upgrade_end(upgrade, upgrade->process, message[1], NULL);
        return;
    }
    if (count > 0 && message[0] == UPGRADE_SAYS_FAILED) {
        upgrade->error_number = message[1];
    }
    if (count > 0 && message[0] == UPGRADE_SAYS_WHY) {
        (void)snprintf(upgrade->sentence, sizeof(upgrade->sentence), "%.*s", (int)count - 1,
                       (const char *)message + 1);
        return;
    }
    loop_io_free(upgrade->io);
    upgrade->io = NULL;
    upgrade_bury(upgrade);
}

/* In the new process: only what is safe after a fork in a program with threads. */
static _Noreturn void upgrade_execute(const struct activation_socket *sockets, unsigned count,
                                      char **environment, char *process)
{
    static const int handled[] = {SIGPIPE, SIGXFSZ, SIGCHLD, SIGTERM, SIGINT, SIGALRM};
    /* A reload or a new log file is not for a process that has yet to begin with either. */
    static const int early[] = {SIGHUP, SIGUSR1, SIGUSR2};
    unsigned char message[2] = {UPGRADE_SAYS_FAILED, 0};
    int status = UPGRADE_NOT_ARRANGED, told = sockets[count - 1].fd;
    sigset_t none;

    activation_set_process(process, (long)getpid());
    for (unsigned i = 0; i < sizeof(handled) / sizeof(handled[0]); i++) {
        (void)signal(handled[i], SIG_DFL);
    }
    for (unsigned i = 0; i < sizeof(early) / sizeof(early[0]); i++) {
        (void)signal(early[i], SIG_IGN);
    }
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    /* Where it is gone, or closed to this user, absolute names still work. */
    if (program.directory[0] != '\0' && chdir(program.directory) != 0) {
        (void)!chdir("/");
    }
    if (activation_arrange(sockets, count)) {
        status = UPGRADE_NOT_EXECUTED;
        told = activation_arranged(count - 1);
        (void)execve(program.file, program.arguments, environment);
    }
    message[1] = (unsigned char)errno;
    (void)!write(told, message, sizeof(message));
    _exit(status);
}

static pid_t upgrade_fork(const struct activation_socket *sockets, unsigned count,
                          struct error *error)
{
    /* The watchdog's process changes, and who is told follows by MAINPID. */
    static const char *const left_out[] = {"WATCHDOG_PID", NULL};
    sigset_t all, before;
    char *process = NULL;
    char **environment = activation_environment(sockets, count, left_out, &process);
    pid_t child;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before); /* handlers are the parent's business */
    child = fork();
    if (child == 0) {
        upgrade_execute(sockets, count, environment, process);
    }
    if (child < 0) {
        error_set_errno(error, "cannot fork");
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    free(environment);
    return child;
}

struct upgrade *upgrade_start(struct loop *loop, const struct activation_socket *sockets,
                              unsigned count, upgrade_ended_fn *ended, void *owner,
                              struct error *error)
{
    struct activation_socket handed[UPGRADE_SOCKETS];
    struct upgrade *upgrade;
    pid_t process;
    int ends[2];

    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        error_set_errno(error, "cannot create a pipe to the new process");
        return NULL;
    }
    memcpy(handed, sockets, count * sizeof(*sockets));
    handed[count] = (struct activation_socket){UPGRADE_READY, ends[1]};
    process = upgrade_fork(handed, count + 1, error);
    (void)close(ends[1]);
    if (process < 0) {
        (void)close(ends[0]);
        return NULL;
    }
    upgrade = NEW(struct upgrade);
    upgrade->loop = loop;
    upgrade->process = process;
    upgrade->pipe = ends[0];
    upgrade->ended = ended;
    upgrade->owner = owner;
    upgrade->timer = loop_timer_new(loop, upgrade_overdue, upgrade);
    upgrade->io = loop_io_new(loop, upgrade->pipe, upgrade_heard, upgrade);
    loop_io_watch(upgrade->io, LOOP_READ);
    loop_timer_start(upgrade->timer, UPGRADE_TIMEOUT);
    return upgrade;
}

void upgrade_free(struct upgrade *upgrade)
{
    if (upgrade == NULL) {
        return;
    }
    if (upgrade->process > 0) {
        (void)kill(upgrade->process, SIGTERM);
    }
    loop_io_free(upgrade->io);
    loop_timer_free(upgrade->timer);
    (void)close(upgrade->pipe);
    free(upgrade);
}

void upgrade_abandon(struct upgrade *upgrade)
{
    if (upgrade != NULL) {
        upgrade->process = 0;
        upgrade_free(upgrade);
    }
}

/* ---- the new process */

bool upgrade_begin(void)
{
    ready_pipe = activation_take(UPGRADE_READY);
    return ready_pipe >= 0;
}

void upgrade_failed(const char *sentence)
{
    static bool said;
    char message[UPGRADE_SENTENCE];
    int length;

    if (ready_pipe >= 0 && !said) {
        said = true;
        length = snprintf(message, sizeof(message), "%c%s", UPGRADE_SAYS_WHY, sentence);
        (void)!write(ready_pipe, message,
                     length < UPGRADE_SENTENCE ? (size_t)length : sizeof(message) - 1);
    }
}

void upgrade_ready(unsigned kept)
{
    const unsigned char message[2] = {UPGRADE_SAYS_READY, (unsigned char)kept};

    if (ready_pipe >= 0) {
        (void)!write(ready_pipe, message, sizeof(message));
        (void)close(ready_pipe);
        ready_pipe = -1;
    }
}
