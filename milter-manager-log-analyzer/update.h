/*
 * update - reads what is new in the logs into the store.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_UPDATE_H
#define MILTER_MANAGER_LOG_ANALYZER_UPDATE_H

#include "libcore/base/buffer.h"
#include "milter-manager-log-analyzer/store.h"

#include <signal.h>

/* What was read, and what was not counted and why. */
struct update_report {
    uint64_t lines, bytes;
    uint64_t counted;      /* records that counted for something */
    uint64_t other;        /* records of the manager that count for nothing */
    uint64_t foreign;      /* lines of others */
    uint64_t broken;       /* not understood */
    uint64_t cut;          /* not understood, as they are too long */
    uint64_t repeated;     /* of a pipe: before what was read already */
    uint64_t unripe;       /* of a pipe: of the minute that is not over */
    uint64_t out_of_range; /* before --since; of a pipe also from --until on */
    uint64_t unread;       /* logs that could not be read, or not to their end */
    double seconds;
    bool has_numbers; /* the store, of this run or of earlier ones */
};

struct update_options {
    const struct option_strings *patterns; /* as source_find takes them; "-": standard input */
    int64_t since, until;                  /* seconds since 1970; 0: no limit */
    bool follow;                           /* do not end: wait for more, also over rotations */
    const volatile sig_atomic_t *stop; /* NULL, or to end soon, with all stored, once it is set */
    /* A log that cannot be read; the others are read all the same. */
    void (*complain)(void *owner, const char *sentence);
    /* From time to time; may be NULL.  part: 0 to 1, below 0: not known. */
    void (*progress)(void *owner, const struct update_report *report, double part);
    /* Of --follow, each second: whether something was stored since the last time. */
    void (*tick)(void *owner, bool stored);
    void *owner;
};

/*
 * False with *error when something could not be stored; what was committed stays.  Logs that are
 * not there or could not be read are in the report, and complained of.
 *
 * Of a file, reading ends before the first line from until on: a later run goes on there.
 */
bool update_run(struct store *store, const struct update_options *options,
                struct update_report *report, struct error *error);

/* One or two sentences on what was left out and why; nothing when nothing was. */
void update_say_skipped(const struct update_report *report, struct buffer *text);

#endif
