/*
 * The servers of a load: every way to write one, all addresses of a name, what the
 * resolver refuses, and the file of credentials.
 */
#include "milter-performance-check/server.h"

#include "libcore/base/file.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a resolver that knows names below "test" and, of services, two */

typedef int getaddrinfo_fn(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static const struct {
    const char *name;
    int status;
    const char *addresses[4]; /* one of another name is resolved in its place */
} NAMES[] = {
    {"two.test", 0, {"::1", "127.0.0.1", "127.0.0.1", "::1"}},
    {"mx.test", 0, {"192.0.2.25"}},
    {"MX.Test", 0, {"192.0.2.25"}},
    {"unknown.test", EAI_NONAME, {NULL}},
    {"empty.test", EAI_NODATA, {NULL}},
    {"again.test", EAI_AGAIN, {NULL}},
    {"broken.test", EAI_MEMORY, {NULL}},
};

static int resolve_really(const char *node, const char *service, const struct addrinfo *hints,
                          struct addrinfo **result)
{
    static getaddrinfo_fn *really;
    if (really == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
        memcpy(&really, &symbol, sizeof(really));
    }
    return really(node, service, hints, result);
}

static int resolve_list(const char *const *addresses, const char *service,
                        const struct addrinfo *hints, struct addrinfo **result)
{
    *result = NULL;
    for (size_t i = 0; i < 4 && addresses[i] != NULL; i++) {
        bool inet6 = strchr(addresses[i], ':') != NULL;
        if (hints->ai_family != AF_UNSPEC && hints->ai_family != (inet6 ? AF_INET6 : AF_INET)) {
            continue;
        }
        assert_int_equal(resolve_really(addresses[i], service, hints, result), 0);
        result = &(*result)->ai_next;
    }
    return 0;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    if (node == NULL && strcmp(service, "smtp") == 0) {
        return resolve_really(NULL, "25", hints, result);
    }
    if (node == NULL && strcmp(service, "submission") == 0) {
        return resolve_really(NULL, "587", hints, result);
    }
    for (size_t i = 0; node != NULL && i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcmp(node, NAMES[i].name) == 0) {
            return NAMES[i].status != 0 ? NAMES[i].status
                                        : resolve_list(NAMES[i].addresses, service, hints, result);
        }
    }
    return resolve_really(node, service, hints, result);
}

static bool resolve(struct servers *servers, const char *name, struct error *error)
{
    const char *names[] = {name};
    const struct option_strings list = {names, 1};

    return servers_resolve(servers, &list, "smtp", error);
}

static void all_forms_are_understood(void **state)
{
    static const struct {
        const char *typed, *name, *host, *address;
    } CASES[] = {
        {"mx.test", "mx.test:25", "mx.test", "inet:25@[192.0.2.25]"},
        {"MX.Test:587", "MX.Test:587", "MX.Test", "inet:587@[192.0.2.25]"},
        {"mx.test:submission", "mx.test:587", "mx.test", "inet:587@[192.0.2.25]"},
        {"[mx.test]:0026", "mx.test:26", "mx.test", "inet:26@[192.0.2.25]"},
        {"127.0.0.1", "127.0.0.1:25", "127.0.0.1", "inet:25@[127.0.0.1]"},
        {"127.0.0.1:65535", "127.0.0.1:65535", "127.0.0.1", "inet:65535@[127.0.0.1]"},
        {"::1", "[::1]:25", "::1", "inet6:25@[::1]"},
        {"2001:db8::7:26", "[2001:db8::7:26]:25", "2001:db8::7:26", "inet6:25@[2001:db8::7:26]"},
        {"2001:db8::7", "[2001:db8::7]:25", "2001:db8::7", "inet6:25@[2001:db8::7]"},
        {"[::1]", "[::1]:25", "::1", "inet6:25@[::1]"},
        {"[::1]:26", "[::1]:26", "::1", "inet6:26@[::1]"},
        {"fe80::1%lo", "[fe80::1%lo]:25", "fe80::1%lo", "inet6:25@[fe80::1]"},
        {"inet:26@mx.test", "inet:26@mx.test", "mx.test", "inet:26@[192.0.2.25]"},
        {"inet:26@two.test", "inet:26@two.test", "two.test", "inet:26@[127.0.0.1]"},
        {"inet6:26@two.test", "inet6:26@two.test", "two.test", "inet6:26@[::1]"},
        {"inet6:26@[::1]", "inet6:26@[::1]", "::1", "inet6:26@[::1]"},
        {"inet:26", "inet:26", "127.0.0.1", "inet:26@[127.0.0.1]"},
        {"inet6:26", "inet6:26", "::1", "inet6:26@[::1]"},
        {"unix:/tmp/a:b", "unix:/tmp/a:b", "localhost", "unix:/tmp/a:b"},
        {"local:smtp.sock", "local:smtp.sock", "localhost", "unix:smtp.sock"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct servers servers;
        struct error error = {0};
        char text[SOCKET_ADDRESS_TEXT];
        if (!resolve(&servers, CASES[i].typed, &error)) {
            fail_msg("%s: %s", CASES[i].typed, error.message);
        }
        assert_int_equal(servers.count, 1);
        const struct server *server = &servers.each[0];
        assert_string_equal(server->name, CASES[i].name);
        assert_string_equal(server->host, CASES[i].host);
        assert_int_equal(server->address_count, 1);
        assert_string_equal(socket_address_format(&server->addresses[0], text), CASES[i].address);
        assert_null(server->credentials.user);
        servers_clear(&servers);
    }
}

static void addresses_keep_their_order_once_each(void **state)
{
    static const char *typed[] = {"two.test:2525", "mx.test", "two.test"};
    const struct option_strings names = {typed, 3};
    struct servers servers;
    struct error error = {0};
    char text[SOCKET_ADDRESS_TEXT];

    (void)state;
    assert_true(servers_resolve(&servers, &names, "26", &error));
    assert_int_equal(servers.count, 3);
    assert_int_equal(servers.each[0].address_count, 2);
    assert_string_equal(socket_address_format(&servers.each[0].addresses[0], text),
                        "inet6:2525@[::1]");
    assert_string_equal(socket_address_format(&servers.each[0].addresses[1], text),
                        "inet:2525@[127.0.0.1]");
    assert_string_equal(servers.each[1].name, "mx.test:26");
    assert_string_equal(servers.each[2].name, "two.test:26");
    servers_clear(&servers);
    assert_int_equal(servers.count, 0);
}

static void what_is_wrong_is_said(void **state)
{
#define PORT_WANTED " is neither a number from 1 to 65535 nor a service of /etc/services"
    static const struct {
        const char *typed, *message;
    } CASES[] = {
        {"", "the name of the host is missing: <>"},
        {":25", "the name of the host is missing: <:25>"},
        {"[]:25", "the name of the host is missing: <[]:25>"},
        {"mx.test:", "port <>" PORT_WANTED},
        {"mx.test:0", "port <0>" PORT_WANTED},
        {"mx.test:65536", "port <65536>" PORT_WANTED},
        {"mx.test:99999999999999999999", "port <99999999999999999999>" PORT_WANTED},
        {"mx.test:-1", "port <-1>" PORT_WANTED},
        {"mx.test: 25", "port < 25>" PORT_WANTED},
        {"mx.test:no-such-service", "port <no-such-service>" PORT_WANTED},
        {"[::1", "']' is missing: <[::1>"},
        {"[::1]25", "a port is to follow ':' behind ']': <[::1]25>"},
        {"mx.test:25:26",
         "neither HOST:PORT nor an IPv6 address (with a port: [ADDRESS]:PORT): <mx.test:25:26>"},
        {"smtp://mx.test:25", "neither HOST:PORT nor an IPv6 address (with a port: "
                              "[ADDRESS]:PORT): <smtp://mx.test:25>"},
        {"/run/smtp.sock", "a unix socket is written unix:/run/smtp.sock"},
        {"unix:", "spec doesn't have content: <unix:>"},
        {"inet:abc", "port number has invalid character: <inet:abc>: <a>"},
        {"inet:65536@mx.test", "port number should be less than 65536: <inet:65536@mx.test>: "
                               "<65536>"},
        {"inet:0@mx.test", "nobody can be reached at port 0: <inet:0@mx.test>"},
        {"inet:25@unknown.test", "invalid host address: <inet:25@unknown.test>: <unknown.test>"},
        {"unknown.test:25", "cannot find the address of mail server unknown.test: Name or service "
                            "not known: check the spelling, or give an address"},
        {"empty.test", "cannot find the address of mail server empty.test: No address associated "
                       "with hostname: it exists, but has no address"},
        {"again.test", "cannot find the address of mail server again.test: Temporary failure in "
                       "name resolution: the resolver does not answer: check /etc/resolv.conf, or "
                       "give an address"},
        {"broken.test", "cannot find the address of mail server broken.test: Memory allocation "
                        "failure: give an address instead"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct servers servers;
        struct error error = {0};
        assert_false(resolve(&servers, CASES[i].typed, &error));
        assert_string_equal(error.message, CASES[i].message);
        assert_int_equal(servers.count, 0);
        assert_null(servers.each);
    }
}

static void a_wrong_port_for_all_is_said(void **state)
{
    const char *typed[] = {"mx.test"};
    const struct option_strings names = {typed, 1};
    struct servers servers;
    struct error error = {0};

    (void)state;
    assert_false(servers_resolve(&servers, &names, "smpt?", &error));
    assert_string_equal(error.message, "port <smpt?>" PORT_WANTED);
}

/* ---- the file of credentials */

enum { DIRECTORY = 64, PATH = 96 };

struct map_file {
    char directory[DIRECTORY], path[PATH];
};

static int make_directory(void **state)
{
    static struct map_file file;

    snprintf(file.directory, sizeof(file.directory), "/tmp/test-server-XXXXXX");
    assert_non_null(mkdtemp(file.directory));
    snprintf(file.path, sizeof(file.path), "%s/map", file.directory);
    *state = &file;
    return 0;
}

static int remove_directory(void **state)
{
    const struct map_file *file = *state;

    (void)unlink(file->path);
    return rmdir(file->directory);
}

static const char *TYPED[] = {"mx.test", "MX.Test:587", "127.0.0.1",      "two.test",
                              "[::1]",   "unix:/run/a", "inet:26@mx.test"};
enum { TYPED_COUNT = sizeof(TYPED) / sizeof(TYPED[0]) };

static bool read_map(const struct map_file *file, struct slice content, struct servers *servers,
                     struct error *error)
{
    const struct option_strings names = {TYPED, TYPED_COUNT};

    assert_true(servers_resolve(servers, &names, "25", error));
    assert_true(file_write(file->path, 0600, content, error));
    return servers_read_auth_map(servers, file->path, error);
}

static void assert_credentials(const struct server *server, const char *user, const char *password)
{
    assert_non_null(server->credentials.user);
    assert_string_equal(server->credentials.user, user);
    assert_string_equal(server->credentials.password, password);
}

static void servers_get_their_credentials(void **state)
{
    static const char MAP[] = "# credentials\n"
                              "\n"
                              "  \t # and more\r\n"
                              "mX.tEST:25 alice:open: sesame # 1\t \r\n"
                              "\tmx.test:submission\t  bob@example.net:a:b\n"
                              "localhost:25 nobody:nothing\n"
                              "two.test:26 nobody:nothing\n"
                              "[::1]:smtp carol:c\n"
                              "local:/run/a dave:d\n"
                              "mx.test:26 erin:e";
    struct servers servers;
    struct error error = {0};

    if (!read_map(*state, slice_from_string(MAP), &servers, &error)) {
        fail_msg("%s", error.message);
    }
    assert_credentials(&servers.each[0], "alice", "open: sesame # 1");
    assert_credentials(&servers.each[1], "bob@example.net", "a:b");
    assert_null(servers.each[2].credentials.user);
    assert_null(servers.each[3].credentials.user);
    assert_credentials(&servers.each[4], "carol", "c");
    assert_credentials(&servers.each[5], "dave", "d");
    assert_credentials(&servers.each[6], "erin", "e");
    servers_clear(&servers);
}

static void an_empty_map_is_none(void **state)
{
    struct servers servers;
    struct error error = {0};

    assert_true(read_map(*state, slice_of("", 0), &servers, &error));
    assert_null(servers.each[0].credentials.user);
    servers_clear(&servers);
}

static void mistakes_name_file_and_line(void **state)
{
#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    static const struct {
        struct slice map;
        const char *message; /* behind the file's name */
    } CASES[] = {
        {BYTES("#\nmx.test:25"), ":2: SERVER:PORT USER:PASSWORD is expected, with a blank"},
        {BYTES("mx.test:25 alice\n"), ":1: USER:PASSWORD is expected behind <mx.test:25>"},
        {BYTES("mx.test:25 :x\n"), ":1: USER:PASSWORD is expected behind <mx.test:25>"},
        {BYTES("mx.test:25 alice:\n"), ":1: USER:PASSWORD is expected behind <mx.test:25>"},
        {BYTES("\n\nmx.test a:b\n"), ":3: the port is missing: <mx.test>"},
        {BYTES("mx.test:x25 a:b\n"), ":1: port <x25>" PORT_WANTED},
        {BYTES(":25 a:b\n"), ":1: the name of the host is missing: <:25>"},
        {BYTES("::1 a:b\n"), ":1: the port is missing: <::1>"},
        {BYTES("unix: a:b\n"), ":1: spec doesn't have content: <unix:>"},
        {BYTES("mx.test:25 a:b\0c\n"), ":1: there is a NUL byte in it: is it a text file?"},
        {BYTES("mx.test:25 a:b\n#\nMX.TEST:smtp c:d\n"),
         ":3: MX.TEST:smtp has been given credentials in line 1 already"},
    };
    const struct map_file *file = *state;

    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct servers servers;
        struct error error = {0};
        assert_false(read_map(file, CASES[i].map, &servers, &error));
        assert_int_equal(strncmp(error.message, file->path, strlen(file->path)), 0);
        assert_string_equal(error.message + strlen(file->path), CASES[i].message);
        servers_clear(&servers);
    }
}

static void a_missing_map_is_said(void **state)
{
    const struct map_file *file = *state;
    struct servers servers = {.count = 0};
    struct error error = {0};

    (void)unlink(file->path);
    assert_false(servers_read_auth_map(&servers, file->path, &error));
    assert_non_null(strstr(error.message, "map does not exist."));
    error_clear(&error);
    assert_false(servers_read_auth_map(&servers, file->directory, &error));
    assert_non_null(strstr(error.message, "Is a directory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_are_understood),
        cmocka_unit_test(addresses_keep_their_order_once_each),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(a_wrong_port_for_all_is_said),
        cmocka_unit_test(servers_get_their_credentials),
        cmocka_unit_test(an_empty_map_is_none),
        cmocka_unit_test(mistakes_name_file_and_line),
        cmocka_unit_test(a_missing_map_is_said),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
