/*
 * watch - the health of the children on the clock of the event loop.
 *
 * Owns the timer after which the lines that were left out of the log are told
 * in one; it runs only while there are some.
 */
#include "milter-manager/child/watch.h"

#include "libcore/base/memory.h"
#include "milter-manager/child/health.h"

#include <stdlib.h>

struct watch {
    struct loop *loop;
    struct loop_timer *timer;
};

static void watch_schedule(void *owner)
{
    struct watch *watch = owner;
    double due = health_due(loop_now(watch->loop));

    if (due >= 0) {
        loop_timer_start(watch->timer, due > 0 ? due : 1);
    }
}

static void watch_tell(void *owner)
{
    struct watch *watch = owner;

    health_tick(loop_now(watch->loop));
    watch_schedule(watch);
}

struct watch *watch_new(struct loop *loop, const struct configuration *configuration)
{
    struct watch *watch = NEW(struct watch);

    watch->loop = loop;
    watch->timer = loop_timer_new(loop, watch_tell, watch);
    health_adopt(configuration);
    health_wake_by(watch_schedule, watch);
    return watch;
}

void watch_free(struct watch *watch)
{
    if (watch != NULL) {
        health_wake_by(NULL, NULL);
        health_clear();
        loop_timer_free(watch->timer);
        free(watch);
    }
}
