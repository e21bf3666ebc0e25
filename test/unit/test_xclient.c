/*
 * XCLIENT: what goes into the command, and the sentences for what cannot.
 */
#include "libcore/smtp/xclient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LONG_NAME = 255 };

static void values_are_written_as_the_command_wants_them(void **state)
{
    static const struct {
        const char *name, *value, *argument;
    } CASES[] = {
        {"NAME", "mx.example.net", " NAME=mx.example.net"},
        {"name", "[unavailable]", " NAME=[UNAVAILABLE]"},
        {"Name", "[TEMPUNAVAIL]", " NAME=[TEMPUNAVAIL]"},
        {"ADDR", "192.0.2.1", " ADDR=192.0.2.1"},
        {"addr", "2001:DB8::1", " ADDR=IPV6:2001:db8::1"},
        {"addr", "ipv6:2001:db8:0::1", " ADDR=IPV6:2001:db8::1"},
        {"ADDR", "::ffff:192.0.2.1", " ADDR=IPV6:::ffff:192.0.2.1"},
        {"ADDR", "[Unavailable]", " ADDR=[UNAVAILABLE]"},
        {"PORT", "00025", " PORT=25"},
        {"PORT", "65535", " PORT=65535"},
        {"PORT", "[UNAVAILABLE]", " PORT=[UNAVAILABLE]"},
        {"HELO", "a b+c=d", " HELO=a+20b+2Bc+3Dd"},
        {"HELO", "m\xc3\xbcller\r\n\x7f", " HELO=m+C3+BCller+0D+0A+7F"},
        {"LOGIN", "user@example.net", " LOGIN=user@example.net"},
        {"proto", "smtp", " PROTO=SMTP"},
        {"PROTO", "EsmtP", " PROTO=ESMTP"},
        {"destaddr", "::1", " DESTADDR=IPV6:::1"},
        {"destport", "0", " DESTPORT=0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct buffer output = {0};
        struct error error = {0};
        if (!xclient_append(&output, CASES[i].name, CASES[i].value, &error)) {
            fail_msg("%s=%s: %s", CASES[i].name, CASES[i].value, error.message);
        }
        buffer_append_byte(&output, '\0');
        assert_string_equal(output.data + output.start, CASES[i].argument);
        buffer_clear(&output);
    }
}

static void what_cannot_be_said_is_named(void **state)
{
#define ADDRESS_WANTED "must be an IPv4 or IPv6 address without brackets, or [UNAVAILABLE]: "
#define PORT_WANTED    "must be a number from 0 to 65535, or [UNAVAILABLE]: "
    static const struct {
        const char *name, *value, *message;
    } CASES[] = {
        {"SOURCE", "LOCAL",
         "XCLIENT knows NAME, ADDR, PORT, HELO, LOGIN, PROTO, DESTADDR and DESTPORT, "
         "not <SOURCE>"},
        {"", "x",
         "XCLIENT knows NAME, ADDR, PORT, HELO, LOGIN, PROTO, DESTADDR and DESTPORT, not <>"},
        {"helo", "", "XCLIENT HELO has no value"},
        {"PORT", "", "XCLIENT PORT has no value"},
        {"ADDR", "mx.example.net", "XCLIENT ADDR " ADDRESS_WANTED "<mx.example.net>"},
        {"ADDR", "[192.0.2.1]", "XCLIENT ADDR " ADDRESS_WANTED "<[192.0.2.1]>"},
        {"ADDR", "IPV6:192.0.2.1", "XCLIENT ADDR " ADDRESS_WANTED "<IPV6:192.0.2.1>"},
        {"addr", "[TEMPUNAVAIL]", "XCLIENT ADDR " ADDRESS_WANTED "<[TEMPUNAVAIL]>"},
        {"PORT", "smtp", "XCLIENT PORT " PORT_WANTED "<smtp>"},
        {"PORT", "65536", "XCLIENT PORT " PORT_WANTED "<65536>"},
        {"PORT", "-1", "XCLIENT PORT " PORT_WANTED "<-1>"},
        {"DESTPORT", "99999999999999999999",
         "XCLIENT DESTPORT " PORT_WANTED "<99999999999999999999>"},
        {"proto", "LMTP", "XCLIENT PROTO must be SMTP or ESMTP: <LMTP>"},
        {"PROTO", "[UNAVAILABLE]", "XCLIENT PROTO must be SMTP or ESMTP: <[UNAVAILABLE]>"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct buffer output = {0};
        struct error error = {0};
        assert_false(xclient_append(&output, CASES[i].name, CASES[i].value, &error));
        assert_int_equal(error.code, ERROR_USAGE);
        assert_string_equal(error.message, CASES[i].message);
        assert_int_equal(buffer_length(&output), 0);
        buffer_clear(&output);
    }
}

static void one_command_has_room_for_so_much(void **state)
{
    char name[LONG_NAME + 2];
    struct buffer output = {0};
    struct error error = {0};

    (void)state;
    memset(name, 'x', sizeof(name));
    name[LONG_NAME + 1] = '\0';
    assert_false(xclient_append(&output, "NAME", name, &error));
    assert_string_equal(error.message, "XCLIENT NAME is too long: 256 bytes, 255 are allowed");

    error_clear(&error);
    name[LONG_NAME] = '\0';
    assert_true(xclient_append(&output, "NAME", name, &error));
    /* 261 of 503 bytes are used: " HELO=" and 236 more. */
    name[236] = '\0';
    assert_true(xclient_append(&output, "HELO", name, &error));
    assert_int_equal(buffer_length(&output), 503);
    assert_false(xclient_append(&output, "PORT", "1", &error));
    assert_string_equal(error.message, "XCLIENT with PORT is too long for one command: 510 bytes "
                                       "of arguments, 503 are allowed");
    assert_int_equal(buffer_length(&output), 503);
    buffer_clear(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_written_as_the_command_wants_them),
        cmocka_unit_test(what_cannot_be_said_is_named),
        cmocka_unit_test(one_command_has_room_for_so_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
