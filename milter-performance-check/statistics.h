/*
 * statistics - one row for each mail in a file: --report-statistics-data
 * (tools.md section 3).
 *
 * Rows are collected in unlinked temporary files, one for each worker, and written
 * in order of time at the end.  The time is local, in ISO 8601 with microseconds and the offset
 * from UTC ("2026-11-27T12:00:00.250000+01:00"): so it is still the same moment when summer time
 * ends in between, or when somebody elsewhere reads the file.
 */
#ifndef MILTER_PERFORMANCE_CHECK_STATISTICS_H
#define MILTER_PERFORMANCE_CHECK_STATISTICS_H

#include "libcore/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct statistics;

/* Makes sure that path can be written; before the workers are forked. NULL with *error. */
struct statistics *statistics_new(const char *path, unsigned workers, struct error *error);
/* A mail has ended: at that time of clock_nanoseconds, which does not go backwards within a worker;
 * after so many, with so many bytes. */
void statistics_add(struct statistics *statistics, unsigned worker, uint64_t ended,
                    uint64_t elapsed, uint64_t size);
/* The rows not yet in its file; each worker calls it before it ends, and before statistics_write.
 */
bool statistics_flush(struct statistics *statistics, unsigned worker, struct error *error);
/* Writes the file: after all workers have ended. */
bool statistics_write(struct statistics *statistics, struct error *error);
void statistics_free(struct statistics *statistics);

#endif
