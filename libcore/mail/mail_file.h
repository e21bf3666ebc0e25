/*
 * mail_file - reads a message from a file, from standard input or from memory
 * (tools.md section 1.4).
 *
 * The result owns everything it refers to until mail_file_clear and must not
 * be moved before.  The size is bounded by memory only.
 */
#ifndef LIBCORE_MAIL_MAIL_FILE_H
#define LIBCORE_MAIL_MAIL_FILE_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"
#include "libcore/mail/header_list.h"

enum { MAIL_FILE_CHUNK = 65535 }; /* the largest payload every filter reads (milter-protocol 1) */

struct mail_file {
    struct arena arena;
    struct buffer content;    /* the file, body refers to it */
    struct slice sender;      /* in brackets; data is NULL when there was no From: */
    struct slice *recipients; /* in brackets, one for each To: field */
    size_t recipient_count;
    size_t recipient_capacity;
    struct header_list headers; /* all fields, From: and To: too */
    struct slice body;          /* as in the file, without the final LF */
};

/*
 * Reads and parses path, "-" is standard input.  On failure mail is cleared;
 * sentences: "PATH does not exist.", "invalid header: LINE",
 * "invalid mail address: VALUE".
 */
bool mail_file_read(struct mail_file *mail, const char *path, struct error *error);
/* The same for bytes in memory, which are copied. */
bool mail_file_parse(struct mail_file *mail, struct slice content, struct error *error);
void mail_file_clear(struct mail_file *mail);

/*
 * Takes the next chunk off the front of body: as many whole lines (with their
 * LF) as fit into limit bytes, or limit bytes of a longer line.  Empty when
 * the body is used up.  limit is at least 1.
 */
struct slice mail_file_take_chunk(struct slice *body, size_t limit);

#endif
