/*
 * clock - what measuring needs: time that never runs backwards.
 */
#include "libcore/base/clock.h"

#include <time.h>

uint64_t clock_nanoseconds(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    /* One more, so that 0 may stand for "not yet". */
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec + 1;
}

double clock_seconds(void)
{
    return (double)clock_nanoseconds() / 1e9;
}
