/*
 * failure - the sentence a user reads when a session failed: the peer, the
 * stage, the system's word or the time-out, the bytes seen, and what a silent
 * peer may mean.  Pure functions.
 */
#ifndef MILTER_TEST_SERVER_FAILURE_H
#define MILTER_TEST_SERVER_FAILURE_H

#include "libcore/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct failure {
    enum error_code code;
    const char *peer;
    const char *stage; /* "connect", ...: whose reply was awaited, or what was about to be sent */
    size_t bytes_read;
    size_t bytes_written;
    double seconds; /* that were waited, with ERROR_TIMEOUT */
};

/* No connection came about: spec as the user wrote it, cause as the stream tells it. */
void failure_to_connect(struct error *error, const char *spec, double seconds,
                        const struct error *cause);
/* No reply in time.  limit: "reading" or "end-of-message". */
void failure_of_silence(struct error *error, const struct failure *failure, const char *limit);
/* Anything else: sentence says what happened and names the peer. */
void failure_describe(struct error *error, const struct failure *failure, const char *sentence);

#endif
