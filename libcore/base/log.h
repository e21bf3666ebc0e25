/*
 * log - levels, line formats, file, terminal and syslog (tools.md section 4).
 *
 * One log per process.  Lines are collected and written by log_flush, which the
 * event loop calls before it sleeps; a line of level critical or error is
 * flushed at once.  Syslog datagrams are sent without blocking: a full or
 * absent /dev/log loses lines, it never delays mail.
 */
#ifndef LIBCORE_BASE_LOG_H
#define LIBCORE_BASE_LOG_H

#include "libcore/base/error.h"
#include "libcore/base/log_field.h"

#include <stdbool.h>
#include <sys/types.h>

enum log_level {
    LOG_LEVEL_CRITICAL = 1 << 0,
    LOG_LEVEL_ERROR = 1 << 1,
    LOG_LEVEL_WARNING = 1 << 2,
    LOG_LEVEL_MESSAGE = 1 << 3,
    LOG_LEVEL_INFO = 1 << 4,
    LOG_LEVEL_DEBUG = 1 << 5,
    LOG_LEVEL_TRACE = 1 << 6,
    LOG_LEVEL_STATISTICS = 1 << 7,
    LOG_LEVEL_PROFILE = 1 << 8,
    LOG_LEVEL_ALL = (1 << 9) - 1,
    LOG_LEVEL_DEFAULT = LOG_LEVEL_CRITICAL | LOG_LEVEL_ERROR | LOG_LEVEL_WARNING |
                        LOG_LEVEL_MESSAGE | LOG_LEVEL_STATISTICS,
};

/* Reads MILTER_LOG_* and MILTER_DEBUG (milter-manager-cli.md section 4). program: syslog identity.
 */
void log_open(const char *program);
void log_close(void);

/* Another syslog identity, for a forked process that does something else. */
void log_set_program(const char *program);
/* The descriptor lines are written to. */
int log_descriptor(void);

/* Parses "error|warning", "+debug", "-statistics", "all", "default", "none" (tools.md section 4.1).
 */
bool log_level_parse(const char *expression, unsigned *levels, struct error *error);
/* Names joined by '|', in flag order; returns text. */
const char *log_level_format(unsigned levels, char *text, unsigned size);

void log_set_levels(unsigned levels);
unsigned log_levels(void);
/*
 * NULL or "-": standard output; "/dev/stderr": standard error.  On failure the
 * former target stays.
 */
bool log_set_path(const char *path, struct error *error);
/* Closes and opens the file again (SIGUSR1).  On failure the former one stays. */
bool log_reopen(struct error *error);
/*
 * The file, if this process has made it, becomes that user's, who will have to
 * open it again; one that was there already keeps its owner.
 */
bool log_give_to(uid_t user, gid_t group, struct error *error);
/* False with *error when log_reopen would fail for this user as the file is now. */
bool log_reopenable(struct error *error);
/* "text", or "json": one object a line in the file; syslog always gets text. */
bool log_set_format(const char *format, struct error *error);
/* JSON lines say that this process is the worker of that number, from 0; -1: it is none. */
void log_set_worker(int worker);
bool log_set_syslog(bool use, const char *facility, struct error *error);
bool log_facility_valid(const char *facility);
/* Where syslog datagrams go; NULL is /dev/log. */
void log_set_syslog_socket(const char *path);
/* After this nothing is written to standard output (daemon without log.path). */
void log_detach_terminal(void);

/* True when text for fd is to be coloured (MILTER_LOG_COLORIZE); log_open first. */
bool log_colours(int fd);

/* True when fields are written beside the text: else nobody needs to know them. */
bool log_has_fields(void);
/* True when a line of that level would go anywhere: check before costly arguments. */
bool log_wants(enum log_level level);
/* Use the macros below: they add the source location. */
void log_write(enum log_level level, const char *file, int line, const char *function,
               const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The same with fields beside the text (log_field.h); NULL: there are none. */
void log_write_event(enum log_level level, const struct log_field *fields, const char *file,
                     int line, const char *function, const char *format, ...)
    __attribute__((format(printf, 6, 7)));
void log_flush(void);

/*
 * log_event(LOG_LEVEL_ERROR, LOG_FIELDS(LOG_TEXT("child", name)), "text", ...)
 * The fields are evaluated only when they are written.
 */
#define log_event(level, fields, ...)                                                              \
    do {                                                                                           \
        if (log_wants(level)) {                                                                    \
            log_write_event(level, log_has_fields() ? (fields) : NULL, __FILE__, __LINE__,         \
                            __func__, __VA_ARGS__);                                                \
        }                                                                                          \
    } while (0)
#define log_at(level, ...)                                                                         \
    do {                                                                                           \
        if (log_wants(level)) {                                                                    \
            log_write(level, __FILE__, __LINE__, __func__, __VA_ARGS__);                           \
        }                                                                                          \
    } while (0)
#define log_critical(...)   log_at(LOG_LEVEL_CRITICAL, __VA_ARGS__)
#define log_error(...)      log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...)    log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_message(...)    log_at(LOG_LEVEL_MESSAGE, __VA_ARGS__)
#define log_info(...)       log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)      log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_trace(...)      log_at(LOG_LEVEL_TRACE, __VA_ARGS__)
#define log_statistics(...) log_at(LOG_LEVEL_STATISTICS, __VA_ARGS__)

#endif
