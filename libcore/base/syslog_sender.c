/*
 * syslog_sender - datagrams to the system log that never delay the program.
 *
 * Owns the socket and the buffer a datagram is put together in.  Never blocks,
 * never reports failure: there is nowhere to report it to.
 */
#include "libcore/base/syslog_sender.h"

#include "libcore/base/buffer.h"
#include "libcore/base/log_format.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

/* What common daemons take in one message; more would be refused as a whole. */
enum { SYSLOG_TEXT_MAXIMUM = 8000 };

static struct {
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    int fd;
    bool open;
    time_t last_attempt; /* monotonic second + 1; 0: none yet */
    struct buffer datagram;
} sender = {.path = "/dev/log", .fd = -1};

static const struct {
    const char *name;
    int facility;
} FACILITIES[] = {
    {"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"cron", LOG_CRON},
    {"daemon", LOG_DAEMON}, {"ftp", LOG_FTP},           {"kern", LOG_KERN},
    {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},     {"local2", LOG_LOCAL2},
    {"local3", LOG_LOCAL3}, {"local4", LOG_LOCAL4},     {"local5", LOG_LOCAL5},
    {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7},     {"lpr", LOG_LPR},
    {"mail", LOG_MAIL},     {"news", LOG_NEWS},         {"syslog", LOG_SYSLOG},
    {"user", LOG_USER},     {"uucp", LOG_UUCP},
};

int syslog_facility_find(const char *name)
{
    for (size_t i = 0; i < sizeof(FACILITIES) / sizeof(FACILITIES[0]); i++) {
        if (strcmp(FACILITIES[i].name, name) == 0) {
            return FACILITIES[i].facility;
        }
    }
    return -1;
}

void syslog_set_socket(const char *path)
{
    syslog_close();
    sender.last_attempt = 0;
    snprintf(sender.path, sizeof(sender.path), "%s", path == NULL ? "/dev/log" : path);
}

void syslog_close(void)
{
    if (sender.open) {
        close(sender.fd);
        sender.open = false;
    }
    buffer_clear(&sender.datagram);
}

static bool sender_open(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (sender.last_attempt == now.tv_sec + 1) {
        return false;
    }
    sender.last_attempt = now.tv_sec + 1;
    sender.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (sender.fd < 0) {
        return false;
    }
    memcpy(address.sun_path, sender.path, sizeof(sender.path));
    if (connect(sender.fd, (const struct sockaddr *)(const void *)&address, sizeof(address)) != 0) {
        close(sender.fd);
        return false;
    }
    sender.open = true;
    return true;
}

void syslog_send(int facility, int priority, const char *identity, const char *prefix,
                 struct slice text)
{
    struct buffer *datagram = &sender.datagram;

    if (!sender.open && !sender_open()) {
        return;
    }
    if (text.length > SYSLOG_TEXT_MAXIMUM) {
        text.length = SYSLOG_TEXT_MAXIMUM;
    }
    buffer_reset(datagram);
    buffer_append_format(datagram, "<%d>", facility | priority);
    log_format_syslog_time(datagram, time(NULL));
    buffer_append_format(datagram, " %s[%ld]: %s", identity, (long)getpid(), prefix);
    log_format_message(datagram, text);
    struct slice bytes = buffer_slice(datagram);
    ssize_t sent = send(sender.fd, bytes.data, bytes.length, MSG_NOSIGNAL);
    if (sent >= 0 || errno == EAGAIN || errno == ENOBUFS || errno == EMSGSIZE || errno == EINTR) {
        return;
    }
    /* The daemon was started again: its new socket has the old name. */
    close(sender.fd);
    sender.open = false;
    if (sender_open()) {
        (void)!send(sender.fd, bytes.data, bytes.length, MSG_NOSIGNAL);
    }
}
