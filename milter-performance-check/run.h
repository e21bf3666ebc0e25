/*
 * run - all of a run: mails, workers, what is said meanwhile, the report.
 */
#ifndef MILTER_PERFORMANCE_CHECK_RUN_H
#define MILTER_PERFORMANCE_CHECK_RUN_H

#include "milter-performance-check/plan.h"

enum run_status {
    RUN_WELL = 0,
    RUN_FOUND_WANTING = 1, /* --fail-on or --max-p99 */
    RUN_IMPOSSIBLE = 2,    /* mail files, servers, memory, the report: standard error says what */
};

/* The plan's servers are resolved already; they remember which address works. */
enum run_status run(struct plan *plan);

#endif
