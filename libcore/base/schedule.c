/*
 * schedule - when which session is to start.  Pure functions of the time.
 */
#include "libcore/base/schedule.h"

static const double second = 1e9;
static const double never = 9e18; /* 285 years: no clock shows that */

static uint64_t limited(const struct schedule *schedule, uint64_t count)
{
    return schedule->limit > 0 && count > schedule->limit ? schedule->limit : count;
}

uint64_t schedule_time(const struct schedule *schedule, uint64_t number)
{
    double offset;

    if (schedule->rate <= 0) {
        return schedule->start;
    }
    offset = (double)number / schedule->rate * second;
    return offset < never ? schedule->start + (uint64_t)offset : UINT64_MAX;
}

/* How many sessions of an open schedule come before that time. */
static uint64_t arrivals_before(const struct schedule *schedule, uint64_t time)
{
    uint64_t count;

    if (time <= schedule->start) {
        return 0;
    }
    count = (uint64_t)((double)(time - schedule->start) / second * schedule->rate);
    /* schedule_time has the last word, not the rounding above. */
    while (count > 0 && schedule_time(schedule, count - 1) >= time) {
        count--;
    }
    while (schedule_time(schedule, count) < time) {
        count++;
    }
    return count;
}

static bool ended(const struct schedule *schedule, uint64_t now)
{
    return schedule->duration > 0 && now >= schedule->start + schedule->duration;
}

uint64_t schedule_due(const struct schedule *schedule, uint64_t now)
{
    if (now < schedule->start) {
        return 0;
    }
    if (schedule->rate <= 0) {
        return ended(schedule, now) ? 0 : limited(schedule, UINT64_MAX);
    }
    /* What was due before the end stays due after it. */
    return limited(schedule, arrivals_before(schedule, ended(schedule, now)
                                                           ? schedule->start + schedule->duration
                                                           : now + 1));
}

bool schedule_over(const struct schedule *schedule, uint64_t started, uint64_t now)
{
    if (schedule->limit > 0 && started >= schedule->limit) {
        return true;
    }
    if (!ended(schedule, now)) {
        return false;
    }
    return schedule->rate <= 0 || started >= schedule_due(schedule, now);
}
