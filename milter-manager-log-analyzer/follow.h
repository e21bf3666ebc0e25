/*
 * follow - logs that grow, read each second until the process is asked to end.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_FOLLOW_H
#define MILTER_MANAGER_LOG_ANALYZER_FOLLOW_H

#include "milter-manager-log-analyzer/batch.h"

/*
 * Logs that come to fit the patterns are read as well.  When one is rotated, its rest is read
 * first, wherever it is beside it.  False with *error when something cannot be stored.
 */
bool follow(struct batch *batch, struct error *error);

#endif
