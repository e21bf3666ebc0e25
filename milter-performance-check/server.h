/*
 * server - the mail servers a run is for, and their addresses.
 */
#ifndef MILTER_PERFORMANCE_CHECK_SERVER_H
#define MILTER_PERFORMANCE_CHECK_SERVER_H

#include "libcore/base/arena.h"
#include "libcore/base/error.h"
#include "libcore/base/options.h"
#include "libcore/net/connection_spec.h"

struct credentials {
    const char *user; /* NULL: none */
    const char *password;
};

struct server {
    const char *name; /* for people and messages: "mx.example.net:25" */
    const char *host; /* to verify a certificate by, and for SASL; "localhost" for a unix socket */
    struct socket_address *addresses; /* in the order of the resolver, one at least */
    size_t address_count;
    size_t preferred; /* the one that worked last; sessions write it */
    struct credentials credentials;
};

struct servers {
    struct server *each;
    size_t count;
    struct arena strings; /* names, hosts, and the credentials of the map */
};

/*
 * Resolves the names, in their order: HOST, HOST:PORT, ADDRESS, [ADDRESS]:PORT, or a
 * specification of tools.md (unix:PATH, inet:PORT@HOST, ...).  An IPv6 address has
 * its port only behind brackets.  port (a number or the name of a service) is for
 * those that name none.  False with *error, *servers then empty.
 */
bool servers_resolve(struct servers *servers, const struct option_strings *names, const char *port,
                     struct error *error);
void servers_clear(struct servers *servers);

/*
 * Reads lines "SERVER:PORT USER:PASSWORD" ('#' comments; PORT may be a service; a unix
 * socket is unix:PATH) and gives the servers that match their credentials.  SERVER is
 * compared with the host as it was typed, without regard to case.  The others keep what they have.
 * False with *error naming file and line.
 */
bool servers_read_auth_map(struct servers *servers, const char *path, struct error *error);

#endif
