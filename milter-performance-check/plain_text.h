/*
 * plain_text - what a peer says, safe to be shown on a terminal.  Pure functions.
 */
#ifndef MILTER_PERFORMANCE_CHECK_PLAIN_TEXT_H
#define MILTER_PERFORMANCE_CHECK_PLAIN_TEXT_H

#include "libcore/base/slice.h"

/* Copies text up to size - 1 bytes, '?' for control characters, and returns copy. */
const char *plain_text_copy(struct slice text, char *copy, size_t size);

#endif
