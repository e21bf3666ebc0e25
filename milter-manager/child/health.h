/*
 * health - what this process knows of each child: does it answer, since when,
 * and what was the last failure.
 *
 * Children are known by name and endpoint, across configurations: a child whose
 * endpoint a reload changes is unknown again.
 *
 * It writes the lines of the log about failures.  A child that goes down or
 * comes back is one line, not one for each mail; failures of single sessions
 * are a line each, but not more than HEALTH_LINES in a minute.  What is left
 * out is counted, and written at level debug.  Times are given by the caller:
 * "now" in monotonic seconds, "time" as the time of day.
 */
#ifndef MILTER_MANAGER_CHILD_HEALTH_H
#define MILTER_MANAGER_CHILD_HEALTH_H

#include "libcore/base/log_field.h"
#include "milter-manager/config/configuration.h"

#include <stdbool.h>
#include <time.h>

enum health_state {
    HEALTH_UNKNOWN, /* no session has needed it yet */
    HEALTH_UP,
    HEALTH_DOWN, /* it cannot be reached, or does not negotiate */
};

enum {
    HEALTH_TEXT = 256,
    HEALTH_FAILURES = 50, /* the last ones that are kept */
    HEALTH_LINES = 10,    /* of one child in a minute */
    HEALTH_MINUTE = 60,   /* s */
    HEALTH_REMIND = 3600, /* s between lines about a child that stays down */
};

struct health_failure {
    time_t time;
    char child[HEALTH_TEXT], endpoint[HEALTH_TEXT];
    char stage[32];          /* "connect", "header", ... in the words of the statistics lines */
    char cause[HEALTH_TEXT]; /* errno or time-out, a sentence */
    char fallback[32];       /* the verdict that was taken */
    unsigned session;        /* its tag */
};

struct health {
    enum health_state state;
    time_t since;               /* of the state; 0: unknown */
    time_t seen;                /* the last time it showed to be so; 0: never */
    unsigned long failures;     /* since since */
    struct health_failure last; /* time 0: none */
};

/* HEALTH_UNKNOWN for whom nobody has asked. */
struct health health_of(const char *child);
/* The newest has index 0; NULL: there are no more. */
const struct health_failure *health_failure(unsigned index);

/*
 * The children of this configuration are watched from now on, and no others:
 * what was known of those is forgotten.
 */
void health_adopt(const struct configuration *configuration);
/* Forgets all, failures too, after telling what was left out. */
void health_clear(void);

/* The child has been reached and has negotiated. */
void health_reached(const char *child, const char *endpoint, time_t time, double now);
/*
 * It has failed.  kind: the words of the line, "error" or "timeout][reading";
 * unreachable: before it had negotiated; fields: what else belongs into the
 * line, NULL: nothing.  A child that is not watched gets a line for each.
 */
void health_failed(const struct health_failure *failure, const char *kind, bool unreachable,
                   double now, const struct log_field *fields);

typedef void health_wake_fn(void *owner);
/* wake is called when the first line of a minute is left out; NULL: nobody. */
void health_wake_by(health_wake_fn *wake, void *owner);
/* Seconds until health_tick has something to tell; below 0: nothing is left out. */
double health_due(double now);
/* Tells how many lines were left out in the minutes that are over. */
void health_tick(double now);

#endif
