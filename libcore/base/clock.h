/*
 * clock - what measuring needs: time that never runs backwards.
 */
#ifndef LIBCORE_BASE_CLOCK_H
#define LIBCORE_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC, read now (no system call on usual systems); never 0. */
uint64_t clock_nanoseconds(void);
/* The same in seconds. */
double clock_seconds(void);

#endif
