/*
 * Connection specifications: what is understood, the sentences for what is
 * not, and the printed form.
 */
#include "libcore/net/connection_spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

static void specs_print_as_specified(void **state)
{
    static const struct {
        const char *spec, *printed;
    } CASES[] = {
        {"unix:/tmp/socket", "unix:/tmp/socket"},
        {"local:/tmp/so:cket", "unix:/tmp/so:cket"},
        {"inet:10025", "inet:10025@[0.0.0.0]"},
        {"inet6:10025", "inet6:10025@[::]"},
        {"inet:0@127.0.0.1", "inet:0@[127.0.0.1]"},
        {"inet:65535@[127.0.0.1]", "inet:65535@[127.0.0.1]"},
        {"inet:00025@[127.0.0.1]", "inet:25@[127.0.0.1]"},
        {"inet:25@localhost", "inet:25@[127.0.0.1]"},
        {"inet6:25@[::1]", "inet6:25@[::1]"},
        {"inet6:25@2001:db8::7", "inet6:25@[2001:db8::7]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct socket_address address;
        struct error error = {0};
        char text[SOCKET_ADDRESS_TEXT];
        if (!connection_spec_parse(CASES[i].spec, &address, &error)) {
            fail_msg("%s: %s", CASES[i].spec, error.message);
        }
        assert_string_equal(socket_address_format(&address, text), CASES[i].printed);
    }
}

static void bad_specs_say_what_is_wrong(void **state)
{
    static const struct {
        const char *spec, *message;
    } CASES[] = {
        {"", "spec doesn't have colon: <>"},
        {"unix", "spec doesn't have colon: <unix>"},
        {"unix:", "spec doesn't have content: <unix:>"},
        {"inet:", "spec doesn't have content: <inet:>"},
        {"tcp:25", "protocol must be 'unix', 'inet' or 'inet6': <tcp:25>: <tcp>"},
        {":25", "protocol must be 'unix', 'inet' or 'inet6': <:25>: <>"},
        {"ine:25", "protocol must be 'unix', 'inet' or 'inet6': <ine:25>: <ine>"},
        {"inet:2x5", "port number has invalid character: <inet:2x5>: <x>"},
        {"inet:-1", "port number has invalid character: <inet:-1>: <->"},
        {"inet:@h", "port number has invalid character: <inet:@h>: <@>"},
        {"inet:65536", "port number should be less than 65536: <inet:65536>: <65536>"},
        {"inet:99999999999999999999@[::1]",
         "port number should be less than 65536: <inet:99999999999999999999@[::1]>: "
         "<99999999999999999999>"},
        {"inet:25@[127.0.0.1", "']' is missing: <inet:25@[127.0.0.1>: <[127.0.0.1>"},
        {"inet:25@", "invalid host address: <inet:25@>: <>"},
        {"inet:25@[]", "invalid host address: <inet:25@[]>: <[]>"},
        {"inet:25@[::1]", "invalid host address: <inet:25@[::1]>: <[::1]>"},
        {"inet:25@[127.0.0.1]x", "invalid host address: <inet:25@[127.0.0.1]x>: <[127.0.0.1]x>"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct socket_address address;
        struct error error = {0};
        assert_false(connection_spec_parse(CASES[i].spec, &address, &error));
        assert_int_equal(error.code, ERROR_USAGE);
        assert_string_equal(error.message, CASES[i].message);
        assert_int_equal(address.length, 0);
    }
}

static void a_unix_path_must_fit(void **state)
{
    enum { LONGEST = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1 };
    char spec[sizeof("unix:") + LONGEST + 1] = "unix:";
    struct socket_address address;
    struct error error = {0};
    char text[SOCKET_ADDRESS_TEXT];
    (void)state;
    memset(spec + 5, 'a', LONGEST);
    assert_true(connection_spec_parse(spec, &address, &error));
    assert_string_equal(socket_address_format(&address, text), spec);
    spec[5 + LONGEST] = 'a';
    assert_false(connection_spec_parse(spec, &address, &error));
    assert_non_null(strstr(error.message, "unix socket path is too long: <unix:aaa"));
    assert_non_null(strstr(error.message, "108 bytes, the system allows 107"));
}

static void other_addresses_are_unknown(void **state)
{
    struct socket_address address = {.length = 0};
    char text[SOCKET_ADDRESS_TEXT];
    (void)state;
    assert_string_equal(socket_address_format(&address, text), "unknown");
    address.storage.ss_family = AF_APPLETALK;
    address.length = 16;
    assert_string_equal(socket_address_format(&address, text), "unknown");
    address.storage.ss_family = AF_UNIX;
    address.length = sizeof(sa_family_t);
    assert_string_equal(socket_address_format(&address, text), "unix:");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(specs_print_as_specified),
        cmocka_unit_test(bad_specs_say_what_is_wrong),
        cmocka_unit_test(a_unix_path_must_fit),
        cmocka_unit_test(other_addresses_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
