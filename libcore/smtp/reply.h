/*
 * reply - the answers of an SMTP server (RFC 5321 section 4.2): a code and one
 * line or more.  Pure functions.
 */
#ifndef LIBCORE_SMTP_REPLY_H
#define LIBCORE_SMTP_REPLY_H

#include "libcore/base/error.h"
#include "libcore/base/slice.h"

enum {
    SMTP_REPLY_LINE = 4096,  /* bytes of the longest line that is taken (512 are allowed) */
    SMTP_REPLY_TOTAL = 65536 /* bytes of the longest answer */
};

struct smtp_reply {
    unsigned code;      /* 200 to 599 */
    struct slice lines; /* the whole answer as it came, line ends included; in the input */
};

enum smtp_reply_result {
    SMTP_REPLY_WAIT, /* no whole answer there yet; nothing was taken */
    SMTP_REPLY_TAKEN,
    SMTP_REPLY_INVALID, /* *error says what came instead; close the connection */
};

/* Takes one answer off the front of input. */
enum smtp_reply_result smtp_reply_take(struct slice *input, struct smtp_reply *reply,
                                       struct error *error);
/*
 * Takes the text of the next line off lines, without code and line end.  False
 * when none is left.
 */
bool smtp_reply_next_line(struct slice *lines, struct slice *text);
/* The text of the whole answer in one line, for people: "550 5.7.1 no such user". Cut to size. */
const char *smtp_reply_text(const struct smtp_reply *reply, char *text, size_t size);

#endif
