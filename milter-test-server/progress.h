/*
 * progress - one line on a terminal that says how far a load run is.
 */
#ifndef MILTER_TEST_SERVER_PROGRESS_H
#define MILTER_TEST_SERVER_PROGRESS_H

#include "libcore/net/loop.h"
#include "milter-test-server/measurement.h"

struct progress;

/*
 * Rewrites a line on standard error each half second; does nothing when that is
 * no terminal.  measurement must outlive it.
 */
struct progress *progress_new(struct loop *loop, const struct measurement *measurement);
/* Clears the line. */
void progress_free(struct progress *progress);

#endif
