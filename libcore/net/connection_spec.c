/*
 * connection_spec - parses and prints connection specifications.
 *
 * Owns nothing.  May ask the resolver when a host is given by name; never opens
 * a connection and never touches the file system.
 */
#include "libcore/net/connection_spec.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

enum { PORT_MAXIMUM = 65535, PORT_TEXT = 6, HOST_TEXT = 256 };

typedef bool content_parse_fn(const char *spec, const char *content, int family,
                              struct socket_address *address, struct error *error);

static bool parse_unix(const char *spec, const char *content, int family,
                       struct socket_address *address, struct error *error)
{
    struct sockaddr_un *unix_address = (struct sockaddr_un *)(void *)&address->storage;
    size_t length = strlen(content);
    if (length >= sizeof(unix_address->sun_path)) {
        error_set(error, ERROR_USAGE,
                  "unix socket path is too long: <%s>: %zu bytes, the system allows %zu", spec,
                  length, sizeof(unix_address->sun_path) - 1);
        return false;
    }
    unix_address->sun_family = (sa_family_t)family;
    memcpy(unix_address->sun_path, content, length + 1);
    address->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + 1);
    return true;
}

/* PORT up to '@' or the end; *rest is what follows the digits. */
static bool parse_port(const char *spec, const char *content, unsigned *port, const char **rest,
                       struct error *error)
{
    size_t digits = strspn(content, "0123456789");
    char stop = content[digits];
    if (digits == 0 || (stop != '\0' && stop != '@')) {
        error_set(error, ERROR_USAGE, "port number has invalid character: <%s>: <%c>", spec, stop);
        return false;
    }
    unsigned value = 0;
    for (size_t i = 0; i < digits && value <= PORT_MAXIMUM; i++) {
        value = value * 10 + (unsigned)(content[i] - '0');
    }
    if (value > PORT_MAXIMUM) {
        error_set(error, ERROR_USAGE, "port number should be less than 65536: <%s>: <%.*s>", spec,
                  (int)digits, content);
        return false;
    }
    *port = value;
    *rest = content + digits;
    return true;
}

/* Takes the brackets off; name holds HOST_TEXT bytes. */
static bool parse_host(const char *spec, const char *host, char *name, struct error *error)
{
    size_t length = strlen(host);
    const char *start = host;
    if (host[0] == '[') {
        const char *close = strchr(host, ']');
        if (close == NULL) {
            error_set(error, ERROR_USAGE, "']' is missing: <%s>: <%s>", spec, host);
            return false;
        }
        start = host + 1;
        length = close[1] == '\0' ? (size_t)(close - start) : 0;
    }
    if (length == 0 || length >= HOST_TEXT) {
        error_set(error, ERROR_USAGE, "invalid host address: <%s>: <%s>", spec, host);
        return false;
    }
    memcpy(name, start, length);
    name[length] = '\0';
    return true;
}

static bool resolve(const char *host, const char *port, int family, struct socket_address *address)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    /* NULL: any address.  Numbers must not depend on a resolver being there. */
    hints.ai_flags = AI_NUMERICSERV | (host == NULL ? AI_PASSIVE : AI_NUMERICHOST);
    int status = getaddrinfo(host, port, &hints, &found);
    if (status != 0 && host != NULL) {
        hints.ai_flags = AI_NUMERICSERV;
        status = getaddrinfo(host, port, &hints, &found);
    }
    if (status != 0) {
        return false;
    }
    memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
    address->length = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool parse_internet(const char *spec, const char *content, int family,
                           struct socket_address *address, struct error *error)
{
    unsigned port = 0;
    const char *rest = NULL;
    if (!parse_port(spec, content, &port, &rest, error)) {
        return false;
    }
    char name[HOST_TEXT] = "";
    const char *host = NULL;
    if (*rest == '@') {
        host = rest + 1;
        if (!parse_host(spec, host, name, error)) {
            return false;
        }
    }
    char port_text[PORT_TEXT];
    snprintf(port_text, sizeof(port_text), "%u", port);
    if (!resolve(host == NULL ? NULL : name, port_text, family, address)) {
        error_set(error, ERROR_USAGE, "invalid host address: <%s>: <%s>", spec,
                  host == NULL ? "" : host);
        return false;
    }
    return true;
}

static const struct {
    const char *name;
    int family;
    content_parse_fn *parse;
} PROTOCOLS[] = {
    {"unix", AF_UNIX, parse_unix},
    {"local", AF_UNIX, parse_unix},
    {"inet", AF_INET, parse_internet},
    {"inet6", AF_INET6, parse_internet},
};

bool connection_spec_parse(const char *spec, struct socket_address *address, struct error *error)
{
    memset(address, 0, sizeof(*address));
    const char *colon = strchr(spec, ':');
    if (colon == NULL) {
        error_set(error, ERROR_USAGE, "spec doesn't have colon: <%s>", spec);
        return false;
    }
    if (colon[1] == '\0') {
        error_set(error, ERROR_USAGE, "spec doesn't have content: <%s>", spec);
        return false;
    }
    size_t length = (size_t)(colon - spec);
    for (size_t i = 0; i < sizeof(PROTOCOLS) / sizeof(PROTOCOLS[0]); i++) {
        if (strlen(PROTOCOLS[i].name) == length && memcmp(PROTOCOLS[i].name, spec, length) == 0) {
            return PROTOCOLS[i].parse(spec, colon + 1, PROTOCOLS[i].family, address, error);
        }
    }
    error_set(error, ERROR_USAGE, "protocol must be 'unix', 'inet' or 'inet6': <%s>: <%.*s>", spec,
              (int)length, spec);
    return false;
}

static const char *format_unix(const struct socket_address *address, char *text)
{
    const struct sockaddr_un *unix_address = (const void *)&address->storage;
    size_t offset = offsetof(struct sockaddr_un, sun_path);
    size_t length = address->length > offset ? address->length - offset : 0;
    const char *path = unix_address->sun_path;
    /* Names outside the file system begin with NUL and do not end in it. */
    bool abstract = length > 0 && path[0] == '\0';
    if (abstract) {
        path++;
        length--;
    }
    snprintf(text, SOCKET_ADDRESS_TEXT, "unix:%s%.*s", abstract ? "@" : "",
             (int)strnlen(path, length), path);
    return text;
}

static const char *format_internet(const char *protocol, const void *host, int family,
                                   in_port_t port, char *text)
{
    char host_text[INET6_ADDRSTRLEN];
    inet_ntop(family, host, host_text, sizeof(host_text));
    snprintf(text, SOCKET_ADDRESS_TEXT, "%s:%u@[%s]", protocol, (unsigned)ntohs(port), host_text);
    return text;
}

unsigned socket_address_port(const struct socket_address *address)
{
    const struct sockaddr_in *inet = (const void *)&address->storage;
    const struct sockaddr_in6 *inet6 = (const void *)&address->storage;

    switch (address->storage.ss_family) {
    case AF_INET:
        return ntohs(inet->sin_port);
    case AF_INET6:
        return ntohs(inet6->sin6_port);
    default:
        return 0;
    }
}

const char *socket_address_format(const struct socket_address *address,
                                  char text[SOCKET_ADDRESS_TEXT])
{
    const struct sockaddr_in *inet = (const void *)&address->storage;
    const struct sockaddr_in6 *inet6 = (const void *)&address->storage;
    switch (address->length == 0 ? AF_UNSPEC : address->storage.ss_family) {
    case AF_UNIX:
        return format_unix(address, text);
    case AF_INET:
        return format_internet("inet", &inet->sin_addr, AF_INET, inet->sin_port, text);
    case AF_INET6:
        return format_internet("inet6", &inet6->sin6_addr, AF_INET6, inet6->sin6_port, text);
    default:
        snprintf(text, SOCKET_ADDRESS_TEXT, "unknown");
        return text;
    }
}

bool socket_address_is_local(const struct socket_address *address)
{
    const struct sockaddr_in *inet = (const void *)&address->storage;
    const struct sockaddr_in6 *inet6 = (const void *)&address->storage;

    switch (address->storage.ss_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return ntohl(inet->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&inet6->sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&inet6->sin6_addr) &&
                inet6->sin6_addr.s6_addr[12] == IN_LOOPBACKNET);
    default:
        return false;
    }
}
