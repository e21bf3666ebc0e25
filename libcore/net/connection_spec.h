/*
 * connection_spec - where to listen or connect, as operators write it.
 *
 * unix:PATH, local:PATH, inet:PORT[@HOST], inet6:PORT[@HOST]; HOST a name or
 * [ADDRESS]; no HOST means any address (tools.md, common rules).
 */
#ifndef LIBCORE_NET_CONNECTION_SPEC_H
#define LIBCORE_NET_CONNECTION_SPEC_H

#include "libcore/base/error.h"

#include <stdbool.h>
#include <sys/socket.h>

struct socket_address {
    struct sockaddr_storage storage;
    socklen_t length; /* 0: no address */
};

/*
 * Parses spec and resolves its host.  The messages of *error are those of
 * tools.md; a unix path that does not fit sockaddr_un is an error.
 */
bool connection_spec_parse(const char *spec, struct socket_address *address, struct error *error);

/* A unix socket or a loopback address: no other host can connect. */
bool socket_address_is_local(const struct socket_address *address);
/* 0: it has none, or it is to be chosen. */
unsigned socket_address_port(const struct socket_address *address);

/* Large enough for every printed form. */
enum { SOCKET_ADDRESS_TEXT = 128 };
/* unix:PATH, inet:PORT@[ADDR], inet6:PORT@[ADDR] or unknown. */
const char *socket_address_format(const struct socket_address *address,
                                  char text[SOCKET_ADDRESS_TEXT]);

#endif
