/*
 * report_text - foreign bytes and scenarios as text for people.
 */
#ifndef MILTER_MANAGER_EXPLAIN_REPORT_TEXT_H
#define MILTER_MANAGER_EXPLAIN_REPORT_TEXT_H

#include "milter-manager/explain/scenario.h"

/* Control characters become \xNN: a mail must not be able to play with the terminal. */
void report_text_append(struct slice bytes, struct buffer *text);
/* The scenario, one line for each part, with where the part comes from. */
void report_text_scenario(const struct scenario *scenario, struct buffer *text);

#endif
