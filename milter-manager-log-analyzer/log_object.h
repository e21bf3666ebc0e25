/*
 * log_object - a line that is one JSON object: of journalctl, or of the manager (RFC 8259).
 *
 * Only the members a log line is made of are looked at; there is no tree.
 */
#ifndef MILTER_MANAGER_LOG_ANALYZER_LOG_OBJECT_H
#define MILTER_MANAGER_LOG_ANALYZER_LOG_OBJECT_H

#include "libcore/base/buffer.h"

enum log_member {
    LOG_MEMBER_TIME, /* of the manager (log.format "json") */
    LOG_MEMBER_LEVEL,
    LOG_MEMBER_MESSAGE,
    LOG_MEMBER_CHILD,
    LOG_MEMBER_JOURNAL_TIME, /* of systemd.journal-fields(7) */
    LOG_MEMBER_JOURNAL_MESSAGE,
    LOG_MEMBER_JOURNAL_IDENTIFIER,
    LOG_MEMBER_JOURNAL_COMMAND,
    LOG_MEMBERS,
};

struct log_object {
    struct slice
        members[LOG_MEMBERS];  /* data NULL: it is not there.  As they stand in the line: ... */
    bool escaped[LOG_MEMBERS]; /* ... with escapes in it */
    bool array[LOG_MEMBERS];   /* ... the inside of an array */
};

/* False: it is no object, or cut off.  The slices are parts of line. */
bool log_object_read(struct slice line, struct log_object *object);
/*
 * What the member says: a string, or bytes written as an array of numbers.  Where that is not what
 * stands in the line it is appended to buffer, which must have room for the member's length: its
 * content does not move.
 */
struct slice log_object_text(const struct log_object *object, enum log_member member,
                             struct buffer *buffer);

#endif
