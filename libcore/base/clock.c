/*
 * clock - time that never runs backwards, for measuring; the time of day, for people.
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

const char *clock_stamp(char stamp[CLOCK_STAMP])
{
    time_t now = time(NULL);
    struct tm utc;

    (void)gmtime_r(&now, &utc);
    (void)strftime(stamp, CLOCK_STAMP, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return stamp;
}
