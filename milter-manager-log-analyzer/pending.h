/*
 * pending - counts that are not in the database yet: for each series and minute, in memory.
 *
 * Children's names are bytes of a log: they are kept, and stored, as markup_plain writes them, so
 * that what is no UTF-8 and what nobody sees is spelt out the same everywhere.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_PENDING_H
#define MILTER_MANAGER_LOG_ANALYZER_PENDING_H

#include "milter-manager-log-analyzer/event.h"

/* Larger values, and sums, count as this: sums of sums must fit into 63 bits. */
#define PENDING_LARGEST ((uint64_t)1 << 50)
enum { PENDING_NAME = 255 /* bytes of a name; the rest is cut */ };

struct pending;

struct pending_series {
    enum series_kind kind;
    unsigned item;
    bool gauge;
    const char *name; /* as it is stored; "" for the manager's own */
    int64_t id;       /* in the database; 0: not known yet.  For the store */
};

struct pending_count {
    uint32_t series; /* index, for pending_series */
    uint32_t minute; /* minutes since 1970 */
    uint64_t value;
};

struct pending *pending_new(void);
void pending_free(struct pending *pending);

/* Times before 1970 or after the year 9999 count for nothing. */
void pending_add(struct pending *pending, int64_t time, const struct event_count *count);
/* How much is kept; counts, and what names cost as much. */
size_t pending_weight(const struct pending *pending);
struct pending_series *pending_series(struct pending *pending, uint32_t series);

/*
 * The counts of minutes before that time, by series and minute; they are forgotten with the next
 * call of any function but pending_series.
 */
const struct pending_count *pending_take(struct pending *pending, int64_t before, size_t *count);
/* Forgets names when there are very many and nothing is pending. */
void pending_trim(struct pending *pending);
/* Forgets all counts, and what the database calls series. */
void pending_forget(struct pending *pending);

#endif
