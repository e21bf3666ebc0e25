/*
 * server - the mail servers a run is for, and their addresses.
 *
 * Owns names and addresses.  Asks the resolver, once for each server, before the
 * run begins; opens no connection.
 */
#include "milter-performance-check/server.h"

#include "libcore/base/file.h"
#include "libcore/base/memory.h"
#include "milter-performance-check/server_name.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT_TEXT = 8 };

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
#ifdef EAI_NODATA
        {EAI_NODATA, "it exists, but has no address"},
#endif
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

static bool resolve(struct server *server, const struct server_name *name, struct error *error)
{
    struct addrinfo hints = {
        .ai_family = name->family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[PORT_TEXT];

    snprintf(port, sizeof(port), "%u", name->port);
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

/* "mx.example.net:25", "[::1]:25", or a specification as it was typed. */
static const char *text_of(struct servers *servers, const struct server_name *name,
                           const char *typed)
{
    if (name->specification) {
        return keep(servers, slice_from_string(typed));
    }
    bool colons = memchr(name->host.data, ':', name->host.length) != NULL;
    char *text = memory_format(colons ? "[%.*s]:%u" : "%.*s:%u", (int)name->host.length,
                               name->host.data, name->port);
    const char *kept = keep(servers, slice_from_string(text));

    free(text);
    return kept;
}

static bool add_server(struct servers *servers, const char *typed, unsigned port,
                       struct error *error)
{
    struct server *server = &servers->each[servers->count++];
    struct server_name name;

    if (!server_name_parse(typed, port, &name, error)) {
        return false;
    }
    server->name = text_of(servers, &name, typed);
    if (name.family == AF_UNIX) {
        server->host = "localhost";
        add_address(server, &name.socket.storage, name.socket.length);
        return true;
    }
    server->host = keep(servers, name.host);
    return resolve(server, &name, error);
}

bool servers_resolve(struct servers *servers, const struct option_strings *names, const char *port,
                     struct error *error)
{
    unsigned default_port = 0;

    memset(servers, 0, sizeof(*servers));
    if (!server_name_parse_port(slice_from_string(port), &default_port, error)) {
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

static bool is_called(const struct server *server, const struct server_name *name)
{
    const struct socket_address *address = &server->addresses[0];

    if (name->family == AF_UNIX) {
        return address->length == name->socket.length &&
               memcmp(&address->storage, &name->socket.storage, address->length) == 0;
    }
    return socket_address_port(address) == name->port &&
           slice_equal_ignoring_case(slice_from_string(server->host), name->host);
}

static bool give_credentials(const struct map *map, const char *place, struct slice user,
                             struct slice password, struct error *error)
{
    struct server_name name;

    if (!server_name_parse(place, 0, &name, error)) {
        return false;
    }
    for (size_t i = 0; i < map->servers->count; i++) {
        struct server *server = &map->servers->each[i];
        if (!is_called(server, &name)) {
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
