/*
 * summary_judge - whether a child behaves, and which one is worst.  Pure functions.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_SUMMARY_JUDGE_H
#define MILTER_MANAGER_LOG_ANALYZER_SUMMARY_JUDGE_H

#include "milter-manager-log-analyzer/summary.h"

/* Sets mark and reasons from the figures: those of the last hour and of today, each against
 * yesterday's. */
void summary_judge(struct summary_child *child,
                   const struct summary_figures manager[SUMMARY_PERIODS]);
/* Worst first. */
void summary_sort(struct summary_child *children, size_t count);

#endif
