/*
 * process - limits, identity, detaching, pid file.
 *
 * Owns the pipe between a daemon and the process that started it.  Never exits
 * except in the processes process_daemonize leaves behind.
 */
#include "libcore/net/process.h"

#include "libcore/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

/* The daemon's end; -1 when there is nobody waiting. */
static int ready_pipe = -1;

unsigned long process_descriptor_limit(void)
{
    struct rlimit limits;

    return getrlimit(RLIMIT_NOFILE, &limits) == 0 ? (unsigned long)limits.rlim_cur : 1024;
}

/* /proc/PID/statm: pages, resident pages, ... */
bool process_resident_memory(pid_t process, uint64_t *bytes)
{
    char text[128], *resident;
    unsigned long long pages;
    FILE *file;
    bool known;

    (void)snprintf(text, sizeof(text), "/proc/%ld/statm", (long)process);
    file = fopen(text, "re");
    if (file == NULL) {
        return false;
    }
    known = fgets(text, sizeof(text), file) != NULL;
    (void)fclose(file);
    resident = known ? strchr(text, ' ') : NULL;
    if (resident == NULL) {
        return false;
    }
    pages = strtoull(resident, NULL, 10);
    *bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return pages > 0;
}

bool process_set_descriptor_limit(unsigned long limit, struct error *error)
{
    struct rlimit limits;

    if (getrlimit(RLIMIT_NOFILE, &limits) != 0) {
        error_set_errno(error, "failed to get limit for RLIMIT_NOFILE");
        return false;
    }
    if (limit == 0) {
        limits.rlim_cur = limits.rlim_max;
    } else {
        limits.rlim_cur = limits.rlim_max = limit;
    }
    if (setrlimit(RLIMIT_NOFILE, &limits) != 0) {
        error_set_errno(error, "failed to set limit for RLIMIT_NOFILE: %lu", limit);
        return false;
    }
    return true;
}

void process_ignore_broken_pipes(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

void process_learn_of_deaths(void)
{
    signal(SIGCHLD, SIG_DFL);
}

void process_follow_parent(pid_t parent)
{
#ifdef __linux__
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
#endif
    if (getppid() != parent) {
        _exit(EXIT_FAILURE); /* its death came before we could be told of it */
    }
}

/* Identity. */

/* (id_t)-1 means "unchanged" to the system calls and is no identity. */
static bool parse_id(const char *text, id_t *id)
{
    char *end = NULL;

    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    *id = (id_t)value;
    return errno == 0 && *end == '\0' && value < (id_t)-1;
}

static void copy_if_fits(char *target, size_t size, const char *text)
{
    size_t length = strlen(text);

    target[0] = '\0';
    if (length < size) {
        memcpy(target, text, length + 1);
    }
}

bool process_find_user(const char *user, struct process_user *found, struct error *error)
{
    id_t id = 0;

    memset(found, 0, sizeof(*found));
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL && parse_id(user, &id)) {
        entry = getpwuid(id);
        if (entry == NULL) {
            found->user = id;
            return true;
        }
    }
    if (entry == NULL) {
        if (errno != 0 && errno != ENOENT && errno != ESRCH) {
            error_set_errno(error, "failed to find password entry for effective user: %s", user);
        } else {
            error_set(error, ERROR_USAGE, "failed to find password entry for effective user: %s",
                      user);
        }
        return false;
    }
    found->known = true;
    found->user = entry->pw_uid;
    found->group = entry->pw_gid;
    copy_if_fits(found->name, sizeof(found->name), entry->pw_name);
    copy_if_fits(found->home, sizeof(found->home), entry->pw_dir);
    return true;
}

bool process_find_group(const char *group, gid_t *found, struct error *error)
{
    id_t id = 0;

    errno = 0;
    const struct group *entry = getgrnam(group);
    if (entry != NULL) {
        *found = entry->gr_gid;
        return true;
    }
    if (parse_id(group, &id)) {
        *found = id;
        return true;
    }
    if (errno != 0 && errno != ENOENT && errno != ESRCH) {
        error_set_errno(error, "failed to find group entry for: %s", group);
    } else {
        error_set(error, ERROR_USAGE, "failed to find group entry for: %s", group);
    }
    return false;
}

static bool change_groups(const struct process_user *user, gid_t group, struct error *error)
{
    if (setgid(group) != 0) {
        error_set_errno(error, "failed to change group ID to %lu", (unsigned long)group);
        return false;
    }
    int status = user->name[0] != '\0' ? initgroups(user->name, group) : setgroups(1, &group);
    if (status != 0) {
        error_set_errno(error, "failed to set supplementary groups of user ID %lu",
                        (unsigned long)user->user);
        return false;
    }
    return true;
}

bool process_drop_privileges(const char *user, const char *group, struct error *error)
{
    const char *user_text = user == NULL || user[0] == '\0' ? "nobody" : user;
    struct process_user found;

    if (geteuid() != 0) {
        return true;
    }
    if (!process_find_user(user_text, &found, error)) {
        return false;
    }
    gid_t group_id = found.group;
    if (group != NULL && group[0] != '\0') {
        if (!process_find_group(group, &group_id, error)) {
            return false;
        }
    } else if (!found.known) {
        error_set(error, ERROR_USAGE,
                  "user has no password entry and therefore no primary group; set a group: %s",
                  user_text);
        return false;
    }
    if (!change_groups(&found, group_id, error)) {
        return false;
    }
    if (setuid(found.user) != 0) {
        error_set_errno(error, "failed to change user ID to %lu", (unsigned long)found.user);
        return false;
    }
    if (found.user != 0 && setuid(0) == 0) {
        error_set(error, ERROR_SYSTEM, "user ID 0 can be taken back after changing to %s",
                  user_text);
        return false;
    }
    return true;
}

/* Detaching. */

/* In the process that was started: one byte means ready, the end of file means dead. */
static _Noreturn void wait_for_daemon(int fd, pid_t child)
{
    char byte;
    ssize_t count;

    waitpid(child, NULL, 0);
    do {
        count = read(fd, &byte, 1);
    } while (count < 0 && errno == EINTR);
    _exit(count == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void redirect_to_null(int first, int last)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int fd = first; null >= 0 && fd <= last; fd++) {
        /* dup2 clears close-on-exec unless both are the same. */
        if (fd == null) {
            fcntl(fd, F_SETFD, 0);
        } else {
            dup2(null, fd);
        }
    }
    if (null > STDERR_FILENO) {
        close(null);
    }
}

/* In the child: a new session, and no way back to a controlling terminal. */
static bool detach(process_fork_fn *fork_process, struct error *error)
{
    if (setsid() < 0) {
        error_set_errno(error, "failed to create a session");
        return false;
    }
    pid_t grandchild = fork_process();
    if (grandchild < 0) {
        error_set_errno(error, "failed to fork the daemon process");
        return false;
    }
    if (grandchild > 0) {
        _exit(EXIT_SUCCESS);
    }
    if (chdir("/") != 0) {
        error_set_errno(error, "failed to change directory to /");
        return false;
    }
    umask(0);
    redirect_to_null(STDIN_FILENO, STDOUT_FILENO);
    return true;
}

bool process_daemonize(struct error *error)
{
    return process_daemonize_by(fork, error);
}

bool process_daemonize_by(process_fork_fn *fork_process, struct error *error)
{
    int ends[2];

    log_detach_terminal();
    fflush(NULL);
    if (pipe2(ends, O_CLOEXEC) != 0) {
        error_set_errno(error, "failed to create a pipe to the daemon process");
        return false;
    }
    pid_t child = fork_process();
    if (child < 0) {
        error_set_errno(error, "failed to fork the daemon process");
        close(ends[0]);
        close(ends[1]);
        return false;
    }
    if (child > 0) {
        close(ends[1]);
        wait_for_daemon(ends[0], child);
    }
    close(ends[0]);
    ready_pipe = ends[1];
    return detach(fork_process, error);
}

void process_ready(void)
{
    if (ready_pipe < 0) {
        return;
    }
    redirect_to_null(STDERR_FILENO, STDERR_FILENO);
    (void)!write(ready_pipe, "r", 1);
    close(ready_pipe);
    ready_pipe = -1;
}

/* The pid file. */

/* What is not a regular file (/dev/stdout, say) is not ours to remove. */
static void remove_regular_file(int fd, const char *path)
{
    struct stat status;

    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
        (void)unlink(path);
    }
}

/*
 * What another process has written there is overwritten, not emptied first: who
 * reads meanwhile finds one number or the other.
 */
bool process_write_pid_file(const char *path, struct error *error)
{
    char text[32];
    int length = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    mode_t mask = umask(022);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);

    umask(mask);
    if (fd < 0) {
        error_set_errno(error, "failed to create pid file: <%s>", path);
        return false;
    }
    errno = 0;
    bool written = write(fd, text, (size_t)length) == length;
    if (written) {
        (void)!ftruncate(fd, length); /* /dev/stdout, say, has no length */
    }
    if (!written) {
        errno = errno == 0 ? ENOSPC : errno;
        error_set_errno(error, "failed to write pid file: <%s>", path);
        remove_regular_file(fd, path);
    }
    close(fd);
    return written;
}

void process_remove_pid_file(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return;
    }
    ssize_t count = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (count > 0 && strtol(text, NULL, 10) == (long)getpid() && unlink(path) != 0) {
        log_warning("[process][pid-file][error] failed to remove pid file: <%s>: %s", path,
                    strerror(errno));
    }
}
