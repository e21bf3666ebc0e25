/*
 * proxy_protocol - the header that a proxy sends in front of a connection, versions 1
 * and 2 of HAProxy's PROXY protocol.  Pure functions.
 */
#ifndef LIBCORE_SMTP_PROXY_PROTOCOL_H
#define LIBCORE_SMTP_PROXY_PROTOCOL_H

#include "libcore/base/buffer.h"

#include <sys/socket.h>

enum proxy_protocol { PROXY_PROTOCOL_NONE, PROXY_PROTOCOL_V1, PROXY_PROTOCOL_V2 };

/*
 * Appends the header: a connection from source to destination; nothing for
 * PROXY_PROTOCOL_NONE.  Families that differ or are neither IPv4 nor IPv6 (unix
 * sockets): "UNKNOWN", or LOCAL in version 2.  IPv4 mapped into IPv6 is IPv4.
 */
void proxy_protocol_append(struct buffer *output, enum proxy_protocol version,
                           const struct sockaddr_storage *source,
                           const struct sockaddr_storage *destination);

#endif
