/*
 * output - standard output, whole events at a time.
 *
 * What is appended in one call is never torn apart by another process that
 * writes to the same output, provided output_share came before the fork.
 */
#ifndef MILTER_TEST_CLIENT_OUTPUT_H
#define MILTER_TEST_CLIENT_OUTPUT_H

#include "libcore/base/error.h"
#include "libcore/base/slice.h"

#include <stdbool.h>

/* From now on processes forked by this one take turns in writing. */
bool output_share(struct error *error);
/* text: one event or several, whole lines.  It is written at the next flush at the latest. */
void output_append(struct slice text);
void output_flush(void);
/* True when everything was written so far; else *error says what the first failure was. */
bool output_succeeded(struct error *error);

#endif
