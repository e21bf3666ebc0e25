/*
 * report - what --explain prints: the scenario, each milter in the order of the
 * configuration, the decisions, and what the mail server is answered.
 */
#ifndef MILTER_MANAGER_EXPLAIN_REPORT_H
#define MILTER_MANAGER_EXPLAIN_REPORT_H

#include "milter-manager/explain/play.h"

/* Appends the whole text.  Bytes that are no printable text are escaped: they may be a mail's. */
void report_format(const struct scenario *scenario, const struct account *account,
                   const struct play *play, struct buffer *text);

#endif
