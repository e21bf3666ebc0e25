/*
 * replay_report - the outcome of session files: for people, as TAP or as JUnit XML.
 */
#ifndef MILTER_TEST_SERVER_REPLAY_REPORT_H
#define MILTER_TEST_SERVER_REPLAY_REPORT_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"

enum replay_format { REPLAY_TEXT, REPLAY_TAP, REPLAY_JUNIT };

enum replay_outcome {
    REPLAY_PASSED,
    REPLAY_FAILED,  /* answered otherwise, or not played to the end */
    REPLAY_UPDATED, /* the file has been rewritten */
};

struct replay_case {
    const char *name; /* of the file */
    enum replay_outcome outcome;
    double seconds;
    struct slice diff;         /* may be empty */
    const struct error *error; /* why it was not played to the end; ERROR_NONE: it was */
};

bool replay_format_find(const char *name, enum replay_format *format);

/* False: the head tells how many have failed, so everything waits for the last case. */
bool replay_report_streams(enum replay_format format);
/*
 * What stands before the first case, for each case (number from 1), and behind
 * the last.  failed is not looked at where the report streams.
 */
void replay_report_begin(struct buffer *output, enum replay_format format, size_t count,
                         size_t failed);
void replay_report_case(struct buffer *output, enum replay_format format, size_t number,
                        const struct replay_case *outcome);
/* totals: how many had each outcome. */
void replay_report_end(struct buffer *output, enum replay_format format,
                       const size_t totals[REPLAY_UPDATED + 1], double seconds);

#endif
