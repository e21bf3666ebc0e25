/*
 * service - what a service manager is told (sd_notify(3)).
 */
#include "libcore/net/service.h"

#include "libcore/base/clock.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>

static void service_tell(const char *state)
{
    (void)sd_notify(0, state);
}

double service_watchdog(void)
{
    uint64_t microseconds = 0;

    return sd_watchdog_enabled(0, &microseconds) > 0 ? (double)microseconds / 1e6 : 0;
}
#else
static void service_tell(const char *state)
{
    (void)state;
}

double service_watchdog(void)
{
    return 0;
}
#endif

enum { SERVICE_LINE = 512 };

void service_ready(pid_t main_process)
{
    char state[64];

    (void)snprintf(state, sizeof(state), "READY=1\nMAINPID=%ld", (long)main_process);
    service_tell(state);
}

/* The time tells a manager of notify-reload services which reload is meant. */
void service_reloading(void)
{
    char state[64];

    (void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
                   (unsigned long long)(clock_seconds() * 1e6));
    service_tell(state);
}

void service_stopping(void)
{
    service_tell("STOPPING=1");
}

void service_main_process(pid_t main_process)
{
    char state[64];

    (void)snprintf(state, sizeof(state), "MAINPID=%ld", (long)main_process);
    service_tell(state);
}

void service_status(const char *format, ...)
{
    char state[SERVICE_LINE] = "STATUS=";
    size_t length = strlen(state);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(state + length, sizeof(state) - length, format, arguments);
    va_end(arguments);
    for (char *byte = state; *byte != '\0'; byte++) {
        if (*byte == '\n') {
            *byte = ' ';
        }
    }
    service_tell(state);
}

void service_alive(void)
{
    service_tell("WATCHDOG=1");
}

void service_forget(void)
{
    (void)unsetenv("NOTIFY_SOCKET");
}
