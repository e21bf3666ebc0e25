/*
 * clock - time that never runs backwards, for measuring; the time of day, for people.
 */
#ifndef LIBCORE_BASE_CLOCK_H
#define LIBCORE_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC, read now (no system call on usual systems); never 0. */
uint64_t clock_nanoseconds(void);
/* The same in seconds. */
double clock_seconds(void);

enum { CLOCK_STAMP = 32 }; /* bytes of a stamp, NUL included */
/* The time of day in UTC: "2024-05-01T10:00:00Z". */
const char *clock_stamp(char stamp[CLOCK_STAMP]);

#endif
