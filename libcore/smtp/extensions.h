/*
 * extensions - what a server has announced in its answer to EHLO (RFC 5321
 * section 4.1.1.1).
 */
#ifndef LIBCORE_SMTP_EXTENSIONS_H
#define LIBCORE_SMTP_EXTENSIONS_H

#include "libcore/base/buffer.h"
#include "libcore/smtp/reply.h"

/* One bit each. */
enum smtp_extension {
    SMTP_PIPELINING = 1 << 0,
    SMTP_SIZE = 1 << 1,
    SMTP_8BITMIME = 1 << 2,
    SMTP_SMTPUTF8 = 1 << 3,
    SMTP_CHUNKING = 1 << 4,
    SMTP_STARTTLS = 1 << 5,
    SMTP_AUTH = 1 << 6,
    SMTP_XCLIENT = 1 << 7,
};

/* {0}: none. */
struct smtp_extensions {
    unsigned offered;         /* of enum smtp_extension */
    struct buffer mechanisms; /* of AUTH: "PLAIN LOGIN" */
};

/* Takes them from the answer; those before are forgotten. */
void smtp_extensions_read(struct smtp_extensions *extensions, const struct smtp_reply *reply);
void smtp_extensions_clear(struct smtp_extensions *extensions);

#endif
