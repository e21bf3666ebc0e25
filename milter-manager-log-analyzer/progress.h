/*
 * progress - one line on a terminal that says how far the logs are read.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_PROGRESS_H
#define MILTER_MANAGER_LOG_ANALYZER_PROGRESS_H

#include "milter-manager-log-analyzer/update.h"

struct progress {
    bool shown;
    double first_part; /* of the first time: a log may be read from its middle on */
    double first_seconds;
    uint64_t lines; /* by the time before, and its seconds */
    double seconds;
};

/* Appends the line, without anything that moves the cursor. part: below 0: not known. */
void progress_line(struct progress *progress, const struct update_report *report, double part,
                   struct buffer *text);
/* Rewrites it on standard error. */
void progress_show(struct progress *progress, const struct update_report *report, double part);
/* Takes it away, when it is there. */
void progress_clear(struct progress *progress);

#endif
