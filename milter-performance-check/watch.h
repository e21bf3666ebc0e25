/*
 * watch - what is said while a run goes on: the periodic table on standard output,
 * and on a terminal a line with rate, time left and failures on standard error.
 *
 * Reads the measurements of the workers from time to time; changes nothing.
 */
#ifndef MILTER_PERFORMANCE_CHECK_WATCH_H
#define MILTER_PERFORMANCE_CHECK_WATCH_H

#include "libcore/net/loop.h"
#include "milter-performance-check/measurement.h"
#include "milter-performance-check/plan.h"

struct watch;

/* measurements: one for each worker, begun. */
struct watch *watch_new(struct loop *loop, const struct plan *plan,
                        const struct measurement *measurements, size_t count);
/* Something is to be written on standard error meanwhile: clears the line. */
void watch_clear_line(struct watch *watch);
/* The last row, then an empty line behind a table; clears the line; frees. */
void watch_free(struct watch *watch);

#endif
