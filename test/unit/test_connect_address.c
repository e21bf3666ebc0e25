/*
 * Tests of connect_address: what CONNECT says of a client.
 */
#include "libcore/net/connect_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_forms(void **state)
{
    static const struct {
        const char *spec;
        char family;
        uint16_t port;
        const char *address;
    } forms[] = {
        {"inet:25@[192.0.2.1]", '4', 25, "192.0.2.1"},
        {"inet6:26@[2001:db8::1]", '6', 26, "2001:db8::1"},
        {"unix:/run/client", 'L', 0, "/run/client"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct command_connect connect = {.host = {"mx", 2}, .port = 99};
        char text[CONNECT_ADDRESS_TEXT];
        struct error error = {0};

        assert_true(connect_address_parse(forms[i].spec, &connect, text, &error));
        assert_int_equal(connect.family, forms[i].family);
        assert_int_equal(connect.port, forms[i].port);
        assert_true(slice_equal_string(connect.address, forms[i].address));
        assert_true(slice_equal_string(connect.host, "mx"));
    }
}

static void test_longest_path(void **state)
{
    struct command_connect connect = {.family = 0};
    char spec[128] = "unix:";
    char text[CONNECT_ADDRESS_TEXT];
    struct error error = {0};

    (void)state;
    memset(spec + 5, 'p', 107);
    assert_true(connect_address_parse(spec, &connect, text, &error));
    assert_int_equal(connect.address.length, 107);
}

static void test_unknown(void **state)
{
    struct command_connect connect = {.family = '4'};
    char text[CONNECT_ADDRESS_TEXT];

    (void)state;
    assert_true(connect_address_parse("unknown", &connect, text, NULL));
    assert_int_equal(connect.family, 'U');
}

static void test_mistakes(void **state)
{
    struct command_connect connect = {.family = 0};
    char text[CONNECT_ADDRESS_TEXT];
    struct error error = {0};

    (void)state;
    assert_false(connect_address_parse("192.0.2.1", &connect, text, &error));
    assert_string_equal(error.message, "spec doesn't have colon: <192.0.2.1>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_longest_path),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_mistakes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
