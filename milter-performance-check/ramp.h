/*
 * ramp - rates tried one after another, to find the one the server still keeps up
 * with: the knee.  Pure functions.
 */
#ifndef MILTER_PERFORMANCE_CHECK_RAMP_H
#define MILTER_PERFORMANCE_CHECK_RAMP_H

#include "libcore/base/error.h"
#include "libcore/base/histogram.h"

#include <stdbool.h>

enum { RAMP_STEPS = 1000 };

struct ramp {
    double from, to, step; /* mails a second */
    double step_seconds;
};

/* What one step has shown. */
struct ramp_step {
    double rate;             /* wanted */
    uint64_t started, ended; /* clock_nanoseconds: first mail due, last mail over */
    uint64_t sent, failed;   /* mails */
    uint64_t abandoned;      /* mails that found no connection for too long */
    struct histogram mail;   /* from the time each was due */
    const char *overload;    /* why the server did not keep up; NULL: it did */
    bool interrupted;        /* it was not tried to its end, and overload says so */
};

/* "FROM:TO:STEP", mails a second; TO above FROM. */
bool ramp_parse(const char *text, struct ramp *ramp, struct error *error);
unsigned ramp_step_count(const struct ramp *ramp);
double ramp_rate(const struct ramp *ramp, unsigned step);
/* Mails a second that were over in the time it took. */
double ramp_achieved(const struct ramp_step *step);
/*
 * Judges a step that has ended, in step->overload: mails took much longer to end than they were
 * due in, failed, or their p99 is beyond what is bearable: max_p99 (seconds; 0: ten times that of
 * the first step, and 100 ms at least).
 */
void ramp_judge(struct ramp_step *step, const struct ramp_step *first, double step_seconds,
                double max_p99);
/* Ends a step before its time: what happened in a part of it is no proof of anything. */
void ramp_interrupt(struct ramp_step *step);
/* How many steps were tried to their end: all but an interrupted last one. */
unsigned ramp_judged(const struct ramp_step *steps, unsigned count);
/* The last step before the first that was overloaded; NULL: none, every step was. */
const struct ramp_step *ramp_knee(const struct ramp_step *steps, unsigned count);

#endif
