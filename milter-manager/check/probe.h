/*
 * probe - asks milters whether they are there: connects, negotiates, says
 * goodbye, all of them at the same time.
 */
#ifndef MILTER_MANAGER_CHECK_PROBE_H
#define MILTER_MANAGER_CHECK_PROBE_H

#include "libcore/net/connection_spec.h"
#include "libcore/wire/negotiation.h"

#include <stdbool.h>

enum probe_outcome {
    PROBE_NOT_ASKED, /* address.length is 0 */
    PROBE_NEGOTIATED,
    PROBE_UNREACHABLE,
    PROBE_SILENT,  /* connected, no answer in time */
    PROBE_CLOSED,  /* connected, closed without an answer */
    PROBE_INVALID, /* what came is no answer to a negotiation */
};

/* Filled in by the caller up to reading_timeout. */
struct probe {
    const char *name;
    struct socket_address address;
    double connection_timeout, reading_timeout; /* s */
    enum probe_outcome outcome;
    struct negotiation answer;  /* PROBE_NEGOTIATED; without macro lists */
    struct negotiation surplus; /* what it claimed without having been offered it */
    struct error error;         /* any other outcome */
};

/* Called when it takes long, again every few seconds: still waiting after so many seconds. */
typedef void probe_progress_fn(void *owner, const struct probe *probes, unsigned count,
                               double seconds);

/*
 * Asks all probes with an address.  Takes as long as the slowest, at most the
 * sum of its two time-outs.  progress may be NULL.
 */
void probe_run(struct probe *probes, unsigned count, probe_progress_fn *progress, void *owner);

#endif
