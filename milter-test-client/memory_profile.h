/*
 * memory_profile - how much memory the process uses, as a line.
 */
#ifndef MILTER_TEST_CLIENT_MEMORY_PROFILE_H
#define MILTER_TEST_CLIENT_MEMORY_PROFILE_H

#include "libcore/base/buffer.h"

#include <stdbool.h>

/*
 * Appends "memory: rss=13820KB allocated=1234KB sessions=12", or the same as a
 * JSON object.  rss is missing where there is no /proc; with
 * MILTER_MEMORY_PROFILE=yes in the environment the parts of the heap follow.
 * sessions: finished so far.
 */
void memory_profile_append(struct buffer *output, unsigned long sessions, bool json);

#endif
