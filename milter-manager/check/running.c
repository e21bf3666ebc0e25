/*
 * running - looks for other processes of this program in /proc.  Sends nothing.
 */
#include "milter-manager/check/running.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* As the kernel has it in /proc/N/comm. */
static const char program_name[] = "milter-manager";

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

pid_t running_other_manager(void)
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    long found = 0;

    if (directory == NULL) {
        return 0;
    }
    while (found == 0 && (entry = readdir(directory)) != NULL) {
        long pid = isdigit((unsigned char)entry->d_name[0]) ? strtol(entry->d_name, NULL, 10) : 0;

        if (pid > 0 && pid != (long)getpid() && is_manager(pid)) {
            found = pid;
        }
    }
    (void)closedir(directory);
    return (pid_t)found;
}

/* Who began to listen may have ended since: a daemon leaves the process that started it. */
static pid_t manager_behind(pid_t pid)
{
    if (pid > 0 && is_manager((long)pid)) {
        return pid;
    }
    return pid > 0 && kill(pid, 0) != 0 && errno == ESRCH ? running_other_manager() : 0;
}

bool running_listens_on_unix(const struct socket_address *address, pid_t *pid)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct ucred peer = {0};
    socklen_t length = sizeof(peer);
    bool listens;

    *pid = 0;
    if (fd < 0) {
        return false;
    }
    listens =
        connect(fd, (const struct sockaddr *)(const void *)&address->storage, address->length) == 0;
    if (!listens) {
        listens = errno == EAGAIN; /* a full backlog is a sign of life, too */
    } else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0) {
        *pid = manager_behind(peer.pid);
    }
    (void)close(fd);
    return listens;
}
