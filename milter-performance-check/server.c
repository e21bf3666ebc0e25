/*
 * server - the mail servers a run is for, and their addresses.
 *
 * Owns names and addresses.  Asks the resolver, once for each server, before the
 * run begins; opens no connection.
 */
#include "milter-performance-check/server.h"

#include "libcore/base/file.h"
#include "libcore/base/memory.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

enum { PORT_MAXIMUM = 65535, PORT_TEXT = 64 };

/* A server as it was typed. */
struct target {
    int family; /* AF_UNSPEC: whatever the resolver knows */
    struct slice host;
    unsigned port;
};

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
    char name[PORT_TEXT];

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

static bool parse_port(struct slice text, unsigned *port, struct error *error)
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

/* HOST, HOST:PORT, ADDRESS, [ADDRESS]:PORT; default_port 0: there is none. */
static bool parse_target(const char *text, unsigned default_port, struct target *target,
                         struct error *error)
{
    struct slice port;
    bool good = text[0] == '[' ? parse_bracketed(text, &target->host, &port, error)
                               : parse_bare(text, &target->host, &port, error);

    target->family = AF_UNSPEC;
    target->port = default_port;
    if (!good) {
        return false;
    }
    if (target->host.length == 0) {
        error_set(error, ERROR_USAGE, "the name of the host is missing: <%s>", text);
        return false;
    }
    if (port.data != NULL) {
        return parse_port(port, &target->port, error);
    }
    if (default_port == 0) {
        error_set(error, ERROR_USAGE, "the port is missing: <%s>", text);
        return false;
    }
    return true;
}

/* inet:PORT[@HOST], which connection_spec_parse has found right. */
static struct target target_of_specification(const char *spec, const struct socket_address *address)
{
    const struct sockaddr_in *inet = (const void *)&address->storage;
    const struct sockaddr_in6 *inet6 = (const void *)&address->storage;
    const char *at = strchr(spec, '@');
    struct target target = {.family = address->storage.ss_family};

    target.port = ntohs(target.family == AF_INET ? inet->sin_port : inet6->sin6_port);
    if (at == NULL) {
        /* Any address, of those to listen on: this machine. */
        target.host = slice_from_string(target.family == AF_INET ? "127.0.0.1" : "::1");
    } else if (at[1] == '[') {
        target.host = part_of(at + 2, strchr(at, ']'));
    } else {
        target.host = slice_from_string(at + 1);
    }
    return target;
}

static bool has_prefix(const char *text, const char *const *prefixes)
{
    for (; *prefixes != NULL; prefixes++) {
        if (strncmp(text, *prefixes, strlen(*prefixes)) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_unix_specification(const char *text)
{
    return has_prefix(text, (const char *const[]){"unix:", "local:", NULL});
}

static bool is_internet_specification(const char *text)
{
    return has_prefix(text, (const char *const[]){"inet:", "inet6:", NULL});
}

/* ---- addresses */

static void add_address(struct server *server, const void *address, socklen_t length)
{
    for (size_t i = 0; i < server->address_count; i++) {
        const struct socket_address *known = &server->addresses[i];
        if (known->length == length && memcmp(&known->storage, address, length) == 0) {
            return;
        }
    }
    server->addresses =
        memory_resize(server->addresses, server->address_count + 1, sizeof(server->addresses[0]));
    struct socket_address *added = &server->addresses[server->address_count++];
    memset(added, 0, sizeof(*added));
    memcpy(&added->storage, address, length);
    added->length = length;
}

static void set_error_of_resolver(const char *host, int status, struct error *error)
{
    static const struct {
        int status;
        const char *way_out;
    } WAYS_OUT[] = {
        {EAI_NONAME, "check the spelling, or give an address"},
        {EAI_NODATA, "it exists, but has no address"},
        {EAI_AGAIN, "the resolver does not answer: check /etc/resolv.conf, or give an address"},
        {EAI_FAIL, "the resolver does not answer: check /etc/resolv.conf, or give an address"},
    };
    const char *way_out = "give an address instead";

    if (status == EAI_SYSTEM) {
        error_set_errno(error, "cannot find the address of mail server %s", host);
        return;
    }
    for (size_t i = 0; i < sizeof(WAYS_OUT) / sizeof(WAYS_OUT[0]); i++) {
        if (WAYS_OUT[i].status == status) {
            way_out = WAYS_OUT[i].way_out;
            break;
        }
    }
    error_set(error, ERROR_USAGE, "cannot find the address of mail server %s: %s: %s", host,
              gai_strerror(status), way_out);
}

static bool resolve(struct server *server, const struct target *target, struct error *error)
{
    struct addrinfo hints = {
        .ai_family = target->family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[PORT_TEXT];

    snprintf(port, sizeof(port), "%u", target->port);
    int status = getaddrinfo(server->host, port, &hints, &found);
    if (status != 0) {
        set_error_of_resolver(server->host, status, error);
        return false;
    }
    for (const struct addrinfo *each = found; each != NULL; each = each->ai_next) {
        add_address(server, each->ai_addr, each->ai_addrlen);
    }
    freeaddrinfo(found);
    return true;
}

/* ---- servers */

static const char *keep(struct servers *servers, struct slice text)
{
    return arena_copy(&servers->strings, text).data;
}

static const char *name_of(struct servers *servers, const struct target *target)
{
    bool colons = memchr(target->host.data, ':', target->host.length) != NULL;
    char *name = memory_format(colons ? "[%.*s]:%u" : "%.*s:%u", (int)target->host.length,
                               target->host.data, target->port);
    const char *kept = keep(servers, slice_from_string(name));

    free(name);
    return kept;
}

static bool add_specification(struct servers *servers, struct server *server, const char *text,
                              struct error *error)
{
    struct socket_address address;
    struct target target;

    if (!connection_spec_parse(text, &address, error)) {
        return false;
    }
    server->name = keep(servers, slice_from_string(text));
    if (address.storage.ss_family == AF_UNIX) {
        server->host = "localhost";
        add_address(server, &address.storage, address.length);
        return true;
    }
    target = target_of_specification(text, &address);
    if (target.port == 0) {
        error_set(error, ERROR_USAGE, "nobody can be reached at port 0: <%s>", text);
        return false;
    }
    server->host = keep(servers, target.host);
    return resolve(server, &target, error);
}

static bool add_server(struct servers *servers, const char *text, unsigned port,
                       struct error *error)
{
    struct server *server = &servers->each[servers->count++];
    struct target target;

    if (is_unix_specification(text) || is_internet_specification(text)) {
        return add_specification(servers, server, text, error);
    }
    if (!parse_target(text, port, &target, error)) {
        return false;
    }
    server->name = name_of(servers, &target);
    server->host = keep(servers, target.host);
    return resolve(server, &target, error);
}

bool servers_resolve(struct servers *servers, const struct option_strings *names, const char *port,
                     struct error *error)
{
    unsigned default_port = 0;

    memset(servers, 0, sizeof(*servers));
    if (!parse_port(slice_from_string(port), &default_port, error)) {
        return false;
    }
    servers->each = memory_new(names->count, sizeof(servers->each[0]));
    for (size_t i = 0; i < names->count; i++) {
        if (!add_server(servers, names->items[i], default_port, error)) {
            servers_clear(servers);
            return false;
        }
    }
    return true;
}

void servers_clear(struct servers *servers)
{
    for (size_t i = 0; i < servers->count; i++) {
        free(servers->each[i].addresses);
    }
    free(servers->each);
    arena_clear(&servers->strings);
    memset(servers, 0, sizeof(*servers));
}

/* ---- the map of credentials */

struct map {
    struct servers *servers;
    const char *path;
    unsigned line;
    unsigned *lines; /* for each server the one that had its credentials, 0: none yet */
};

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static struct slice without_blanks(struct slice text)
{
    while (text.length > 0 && is_blank(text.data[0])) {
        slice_skip(&text, 1);
    }
    while (text.length > 0 && is_blank(text.data[text.length - 1])) {
        text.length--;
    }
    return text;
}

/* Takes what stands before the separator, and the separator, off text. */
static bool take_until(struct slice *text, bool (*separates)(char), struct slice *part)
{
    for (size_t i = 0; i < text->length; i++) {
        if (separates(text->data[i])) {
            *part = slice_of(text->data, i);
            slice_skip(text, i + 1);
            return true;
        }
    }
    return false;
}

static bool is_colon(char byte)
{
    return byte == ':';
}

static unsigned port_of(const struct socket_address *address)
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

static bool is_server_at(const struct server *server, const struct target *target,
                         const struct socket_address *socket)
{
    const struct socket_address *address = &server->addresses[0];

    if (socket->length > 0) {
        return address->length == socket->length &&
               memcmp(&address->storage, &socket->storage, socket->length) == 0;
    }
    return port_of(address) == target->port &&
           slice_equal_ignoring_case(slice_from_string(server->host), target->host);
}

static bool give_credentials(const struct map *map, const char *place, struct slice user,
                             struct slice password, struct error *error)
{
    struct socket_address socket = {.length = 0};
    struct target target = {.port = 0};

    if (!(is_unix_specification(place) ? connection_spec_parse(place, &socket, error)
                                       : parse_target(place, 0, &target, error))) {
        return false;
    }
    for (size_t i = 0; i < map->servers->count; i++) {
        struct server *server = &map->servers->each[i];
        if (!is_server_at(server, &target, &socket)) {
            continue;
        }
        if (map->lines[i] != 0) {
            error_set(error, ERROR_USAGE, "%s has been given credentials in line %u already", place,
                      map->lines[i]);
            return false;
        }
        map->lines[i] = map->line;
        server->credentials.user = keep(map->servers, user);
        server->credentials.password = keep(map->servers, password);
    }
    return true;
}

/* "SERVER:PORT USER:PASSWORD"; blanks may stand inside of PASSWORD. */
static bool read_line(const struct map *map, struct slice line, struct error *error)
{
    struct slice place, user;

    line = without_blanks(line);
    if (line.length == 0 || line.data[0] == '#') {
        return true;
    }
    if (memchr(line.data, '\0', line.length) != NULL) {
        error_set(error, ERROR_USAGE, "there is a NUL byte in it: is it a text file?");
        return false;
    }
    /* The words are not shown: one of them may be the password. */
    if (!take_until(&line, is_blank, &place)) {
        error_set(error, ERROR_USAGE, "SERVER:PORT USER:PASSWORD is expected, with a blank");
        return false;
    }
    line = without_blanks(line);
    if (!take_until(&line, is_colon, &user) || user.length == 0 || line.length == 0) {
        error_set(error, ERROR_USAGE, "USER:PASSWORD is expected behind <%.*s>", (int)place.length,
                  place.data);
        return false;
    }
    char *place_text = memory_copy_bytes(place.data, place.length);
    bool good = give_credentials(map, place_text, user, line, error);
    free(place_text);
    return good;
}

static bool read_lines(struct map *map, struct slice content, struct error *error)
{
    while (content.length > 0) {
        const char *end = memchr(content.data, '\n', content.length);
        size_t length = end == NULL ? content.length : (size_t)(end - content.data);
        struct error mistake = {.code = ERROR_NONE};

        map->line++;
        if (!read_line(map, slice_of(content.data, length), &mistake)) {
            error_set(error, ERROR_USAGE, "%s:%u: %s", map->path, map->line, mistake.message);
            return false;
        }
        slice_skip(&content, length + 1);
    }
    return true;
}

bool servers_read_auth_map(struct servers *servers, const char *path, struct error *error)
{
    struct map map = {.servers = servers, .path = path};
    struct buffer content = {0};
    bool good = file_read(path, "file of credentials", &content, error);

    map.lines = memory_new(servers->count, sizeof(map.lines[0]));
    good = good && read_lines(&map, buffer_slice(&content), error);
    if (content.data != NULL) {
        explicit_bzero(content.data, content.capacity);
    }
    buffer_clear(&content);
    free(map.lines);
    return good;
}
