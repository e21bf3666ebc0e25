/*
 * log_field - what a line of the log is about, as names and values.
 *
 * The text of a line says it in its own words; with log.format "json" the
 * fields stand beside it, for programs.  Values are only looked at while the
 * line is written.
 */
#ifndef LIBCORE_BASE_LOG_FIELD_H
#define LIBCORE_BASE_LOG_FIELD_H

#include "libcore/base/slice.h"

enum log_field_kind {
    LOG_FIELD_END,
    LOG_FIELD_TEXT, /* an empty one is left out */
    LOG_FIELD_COUNT,
    LOG_FIELD_SECONDS, /* below 0 is left out: not known */
    LOG_FIELD_MORE,    /* the fields of another list */
};

struct log_field {
    enum log_field_kind kind;
    const char *name; /* plain ASCII */
    union {
        struct slice text; /* any bytes */
        unsigned long count;
        double seconds;
        const struct log_field *more; /* NULL: none */
    };
};

#define LOG_TEXT(name_, string_)                                                                   \
    {                                                                                              \
        .kind = LOG_FIELD_TEXT, .name = (name_), .text = slice_from_string(string_)                \
    }
#define LOG_SLICE(name_, slice_)                                                                   \
    {                                                                                              \
        .kind = LOG_FIELD_TEXT, .name = (name_), .text = (slice_)                                  \
    }
#define LOG_COUNT(name_, count_)                                                                   \
    {                                                                                              \
        .kind = LOG_FIELD_COUNT, .name = (name_), .count = (count_)                                \
    }
#define LOG_SECONDS(name_, seconds_)                                                               \
    {                                                                                              \
        .kind = LOG_FIELD_SECONDS, .name = (name_), .seconds = (seconds_)                          \
    }
#define LOG_MORE(fields_)                                                                          \
    {                                                                                              \
        .kind = LOG_FIELD_MORE, .more = (fields_)                                                  \
    }
/* A list of them for log_event. */
#define LOG_FIELDS(...)                                                                            \
    (const struct log_field[])                                                                     \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            .kind = LOG_FIELD_END                                                                  \
        }                                                                                          \
    }

#endif
