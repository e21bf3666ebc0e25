/*
 * json_text - strings of others as JSON: whatever bytes they are, it is valid.
 */
#ifndef MILTER_MANAGER_CONTROL_JSON_TEXT_H
#define MILTER_MANAGER_CONTROL_JSON_TEXT_H

#include "libcore/base/slice.h"

#include <jansson.h>
#include <time.h>

enum { JSON_TEXT = 1024 }; /* bytes; the rest is cut off */

/* A new string; bytes that are no UTF-8 become U+FFFD. */
json_t *json_text(struct slice bytes);
/* The same; null for NULL. */
json_t *json_text_or_null(const char *string);
/* "2024-05-01T10:00:00Z"; null for 0. */
json_t *json_time(time_t time);

#endif
