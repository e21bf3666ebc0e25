/*
 * The header of the PROXY protocol, byte by byte.
 */
#include "libcore/net/connection_spec.h"
#include "libcore/smtp/proxy_protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static void assert_header(enum proxy_protocol version, const char *source, const char *destination,
                          const char *bytes, size_t length)
{
    struct socket_address from, to;
    struct error error = {0};
    struct buffer output = {0};

    assert_true(connection_spec_parse(source, &from, &error));
    assert_true(connection_spec_parse(destination, &to, &error));
    buffer_append_byte(&output, '>');
    proxy_protocol_append(&output, version, &from.storage, &to.storage);
    assert_int_equal(buffer_length(&output), length + 1);
    assert_memory_equal(output.data + output.start + 1, bytes, length);
    buffer_clear(&output);
}

#define ASSERT_HEADER(version, source, destination, bytes)                                         \
    assert_header(version, source, destination, bytes, sizeof(bytes) - 1)

static void version_1_is_a_line(void **state)
{
    (void)state;
    ASSERT_HEADER(PROXY_PROTOCOL_V1, "inet:56324@[192.168.0.1]", "inet:25@[192.168.0.11]",
                  "PROXY TCP4 192.168.0.1 192.168.0.11 56324 25\r\n");
    ASSERT_HEADER(PROXY_PROTOCOL_V1, "inet:65535@[255.255.255.255]", "inet:65535@[255.255.255.255]",
                  "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n");
    ASSERT_HEADER(PROXY_PROTOCOL_V1, "inet6:1@[2001:DB8::7]", "inet6:25@[::1]",
                  "PROXY TCP6 2001:db8::7 ::1 1 25\r\n");
    ASSERT_HEADER(PROXY_PROTOCOL_V1, "inet6:1@[::192.0.2.1]", "inet6:25@[::1]",
                  "PROXY TCP6 0:0:0:0:0:0:c000:201 ::1 1 25\r\n");
}

static void version_2_is_binary(void **state)
{
    (void)state;
    ASSERT_HEADER(PROXY_PROTOCOL_V2, "inet:56324@[192.168.0.1]", "inet:25@[192.168.0.11]",
                  SIGNATURE "\x21\x11\x00\x0c"
                            "\xc0\xa8\x00\x01\xc0\xa8\x00\x0b\xdc\x04\x00\x19");
    ASSERT_HEADER(PROXY_PROTOCOL_V2, "inet6:258@[2001:db8::7]", "inet6:25@[::1]",
                  SIGNATURE "\x21\x21\x00\x24"
                            "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
                            "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"
                            "\x01\x02\x00\x19");
}

static void mapped_addresses_are_ipv4(void **state)
{
    (void)state;
    ASSERT_HEADER(PROXY_PROTOCOL_V1, "inet6:1@[::ffff:192.0.2.1]", "inet:25@[192.0.2.2]",
                  "PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n");
    ASSERT_HEADER(PROXY_PROTOCOL_V2, "inet6:1@[::ffff:192.0.2.1]", "inet6:25@[::ffff:192.0.2.2]",
                  SIGNATURE "\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x00\x01\x00\x19");
}

static void other_connections_are_unknown(void **state)
{
    static const struct {
        const char *source, *destination;
    } CASES[] = {
        {"unix:/tmp/a", "unix:/tmp/b"},
        {"inet:1@[192.0.2.1]", "unix:/tmp/b"},
        {"inet:1@[192.0.2.1]", "inet6:25@[::1]"},
        {"inet6:1@[::1]", "inet:25@[192.0.2.1]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        ASSERT_HEADER(PROXY_PROTOCOL_V1, CASES[i].source, CASES[i].destination,
                      "PROXY UNKNOWN\r\n");
        ASSERT_HEADER(PROXY_PROTOCOL_V2, CASES[i].source, CASES[i].destination,
                      SIGNATURE "\x20\x00\x00\x00");
        ASSERT_HEADER(PROXY_PROTOCOL_NONE, CASES[i].source, CASES[i].destination, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_is_a_line),
        cmocka_unit_test(version_2_is_binary),
        cmocka_unit_test(mapped_addresses_are_ipv4),
        cmocka_unit_test(other_connections_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
