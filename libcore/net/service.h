/*
 * service - what a service manager is told (sd_notify(3)).
 *
 * Without a service manager, and in a program built without libsystemd, nobody
 * is told and nothing else happens.
 */
#ifndef LIBCORE_NET_SERVICE_H
#define LIBCORE_NET_SERVICE_H

#include <sys/types.h>

/* Ready to work; also after service_reloading.  main_process: the one to watch. */
void service_ready(pid_t main_process);
void service_reloading(void);
void service_stopping(void);
/* Another process has taken over. */
void service_main_process(pid_t main_process);
/* One line for people. */
void service_status(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Alive: to be called more often than every service_watchdog seconds; 0: nobody watches. */
void service_alive(void);
double service_watchdog(void);
/* A forked process is not the service. */
void service_forget(void);

#endif
