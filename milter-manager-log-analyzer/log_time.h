/*
 * log_time - the stamps in front of lines, for log_line.
 *
 * The year a stamp lacks, and which of two equal hours at the end of summer time it means, are
 * understood from the log_clock.  What the date, hour and minute came to is remembered.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_LOG_TIME_H
#define MILTER_MANAGER_LOG_ANALYZER_LOG_TIME_H

#include "milter-manager-log-analyzer/log_line.h"

/*
 * Take a stamp off the front of rest; time: seconds since 1970.  False: none stands there, and
 * rest is of no use.
 */
/* "May  1 10:00:00" (RFC 3164 section 4.1.2), local time, of the latest year it can be from. */
bool log_time_traditional(struct log_clock *clock, struct slice *rest, int64_t *time);
/* "2024-05-01T10:00:00.123456+02:00", "...Z", "...+0200"; local time without an offset. */
bool log_time_iso(struct log_clock *clock, struct slice *rest, int64_t *time);

#endif
