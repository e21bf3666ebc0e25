/*
 * progress - one line on a terminal that says how far a load run is.
 */
#include "milter-test-server/progress.h"

#include "libcore/base/clock.h"
#include "libcore/base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const double interval = 0.5; /* seconds */
static const char clear_line[] = "\r\033[K";

struct progress {
    const struct measurement *measurement;
    struct loop_timer *timer; /* NULL: standard error is no terminal */
    uint64_t shown;           /* clock_nanoseconds of the line before */
    uint64_t completed;       /* sessions by then */
};

static void progress_show(void *owner)
{
    struct progress *progress = owner;
    const struct measurement *measurement = progress->measurement;
    uint64_t now = clock_nanoseconds();
    double passed = (double)(now - progress->shown) / 1e9;
    uint64_t ended = measurement->completed + measurement->failed;

    fprintf(stderr,
            "%s%.0f s: %" PRIu64 " sessions, %.0f/s, %" PRIu64 " failed, %" PRIu64
            " running, p99 %.3f ms",
            clear_line, (double)(now - measurement->begun) / 1e9, measurement->completed,
            passed > 0 ? (double)(measurement->completed - progress->completed) / passed : 0,
            measurement->failed, measurement->started - ended,
            (double)histogram_percentile(measurement->histograms + MEASURED_SESSION, 99) / 1e6);
    (void)fflush(stderr);
    progress->shown = now;
    progress->completed = measurement->completed;
    loop_timer_start(progress->timer, interval);
}

struct progress *progress_new(struct loop *loop, const struct measurement *measurement)
{
    struct progress *progress = NEW(struct progress);

    progress->measurement = measurement;
    progress->shown = clock_nanoseconds();
    if (isatty(STDERR_FILENO) != 0) {
        progress->timer = loop_timer_new(loop, progress_show, progress);
        loop_timer_start(progress->timer, interval);
    }
    return progress;
}

void progress_free(struct progress *progress)
{
    if (progress->timer != NULL) {
        fputs(clear_line, stderr);
        (void)fflush(stderr);
    }
    loop_timer_free(progress->timer);
    free(progress);
}
