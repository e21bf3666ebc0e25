/*
 * content - the bytes of a mail as DATA and BDAT carry them, piece by piece.
 */
#ifndef LIBCORE_SMTP_CONTENT_H
#define LIBCORE_SMTP_CONTENT_H

#include "libcore/base/buffer.h"

struct smtp_content {
    struct slice parts[2]; /* what is left */
    bool line_begins;
};

/* head, then body; both stay the caller's. */
void smtp_content_begin(struct smtp_content *content, struct slice head, struct slice body);
size_t smtp_content_left(const struct smtp_content *content);
/* Appends up to limit bytes as they are; returns how many. */
size_t smtp_content_take(struct smtp_content *content, size_t limit, struct buffer *output);
/*
 * Appends whole lines with their dots doubled (RFC 5321 section 4.5.2), about limit bytes;
 * returns how many bytes of the content went.
 */
size_t smtp_content_take_doubled(struct smtp_content *content, size_t limit, struct buffer *output);

#endif
