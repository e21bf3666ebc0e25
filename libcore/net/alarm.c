/*
 * alarm - a timer as fine as the clock, on a descriptor of its own.
 */
#include "libcore/net/alarm.h"

#include "libcore/base/memory.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct alarm {
    int fd;
    struct loop_io *io;
    loop_fn *callback;
    void *owner;
};

static void on_ring(void *owner, unsigned events)
{
    struct alarm *alarm = owner;
    uint64_t rings;

    (void)events;
    if (read(alarm->fd, &rings, sizeof(rings)) == (ssize_t)sizeof(rings)) {
        alarm->callback(alarm->owner);
    }
}

struct alarm *alarm_new(struct loop *loop, loop_fn *callback, void *owner, struct error *error)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct alarm *alarm;

    if (fd < 0) {
        error_set_errno(error, "failed to make a timer");
        return NULL;
    }
    alarm = NEW(struct alarm);
    alarm->fd = fd;
    alarm->callback = callback;
    alarm->owner = owner;
    alarm->io = loop_io_new(loop, fd, on_ring, alarm);
    loop_io_watch(alarm->io, LOOP_READ);
    return alarm;
}

void alarm_set(struct alarm *alarm, uint64_t nanoseconds)
{
    const uint64_t second = 1000000000;
    struct itimerspec when = {.it_value = {.tv_nsec = 1}}; /* 0 would switch it off */

    if (nanoseconds > 0) {
        when.it_value.tv_sec = (time_t)(nanoseconds / second);
        when.it_value.tv_nsec = (long)(nanoseconds % second);
    }
    (void)timerfd_settime(alarm->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void alarm_free(struct alarm *alarm)
{
    if (alarm != NULL) {
        loop_io_free(alarm->io);
        close(alarm->fd);
        free(alarm);
    }
}
