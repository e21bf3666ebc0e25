/*
 * update - reads what is new in the logs into the store.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_UPDATE_H
#define MILTER_MANAGER_LOG_ANALYZER_UPDATE_H

#include "milter-manager-log-analyzer/store.h"

/* What was read, and what was not counted and why. */
struct update_report {
    uint64_t lines, bytes;
    uint64_t counted;      /* records that counted for something */
    uint64_t other;        /* records of the manager that count for nothing */
    uint64_t foreign;      /* lines of others */
    uint64_t broken;       /* not understood */
    uint64_t cut;          /* too long */
    uint64_t repeated;     /* of a pipe: before what was read already */
    uint64_t unripe;       /* of a pipe: of the minute that is not over */
    uint64_t out_of_range; /* before --since or from --until on */
    double seconds;
};

struct update_options {
    const struct option_strings *paths; /* oldest first; "-": standard input */
    int64_t since, until;               /* seconds since 1970; 0: no limit */
    bool follow;                        /* do not end: wait for more, also over rotations */
    /* From time to time; may be NULL.  part: 0 to 1, below 0: not known. */
    void (*progress)(void *owner, const struct update_report *report, double part);
    /* Of --follow: new numbers have been stored. */
    void (*stored)(void *owner);
    void *owner;
};

/* False with *error when something could not be read or stored; what was committed stays. */
bool update_run(struct store *store, const struct update_options *options,
                struct update_report *report, struct error *error);

#endif
