/*
 * crew - the workers of a master: forked, replaced when they die, asked what they
 * know.
 */
#ifndef MILTER_MANAGER_PROCESS_CREW_H
#define MILTER_MANAGER_PROCESS_CREW_H

#include "libcore/base/error.h"
#include "libcore/net/loop.h"

#include <jansson.h>
#include <stdbool.h>

struct crew;

struct crew_owner {
    /*
     * In a worker, deep in the loop: takes all of the master's out of it, and calls
     * crew_free, once nobody waits for a collection any more.  channel: the worker's
     * end of the connection to the master (process/channel.h); -1: there is none.
     * Signals are held back.
     */
    void (*became_worker)(void *owner, unsigned number, int channel);
    /* All have ended after crew_stop. */
    void (*gone)(void *owner);
};

/* The first ones are forked from the loop.  callbacks must outlive the crew. */
struct crew *crew_new(struct loop *loop, unsigned count, const struct crew_owner *callbacks,
                      void *owner);
/* NULL is fine.  Collections under way end with what has come. */
void crew_free(struct crew *crew);

void crew_signal(const struct crew *crew, int signal_number);
/*
 * INT or TERM is passed on, as KILL when it comes a second time; whoever is left a
 * little after patience, s, is killed.
 */
void crew_stop(struct crew *crew, int signal_number, double patience);
bool crew_stopped(const struct crew *crew);
/* Once they have gone; false with *error: one was killed or did not end well. */
bool crew_ended_well(const struct crew *crew, struct error *error);

/*
 * reports: an array with an element for each worker, the callee's: its report, or
 * {"worker", "pid", "answered": false}.
 */
typedef void crew_collected_fn(void *owner, json_t *reports);
/* collected is called once, from the loop, at the latest after a second. */
void crew_collect(struct crew *crew, crew_collected_fn *collected, void *owner);

#endif
