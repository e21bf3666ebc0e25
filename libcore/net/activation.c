/*
 * activation - sockets that were open when the program was executed.
 *
 * Owns the descriptors nobody has taken; never closes one.
 */
#include "libcore/net/activation.h"

#include "libcore/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ACTIVATION_FIRST = 3,    /* sd_listen_fds(3) */
    ACTIVATION_MAXIMUM = 16, /* more than any setup of this program makes sense of */
    ACTIVATION_NAME = 256,   /* sd_listen_fds(3) allows 255 bytes */
    ACTIVATION_DIGITS = 20,
};

static struct {
    char name[ACTIVATION_NAME];
    int fd; /* -1: taken */
} given[ACTIVATION_MAXIMUM];
static unsigned given_count;

/* ---- what was handed over */

static bool activation_number(const char *name, long *number)
{
    const char *text = getenv(name);
    char *end;

    if (text == NULL) {
        return false;
    }
    errno = 0;
    *number = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0';
}

static void activation_name(unsigned number, const char **names)
{
    size_t length = *names == NULL ? 0 : strcspn(*names, ":");

    if (length >= ACTIVATION_NAME) {
        length = ACTIVATION_NAME - 1;
    }
    if (length > 0) {
        memcpy(given[number].name, *names, length);
    }
    given[number].name[length] = '\0';
    if (*names != NULL) {
        *names = strchr(*names, ':');
        *names = *names == NULL ? NULL : *names + 1;
    }
}

static void activation_forget_environment(void)
{
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
}

bool activation_begin(struct error *error)
{
    long process = 0, count = 0;
    const char *names = getenv("LISTEN_FDNAMES");

    given_count = 0;
    if (!activation_number("LISTEN_PID", &process) || process != (long)getpid()) {
        activation_forget_environment();
        return true;
    }
    if (!activation_number("LISTEN_FDS", &count) || count < 0 || count > ACTIVATION_MAXIMUM) {
        error_set(error, ERROR_USAGE,
                  "LISTEN_FDS: the number of sockets handed over must be 0 to %d: <%s>",
                  ACTIVATION_MAXIMUM, getenv("LISTEN_FDS") == NULL ? "" : getenv("LISTEN_FDS"));
        return false;
    }
    for (unsigned i = 0; i < (unsigned)count; i++) {
        given[i].fd = ACTIVATION_FIRST + (int)i;
        if (fcntl(given[i].fd, F_SETFD, FD_CLOEXEC) != 0) {
            error_set_errno(error, "LISTEN_FDS: descriptor %d was not handed over", given[i].fd);
            return false;
        }
        activation_name(i, &names);
    }
    given_count = (unsigned)count;
    activation_forget_environment();
    return true;
}

int activation_take(const char *name)
{
    for (unsigned i = 0; i < given_count; i++) {
        if (given[i].fd >= 0 && strcmp(given[i].name, name) == 0) {
            int fd = given[i].fd;

            given[i].fd = -1;
            return fd;
        }
    }
    return -1;
}

bool activation_left(const char **name, int *fd)
{
    for (unsigned i = 0; i < given_count; i++) {
        if (given[i].fd >= 0) {
            *name = given[i].name;
            *fd = given[i].fd;
            given[i].fd = -1;
            return true;
        }
    }
    return false;
}

/* ---- handing over */

bool activation_arrange(const struct activation_socket *sockets, unsigned count)
{
    int copies[ACTIVATION_MAXIMUM];

    /* Out of the way first: one may stand where another one belongs. */
    for (unsigned i = 0; i < count; i++) {
        copies[i] = fcntl(sockets[i].fd, F_DUPFD_CLOEXEC, ACTIVATION_FIRST + ACTIVATION_MAXIMUM);
        if (copies[i] < 0) {
            return false;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (dup2(copies[i], ACTIVATION_FIRST + (int)i) < 0) {
            return false;
        }
    }
    return true;
}

int activation_arranged(unsigned number)
{
    return ACTIVATION_FIRST + (int)number;
}

static bool activation_is_one_of(const char *entry, const char *const *names)
{
    for (; names != NULL && *names != NULL; names++) {
        size_t length = strlen(*names);

        if (strncmp(entry, *names, length) == 0 && entry[length] == '=') {
            return true;
        }
    }
    return false;
}

static size_t activation_names_size(const struct activation_socket *sockets, unsigned count)
{
    size_t size = sizeof("LISTEN_FDNAMES=");

    for (unsigned i = 0; i < count; i++) {
        size += strlen(sockets[i].name) + 1;
    }
    return size;
}

/* One block: the pointers, and behind them the texts of our own. */
char **activation_environment(const struct activation_socket *sockets, unsigned count,
                              const char *const *left_out, char **process)
{
    static const char *const own[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", NULL};
    size_t entries = 0, kept = 0;
    size_t names_size = activation_names_size(sockets, count);
    char **environment;
    char *text;

    while (environ[entries] != NULL) {
        entries++;
    }
    environment =
        memory_new(1, (entries + 4) * sizeof(char *) + names_size + (size_t)4 * ACTIVATION_DIGITS);
    text = (char *)(environment + entries + 4);
    for (size_t i = 0; i < entries; i++) {
        if (!activation_is_one_of(environ[i], own) && !activation_is_one_of(environ[i], left_out)) {
            environment[kept++] = environ[i];
        }
    }
    environment[kept++] = text;
    text += sprintf(text, "LISTEN_FDS=%u", count) + 1;
    environment[kept++] = text;
    text += sprintf(text, "LISTEN_FDNAMES=");
    for (unsigned i = 0; i < count; i++) {
        text += sprintf(text, "%s%s", i == 0 ? "" : ":", sockets[i].name);
    }
    environment[kept++] = ++text;
    *process = text + sprintf(text, "LISTEN_PID=");
    environment[kept] = NULL;
    return environment;
}

void activation_set_process(char *process, long pid)
{
    char digits[ACTIVATION_DIGITS];
    unsigned count = 0;

    do {
        digits[count++] = (char)('0' + pid % 10);
        pid /= 10;
    } while (pid > 0 && count < sizeof(digits));
    while (count > 0) {
        *process++ = digits[--count];
    }
    *process = '\0';
}
