/*
 * xclient - the arguments of Postfix's XCLIENT command.  Pure functions.
 */
#ifndef LIBCORE_SMTP_XCLIENT_H
#define LIBCORE_SMTP_XCLIENT_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"

/*
 * Appends " NAME=value", value in xtext (RFC 3461 section 4).  ADDR: an IPv6
 * address gets its prefix "IPV6:".  "[UNAVAILABLE]", and of NAME "[TEMPUNAVAIL]",
 * say that nothing is known.  False with *error, arguments unchanged: not NAME,
 * ADDR, PORT, HELO, LOGIN, PROTO (or DESTADDR, DESTPORT), a value it cannot have,
 * or all of them together too long for one command.
 */
bool xclient_append(struct buffer *arguments, const char *name, const char *value,
                    struct error *error);

#endif
