/*
 * log_format - how a line of the log looks (tools.md sections 4.1 and 4.2).
 *
 * Names of levels and items, time stamps, colours.  Writes nowhere and keeps no
 * state but the text of the current second.
 */
#ifndef LIBCORE_BASE_LOG_FORMAT_H
#define LIBCORE_BASE_LOG_FORMAT_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"
#include "libcore/base/log.h"

#include <time.h>

enum log_item {
    LOG_ITEM_LEVEL = 1 << 0,
    LOG_ITEM_DOMAIN = 1 << 1,
    LOG_ITEM_TIME = 1 << 2,
    LOG_ITEM_NAME = 1 << 3,
    LOG_ITEM_PID = 1 << 4,
    LOG_ITEM_LOCATION = 1 << 5,
    LOG_ITEM_ALL = (1 << 6) - 1,
};

struct log_place {
    const char *file;
    int line;
    const char *function;
};

/* "time|level", "all", "none"; the former items stay when a name is unknown. */
bool log_item_parse(const char *expression, unsigned *items, struct error *error);

/* CRIT ... DEBUG of syslog.h. */
int log_level_priority(enum log_level level);
/* "error", say, of one level. */
const char *log_level_name(enum log_level level);

/*
 * Appends one line and its LF.  Line breaks inside the message become blanks
 * and other control characters question marks: one call is one line, whatever
 * a mail put into it.
 */
void log_format_line(struct buffer *buffer, unsigned items, bool colour, enum log_level level,
                     const struct log_place *place, const char *program, struct slice message);
/* Appends the message alone, made harmless in the same way. */
void log_format_message(struct buffer *buffer, struct slice message);
/* Appends the time now: "2024-05-01T10:00:00.123456Z" (RFC 3339). */
void log_format_time(struct buffer *buffer);
/* Appends "Mon DD HH:MM:SS", local time. */
void log_format_syslog_time(struct buffer *buffer, time_t now);

#endif
