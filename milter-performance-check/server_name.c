/*
 * server_name - reads how a server is written.
 *
 * Owns nothing.  May ask the resolver for the number of a service, and whether the
 * host of a specification is there.
 */
#include "milter-performance-check/server_name.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { PORT_MAXIMUM = 65535, SERVICE = 64 };

static struct slice part_of(const char *start, const char *end)
{
    return slice_of(start, (size_t)(end - start));
}

/* ---- ports */

static bool parse_port_number(struct slice text, unsigned *port)
{
    unsigned long value = 0;

    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || value > PORT_MAXIMUM) {
            return false;
        }
        value = value * 10 + (unsigned long)(text.data[i] - '0');
    }
    *port = (unsigned)value;
    return value > 0 && value <= PORT_MAXIMUM;
}

static bool parse_service(struct slice text, unsigned *port)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char name[SERVICE];

    /* The resolver would take any number, however large. */
    if (text.length == 0 || text.length >= sizeof(name) ||
        strchr("0123456789-+ ", text.data[0]) != NULL) {
        return false;
    }
    memcpy(name, text.data, text.length);
    name[text.length] = '\0';
    if (getaddrinfo(NULL, name, &hints, &found) != 0) {
        return false;
    }
    *port = ntohs(((const struct sockaddr_in *)(const void *)found->ai_addr)->sin_port);
    freeaddrinfo(found);
    return *port != 0;
}

bool server_name_parse_port(struct slice text, unsigned *port, struct error *error)
{
    if (parse_port_number(text, port) || parse_service(text, port)) {
        return true;
    }
    error_set(error, ERROR_USAGE,
              "port <%.*s> is neither a number from 1 to 65535 nor a service of /etc/services",
              (int)text.length, text.data);
    return false;
}

/* ---- what was typed */

static bool parse_bracketed(const char *text, struct slice *host, struct slice *port,
                            struct error *error)
{
    const char *close = strchr(text, ']');

    if (close == NULL) {
        error_set(error, ERROR_USAGE, "']' is missing: <%s>", text);
        return false;
    }
    if (close[1] != '\0' && close[1] != ':') {
        error_set(error, ERROR_USAGE, "a port is to follow ':' behind ']': <%s>", text);
        return false;
    }
    *host = part_of(text + 1, close);
    *port = close[1] == '\0' ? slice_of(NULL, 0) : slice_from_string(close + 2);
    return true;
}

static bool parse_bare(const char *text, struct slice *host, struct slice *port,
                       struct error *error)
{
    const char *colon = strchr(text, ':');

    if (text[0] == '/') {
        error_set(error, ERROR_USAGE, "a unix socket is written unix:%s", text);
        return false;
    }
    if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        *host = part_of(text, colon);
        *port = slice_from_string(colon + 1);
        return true;
    }
    struct in6_addr address;
    char bare[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "%"); /* fe80::1%eth0 */
    snprintf(bare, sizeof(bare), "%.*s", (int)length, text);
    if (colon != NULL && (length >= sizeof(bare) || inet_pton(AF_INET6, bare, &address) != 1)) {
        error_set(error, ERROR_USAGE,
                  "neither HOST:PORT nor an IPv6 address (with a port: [ADDRESS]:PORT): <%s>",
                  text);
        return false;
    }
    *host = slice_from_string(text);
    *port = slice_of(NULL, 0);
    return true;
}

static bool parse_host_and_port(const char *text, unsigned default_port, struct server_name *name,
                                struct error *error)
{
    struct slice port;

    name->family = AF_UNSPEC;
    name->port = default_port;
    if (!(text[0] == '[' ? parse_bracketed(text, &name->host, &port, error)
                         : parse_bare(text, &name->host, &port, error))) {
        return false;
    }
    if (name->host.length == 0) {
        error_set(error, ERROR_USAGE, "the name of the host is missing: <%s>", text);
        return false;
    }
    if (port.data != NULL) {
        return server_name_parse_port(port, &name->port, error);
    }
    if (default_port == 0) {
        error_set(error, ERROR_USAGE, "the port is missing: <%s>", text);
        return false;
    }
    return true;
}

/* ---- specifications */

/* The host of inet:PORT[@HOST], which connection_spec_parse has found right. */
static struct slice host_of(const char *spec, int family)
{
    const char *at = strchr(spec, '@');

    if (at == NULL) {
        /* Any address, of those to listen on: this machine. */
        return slice_from_string(family == AF_INET ? "127.0.0.1" : "::1");
    }
    return at[1] == '[' ? part_of(at + 2, strchr(at, ']')) : slice_from_string(at + 1);
}

static bool parse_specification(const char *text, struct server_name *name, struct error *error)
{
    if (!connection_spec_parse(text, &name->socket, error)) {
        return false;
    }
    name->specification = true;
    name->family = name->socket.storage.ss_family;
    if (name->family == AF_UNIX) {
        return true;
    }
    name->host = host_of(text, name->family);
    name->port = socket_address_port(&name->socket);
    if (name->port == 0) {
        error_set(error, ERROR_USAGE, "nobody can be reached at port 0: <%s>", text);
        return false;
    }
    return true;
}

bool server_name_parse(const char *text, unsigned default_port, struct server_name *name,
                       struct error *error)
{
    static const char *const PROTOCOLS[] = {"unix:", "local:", "inet:", "inet6:"};

    memset(name, 0, sizeof(*name));
    for (size_t i = 0; i < sizeof(PROTOCOLS) / sizeof(PROTOCOLS[0]); i++) {
        if (strncmp(text, PROTOCOLS[i], strlen(PROTOCOLS[i])) == 0) {
            return parse_specification(text, name, error);
        }
    }
    return parse_host_and_port(text, default_port, name, error);
}
