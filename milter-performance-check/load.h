/*
 * load - one worker: sends the mails of the plan when they are due, over as many
 * connections as allowed.
 */
#ifndef MILTER_PERFORMANCE_CHECK_LOAD_H
#define MILTER_PERFORMANCE_CHECK_LOAD_H

#include "milter-performance-check/file_records.h"
#include "milter-performance-check/session.h"
#include "milter-performance-check/statistics.h"

struct load;

struct load_options {
    struct loop *loop;
    struct plan *plan; /* its servers remember which address works */
    struct mails *mails;
    unsigned worker;                 /* from 0 */
    uint64_t start;                  /* clock_nanoseconds; of the warm-up, if there is one */
    struct measurement *measurement; /* begun */
    struct file_record *files;       /* one for each mail file */
    struct statistics *statistics;   /* NULL: not wanted */
    struct ramp_step *steps;         /* of plan->ramp; else NULL */
    unsigned *step_count;            /* steps that have begun */
    /* An error of a kind not seen before: a sentence for standard error. */
    void (*complain)(void *owner, const char *sentence);
    /* All mails have ended; the loop may be stopped. */
    void (*over)(void *owner);
    void *owner;
};

/* NULL with *error when the system has no timer or TLS or SASL cannot be used. */
struct load *load_new(const struct load_options *options, struct error *error);
void load_free(struct load *load);
/* Starts no more mails; those on their way get a moment. why: a constant. */
void load_stop(struct load *load, const char *why);
/* Why it ended before its time; NULL: it did not. */
const char *load_stopped(const struct load *load);

#endif
