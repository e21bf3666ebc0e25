/*
 * server_name - how a mail server is written: HOST, HOST:PORT, ADDRESS,
 * [ADDRESS]:PORT, or a specification of tools.md (unix:PATH, inet:PORT@HOST, ...).
 */
#ifndef MILTER_PERFORMANCE_CHECK_SERVER_NAME_H
#define MILTER_PERFORMANCE_CHECK_SERVER_NAME_H

#include "libcore/base/error.h"
#include "libcore/base/slice.h"
#include "libcore/net/connection_spec.h"

struct server_name {
    int family; /* AF_UNIX: see socket; AF_UNSPEC: all that the resolver knows */
    bool specification;
    struct slice host; /* without brackets; in the text */
    unsigned port;     /* never 0, but for unix sockets */
    struct socket_address socket;
};

/* default_port 0: the text must have one.  False with *error (ERROR_USAGE). */
bool server_name_parse(const char *text, unsigned default_port, struct server_name *name,
                       struct error *error);
/* A number from 1 to 65535 or the name of a service. */
bool server_name_parse_port(struct slice text, unsigned *port, struct error *error);

#endif
