/*
 * human - figures as people read them: "3 min 20 s", "12.3 MB", "1,234,567".
 *
 * Every function takes what a peer may have made up: a figure that is negative,
 * infinite or none (NAN) becomes an en dash.
 */
#ifndef LIBCORE_BASE_HUMAN_H
#define LIBCORE_BASE_HUMAN_H

#include "libcore/base/buffer.h"

#include <time.h>

struct human {
    char text[64];
};

/* Seconds, in the two largest units. */
struct human human_duration(double seconds);
/* Seconds of a latency: three digits at most, "0.42 ms", "12 ms", "1.25 s". */
struct human human_latency(double seconds);
/* Powers of 1000. */
struct human human_bytes(double bytes);
/* With commas between thousands. */
struct human human_count(double count);
/* For the axis of a chart: "950", "12k", "1.5M". */
struct human human_short_count(double count);
/* "12.3 %"; what is there never becomes "0 %", what is not all never "100 %". */
struct human human_share(double part, double whole);

/* "2026-11-27T11:00:00Z", with or without a fraction; false: it is no such time. */
bool human_parse_time(struct slice text, time_t *time);
/* "11:00:00 UTC", with the date in front of it when that is not the one of now. */
struct human human_time(time_t time, time_t now);
/* "3 min ago", "just now"; "in 3 min" when clocks disagree. */
struct human human_ago(time_t time, time_t now);

#endif
