/*
 * view - the numbers of a range, bin by bin.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_VIEW_H
#define MILTER_MANAGER_LOG_ANALYZER_VIEW_H

#include "milter-manager-log-analyzer/range.h"

struct view_item {
    double *bins; /* sums; the largest of a gauge.  NULL: nothing at all */
    uint64_t total;
    uint64_t peak; /* of one minute */
};

struct view_series {
    enum series_kind kind;
    char *name; /* of the child; "" */
    struct view_item *items;
    size_t item_count;
};

struct view {
    struct range range;
    struct view_series *series;
    size_t count;
};

/* kind SERIES_KINDS: all.  view_clear it, also after a failure. */
bool view_load(struct store *store, const struct range *range, enum series_kind kind,
               struct view *view, struct error *error);
void view_clear(struct view *view);

/* NULL: there is nothing in that range. */
const struct view_series *view_find(const struct view *view, enum series_kind kind,
                                    const char *name);

/* Of one item by its name in the database, and of all; 0 where there is none.  series may be NULL.
 */
uint64_t view_total(const struct view_series *series, const char *item);
/* The largest minute of an item; 0 where there is none.  series may be NULL. */
uint64_t view_peak(const struct view_series *series, const char *item);
uint64_t view_sum(const struct view_series *series);
bool view_is_stacked(enum series_kind kind, size_t item);
/* Seconds that percent of a latency series do not exceed, in the bin or (VIEW_ALL) in all of them;
 * 0 without counts.  series may be NULL. */
enum { VIEW_ALL = -1 };
double view_percentile(const struct view_series *series, long bin, double percent);

#endif
