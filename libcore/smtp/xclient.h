/*
 * xclient - the arguments of Postfix's XCLIENT command.  Pure functions.
 */
#ifndef LIBCORE_SMTP_XCLIENT_H
#define LIBCORE_SMTP_XCLIENT_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"

/*
 * Appends " NAME=value", value in xtext (RFC 3461 section 4).  ADDR: an IPv6
 * address gets its prefix "IPV6:".  False with *error: not NAME, ADDR, PORT,
 * HELO, LOGIN, PROTO (or DESTADDR, DESTPORT), or a value it cannot have.
 */
bool xclient_append(struct buffer *arguments, const char *name, const char *value,
                    struct error *error);

#endif
