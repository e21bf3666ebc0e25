/*
 * moment - a time as users write it, and as programs read it.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_MOMENT_H
#define MILTER_MANAGER_LOG_ANALYZER_MOMENT_H

#include "libcore/base/error.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * ISO 8601: "2024-05-01", "2024-05-01T10:00", "2024-05-01 10:00:30", local unless "Z" or "+02:00"
 * follows; or so long ago: "-30m", "-1h", "-2d", "-1w".  Seconds since 1970; false with *error
 * saying what would be right.
 */
bool moment_parse(const char *text, int64_t now, int64_t *time, struct error *error);

enum { MOMENT_TEXT = 32 }; /* bytes, NUL included */
/* In UTC: "2024-05-01T10:00:00Z". */
const char *moment_text(int64_t time, char text[MOMENT_TEXT]);

#endif
