/*
 * duration - lengths of time as users write them: "500ms", "2s", "1.5m", "3".
 */
#ifndef LIBCORE_BASE_DURATION_H
#define LIBCORE_BASE_DURATION_H

#include "libcore/base/error.h"
#include "libcore/base/slice.h"

/*
 * A decimal number, 0 or more, and a unit: us, ms, s (or sec, second, seconds),
 * m (or min, minute, minutes), h (or hour, hours); without a unit seconds.  On
 * failure *error says what is wrong and what would be right.
 */
bool duration_parse(struct slice text, double *seconds, struct error *error);

#endif
