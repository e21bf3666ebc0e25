/*
 * summary - how it goes: today against yesterday and the same day a week ago, up to the same time
 * of day, in local days; and what is wrong with which child.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_SUMMARY_H
#define MILTER_MANAGER_LOG_ANALYZER_SUMMARY_H

#include "milter-manager-log-analyzer/view.h"

enum summary_period {
    SUMMARY_TODAY,
    SUMMARY_YESTERDAY,
    SUMMARY_WEEK,
    SUMMARY_HOUR,
    SUMMARY_HOUR_YESTERDAY, /* the same hour */
    SUMMARY_HOUR_WEEK,
    SUMMARY_PERIODS
};

enum summary_mark { SUMMARY_UNKNOWN, SUMMARY_FINE, SUMMARY_ODD, SUMMARY_BAD };

enum { SUMMARY_REASONS = 4, SUMMARY_DAYS = 8, SUMMARY_HOURS = 24 };

/* Of one child, or of the manager, in one period. */
struct summary_figures {
    uint64_t sessions;
    uint64_t refused; /* rejected, temporarily failed, discarded */
    uint64_t failed;  /* of the manager: those of all children */
    double p50, p99;  /* seconds; 0: unknown */
    double tail;      /* p99, or less where fewer than three sessions would be as slow as it */
};

struct summary_child {
    const char *name;
    struct summary_figures figures[SUMMARY_PERIODS];
    enum summary_mark mark;
    char reasons[SUMMARY_REASONS][160];
    size_t reason_count;
};

struct summary {
    int64_t now;
    struct view periods[SUMMARY_PERIODS];
    struct summary_figures manager[SUMMARY_PERIODS];
    struct summary_child *children; /* worst first */
    size_t count;
    /* Sessions by local day, the oldest first and today last, and hour. */
    uint64_t hours[SUMMARY_DAYS][SUMMARY_HOURS];
    int64_t days[SUMMARY_DAYS]; /* midnight */
};

/* children: must stay as long as the summary.  summary_clear it, also after a failure. */
bool summary_load(struct store *store, const struct option_strings *children, int64_t now,
                  struct summary *summary, struct error *error);
void summary_clear(struct summary *summary);

/* The hour in which the day had most sessions; false: it had none. */
bool summary_busiest(const struct summary *summary, size_t day, unsigned *hour);

#endif
