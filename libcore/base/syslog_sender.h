/*
 * syslog_sender - datagrams to the system log that never delay the program.
 *
 * One socket per process.  What the daemon does not take at once is lost; a
 * daemon that is away is looked for at most once a second.
 */
#ifndef LIBCORE_BASE_SYSLOG_SENDER_H
#define LIBCORE_BASE_SYSLOG_SENDER_H

#include "libcore/base/slice.h"

#include <stdbool.h>

/* The value LOG_MAIL ... of a name such as "mail"; -1 when there is none. */
int syslog_facility_find(const char *name);
/* path is copied; NULL is /dev/log. */
void syslog_set_socket(const char *path);
/* Sends "<PRI>Mon DD HH:MM:SS IDENT[PID]: TEXT"; facility and priority as in syslog.h. */
void syslog_send(int facility, int priority, const char *identity, const char *prefix,
                 struct slice text);
/* The next message opens the socket again. */
void syslog_close(void);

#endif
