/*
 * running - finds who listens, by the sockets' numbers in /proc.
 *
 * Sends nothing.  Only processes of this program are looked into.
 */
#include "milter-manager/check/running.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* As the kernel has it in /proc/N/comm. */
static const char program_name[] = "milter-manager";

enum { TCP_LISTENING = 0x0A, UNIX_LISTENING = 0x10000, LINE_SIZE = 512 };

static bool is_manager(long pid)
{
    char path[64], name[64] = "";
    FILE *stream;

    (void)snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
    stream = fopen(path, "re");
    if (stream == NULL) {
        return false;
    }
    if (fgets(name, sizeof(name), stream) != NULL) {
        name[strcspn(name, "\n")] = '\0';
    }
    (void)fclose(stream);
    return strcmp(name, program_name) == 0;
}

/* RUNNING_MANAGER: that process has the socket; RUNNING_HIDDEN: its descriptors cannot be seen. */
static enum running holds(long pid, unsigned long inode)
{
    char path[64], wanted[64], target[64];
    const struct dirent *entry;
    enum running result = RUNNING_OTHER;
    DIR *directory;

    (void)snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    (void)snprintf(path, sizeof(path), "/proc/%ld/fd", pid);
    directory = opendir(path);
    if (directory == NULL) {
        return errno == EACCES ? RUNNING_HIDDEN : RUNNING_OTHER;
    }
    while (result != RUNNING_MANAGER && (entry = readdir(directory)) != NULL) {
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);

        if (length > 0) {
            target[length] = '\0';
            result = strcmp(target, wanted) == 0 ? RUNNING_MANAGER : result;
        }
    }
    (void)closedir(directory);
    return result;
}

static enum running who_holds(unsigned long inode, pid_t *pid)
{
    enum running result = RUNNING_OTHER;
    DIR *directory = opendir("/proc");
    const struct dirent *entry;

    while (directory != NULL && result != RUNNING_MANAGER && (entry = readdir(directory)) != NULL) {
        long number =
            isdigit((unsigned char)entry->d_name[0]) ? strtol(entry->d_name, NULL, 10) : 0;
        enum running found;

        if (number <= 0 || number == (long)getpid() || !is_manager(number)) {
            continue;
        }
        found = holds(number, inode);
        if (found != RUNNING_OTHER) {
            result = found;
            *pid = (pid_t)number;
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    return result;
}

/* The word of that number, 0 the first, up to the next blank; NULL: there are not so many. */
static const char *word_at(const char *line, unsigned number)
{
    line += strspn(line, " ");
    for (; number > 0 && *line != '\0'; number--) {
        line += strcspn(line, " ");
        line += strspn(line, " ");
    }
    return *line != '\0' ? line : NULL;
}

/* "0: 0100007F:2729 00000000:0000 0A 0:0 0:0 0 UID 0 INODE ...": its inode, 0: another one. */
static unsigned long tcp_inode(const char *line, unsigned port)
{
    const char *local = word_at(line, 1), *state = word_at(line, 3), *inode = word_at(line, 9);
    const char *colon = local == NULL ? NULL : strchr(local, ':');

    return colon != NULL && inode != NULL && strtoul(colon + 1, NULL, 16) == port &&
                   strtoul(state, NULL, 16) == TCP_LISTENING
               ? strtoul(inode, NULL, 10)
               : 0;
}

/* "ADDRESS: REFERENCES PROTOCOL FLAGS TYPE STATE INODE PATH" */
static unsigned long unix_inode(const char *line, const char *path)
{
    const char *flags = word_at(line, 3), *inode = word_at(line, 6), *found = word_at(line, 7);

    return found != NULL && (strtoul(flags, NULL, 16) & UNIX_LISTENING) != 0 &&
                   strcmp(found, path) == 0
               ? strtoul(inode, NULL, 10)
               : 0;
}

static unsigned long line_inode(const char *line, const struct socket_address *address)
{
    const struct sockaddr_in *inet = (const void *)&address->storage;
    const struct sockaddr_in6 *inet6 = (const void *)&address->storage;
    const struct sockaddr_un *local = (const void *)&address->storage;

    switch (address->storage.ss_family) {
    case AF_UNIX:
        return unix_inode(line, local->sun_path);
    case AF_INET:
        return tcp_inode(line, ntohs(inet->sin_port));
    default:
        return tcp_inode(line, ntohs(inet6->sin6_port));
    }
}

enum running running_who_listens(const struct socket_address *address, pid_t *pid)
{
    const char *table = address->storage.ss_family == AF_UNIX   ? "/proc/self/net/unix"
                        : address->storage.ss_family == AF_INET ? "/proc/self/net/tcp"
                                                                : "/proc/self/net/tcp6";
    enum running result = RUNNING_OTHER;
    FILE *stream = fopen(table, "re");
    char line[LINE_SIZE];

    *pid = 0;
    while (stream != NULL && result != RUNNING_MANAGER &&
           fgets(line, sizeof(line), stream) != NULL) {
        unsigned long inode;

        line[strcspn(line, "\n")] = '\0';
        inode = line_inode(line, address);
        if (inode != 0) {
            result = who_holds(inode, pid);
        }
    }
    if (stream != NULL) {
        (void)fclose(stream);
    }
    return result;
}

bool running_at_unix(const struct socket_address *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool dead;

    if (fd < 0) {
        return false;
    }
    dead = connect(fd, (const struct sockaddr *)(const void *)&address->storage, address->length) !=
               0 &&
           errno == ECONNREFUSED;
    (void)close(fd);
    return !dead;
}
