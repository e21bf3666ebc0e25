/*
 * alarm - a timer as fine as the clock, for schedules.
 *
 * The timers of the loop are made for time-outs: started again for nothing,
 * exact to a millisecond.  An alarm costs one system call each time it is set
 * and rings within the system's own precision.
 */
#ifndef LIBCORE_NET_ALARM_H
#define LIBCORE_NET_ALARM_H

#include "libcore/base/error.h"
#include "libcore/net/loop.h"

#include <stdint.h>

struct alarm;

/* NULL with *error when the system has none left. */
struct alarm *alarm_new(struct loop *loop, loop_fn *callback, void *owner, struct error *error);
/* Rings once at that time of clock_nanoseconds, at once when it has passed; setting it again moves
 * it. */
void alarm_set(struct alarm *alarm, uint64_t nanoseconds);
/* NULL is fine. */
void alarm_free(struct alarm *alarm);

#endif
