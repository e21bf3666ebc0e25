/*
 * load_report - what a load run has measured, for people, for programs and for
 * tables.  Appends to the caller's buffer and prints nothing itself.
 */
#ifndef MILTER_TEST_SERVER_LOAD_REPORT_H
#define MILTER_TEST_SERVER_LOAD_REPORT_H

#include "milter-test-server/load_options.h"
#include "milter-test-server/measurement.h"

struct load_report {
    const char *peer; /* the specification */
    const struct load_options *options;
    const struct measurement *measurement;
    const char *stopped; /* why before its time; NULL: it ran to its end */
};

/* In the form of the options. */
void load_report_append(struct buffer *output, const struct load_report *report);
/* "COUNT sessions failed: TEXT" lines. */
void load_report_failures(struct buffer *output, const struct measurement *measurement);

#endif
