/*
 * health - what this process knows of each child: does it answer, since when,
 * and what was the last failure.
 *
 * Children are known by name and endpoint, across configurations: a child whose
 * endpoint a reload changes is unknown again.
 */
#ifndef MILTER_MANAGER_CHILD_HEALTH_H
#define MILTER_MANAGER_CHILD_HEALTH_H

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
    unsigned long failures;     /* since since */
    struct health_failure last; /* time 0: none */
};

/* HEALTH_UNKNOWN for whom nobody has asked. */
struct health health_of(const char *child);
/* The newest has index 0; NULL: there are no more. */
const struct health_failure *health_failure(unsigned index);

#endif
