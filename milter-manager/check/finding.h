/*
 * finding - what a check finds out: grouped lines with a severity, and a sum.
 */
#ifndef MILTER_MANAGER_CHECK_FINDING_H
#define MILTER_MANAGER_CHECK_FINDING_H

#include "milter-manager/config/configuration.h"

#include <stdio.h>

enum finding_severity {
    FINDING_OK,
    FINDING_NOTE, /* worth knowing, nothing to do */
    FINDING_WARNING,
    FINDING_ERROR,
    FINDING_SEVERITIES,
};

struct findings {
    FILE *stream; /* the caller's */
    bool colour;
    const char *group; /* not printed yet, or NULL */
    bool any;
    unsigned counts[FINDING_SEVERITIES];
};

/* Lines go to stream as they are added. */
void findings_init(struct findings *findings, FILE *stream, bool colour);
/* The heading of the findings that follow; not printed when there are none.  Not copied. */
void findings_group(struct findings *findings, const char *heading);
/* One line; location.line 0: none. */
void findings_add(struct findings *findings, enum finding_severity severity,
                  struct location location, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A line that belongs to the last finding; marked: the one that matters. */
void findings_detail(struct findings *findings, bool marked, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The last line; the exit status: 0, 1 with warnings, 2 with errors. */
int findings_finish(struct findings *findings);

#endif
