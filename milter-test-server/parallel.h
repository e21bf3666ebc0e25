/*
 * parallel - the same session once or several times at once, and one report of
 * them all.
 */
#ifndef MILTER_TEST_SERVER_PARALLEL_H
#define MILTER_TEST_SERVER_PARALLEL_H

#include "milter-test-server/session.h"

struct parallel {
    const struct session_plan *plan;
    unsigned sessions;   /* at least 1 */
    bool output_message; /* needs plan->keep_message */
    bool colour;
};

/* Runs them, prints the report.  False: a session failed, standard error says why. */
bool parallel_run(const struct parallel *parallel);

#endif
