/*
 * load - many sessions, as fast as the filter ends them or at a given rate, and
 * the report on them.
 */
#ifndef MILTER_TEST_SERVER_LOAD_H
#define MILTER_TEST_SERVER_LOAD_H

#include "milter-test-server/load_options.h"
#include "milter-test-server/session.h"

/*
 * Runs until the options are met or SIGINT comes, prints the report.  False: a
 * session failed, or nothing could be measured (standard error says why).
 */
bool load_run(const struct session_plan *plan, const struct load_options *options);

#endif
