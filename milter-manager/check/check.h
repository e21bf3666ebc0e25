/*
 * check - milter-manager --check-config: what is wrong, what will be wrong, what
 * could be better, without listening or leaving anything behind.
 */
#ifndef MILTER_MANAGER_CHECK_CHECK_H
#define MILTER_MANAGER_CHECK_CHECK_H

#include "milter-manager/check/finding.h"
#include "milter-manager/check/probe.h"
#include "milter-manager/options.h"

/* What the parts of a check share. */
struct check {
    const struct configuration *configuration;
    struct findings *findings;
    struct probe *probes; /* parallel to the children; not asked: disabled, or no address */
};

/*
 * Loads, looks at the places of the program's own, gives up privileges as a
 * start would, asks the children, advises; the report goes to stream.  Call it
 * last: privileges do not come back.  The exit status: 0, 1 with warnings, 2
 * with errors.  engine_start first.
 */
int check_run(const struct manager_options *options, FILE *stream);

#endif
