/*
 * log_line - one line of a log: when it was written, and what the manager said.
 *
 * Every form the manager's words come in (tools.md sections 4.2 and 5.1): traditional syslog,
 * with a host name of any kind and Solaris' "[ID N facility.level]"; RFC 3339 times as rsyslog
 * and RFC 5424 have them; `journalctl -o short-iso' and `-o json'; the manager's own file, and its
 * JSON.  No allocation per line.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_LOG_LINE_H
#define MILTER_MANAGER_LOG_ANALYZER_LOG_LINE_H

#include "libcore/base/buffer.h"

#include <stdint.h>

/*
 * What is remembered from line to line of one source: times without a year and without an offset
 * are understood from what came before.  {0}, then log_clock_begin; log_clock_clear in the end.
 */
struct log_clock {
    int64_t latest;   /* no line of the source is younger: now, or when the file was written last;
                         who follows a log moves it on */
    int64_t previous; /* time of the line before, also a foreign one; 0: none */
    /* The rest is private: the last date and hour and what they came to. */
    char stamp[40];
    size_t stamp_length;
    int64_t stamp_time;
    struct buffer unescaped; /* of JSON */
};

/* For another source; previous may be set then when the source is read from its middle on. */
void log_clock_begin(struct log_clock *clock, int64_t latest);
void log_clock_clear(struct log_clock *clock);

enum log_line_kind {
    LOG_LINE_RECORD,  /* of the manager: *record is set */
    LOG_LINE_FOREIGN, /* of somebody else, or empty, or what journalctl says of itself */
    LOG_LINE_BROKEN,  /* cannot be understood: no time, or cut off */
};

struct log_record {
    int64_t time;      /* seconds since 1970 */
    bool statistics;   /* "[statistics] " stood in front, or the level said so; where no levels are
                          written: it looks like that */
    bool debug;        /* of a level that tells singly what other lines tell as a number */
    struct slice text; /* behind that; in the line or in the clock, until the next line */
    struct slice
        child; /* whom it is about, where the form says so apart from the text; else empty */
};

/* line: without its line end. */
enum log_line_kind log_line_read(struct log_clock *clock, struct slice line,
                                 struct log_record *record);

#endif
