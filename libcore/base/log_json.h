/*
 * log_json - a line of the log as one JSON object (RFC 8259).
 */
#ifndef LIBCORE_BASE_LOG_JSON_H
#define LIBCORE_BASE_LOG_JSON_H

#include "libcore/base/buffer.h"
#include "libcore/base/log_field.h"
#include "libcore/base/log_format.h"

/*
 * Appends {"time", "level", "pid", "worker", "message", the fields} and LF.
 * Whatever bytes are logged, it is one line of valid UTF-8: control characters
 * are escaped, bytes that are no UTF-8 become U+FFFD.
 *
 * worker: below 0: the process is none; place: NULL: not wanted; fields: NULL:
 * there are none.
 */
void log_json_line(struct buffer *buffer, enum log_level level, int worker,
                   const struct log_place *place, struct slice message,
                   const struct log_field *fields);
/* Appends text as a JSON string with its quotes. */
void log_json_string(struct buffer *buffer, struct slice text);

#endif
