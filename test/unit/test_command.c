/*
 * Tests of command: odd payloads are taken as far as they make sense
 * (milter-protocol sections 5 and 12, manager-semantics section 17 row 16).
 * The regular ones stand in test_protocol.c.
 */
#include "libcore/wire/command.h"

#include "test/unit/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define S(text)  SLICE_LITERAL(text)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool decode(char letter, struct slice payload, struct command_packet *command,
                   struct error *error)
{
    struct packet packet = {letter, payload};

    *error = (struct error){0};
    return command_decode(&packet, command, error);
}

static void test_connect(void **state)
{
    static const struct {
        struct slice payload;
        struct command_connect connect;
    } rows[] = {
        {S("\0U"), {S(""), 'U', 0, S("")}},                       /* empty host name */
        {S("unknown\0Utrailing"), {S("unknown"), 'U', 0, S("")}}, /* bytes behind it */
        {S("h\0004\0\0"
           "192.0.2.1\0"),
         {S("h"), '4', 0, S("192.0.2.1")}},
        {S("h\0004\xff\xff"
           "192.0.2.1"),
         {S("h"), '4', 65535, S("192.0.2.1")}}, /* no final NUL */
        {S("h\0004\x12\x34\0"), {S("h"), '4', 0x1234, S("")}},
        {S("h\0004\x12\x34"), {S("h"), '4', 0x1234, S("")}},
        {S("h\0006\0\031ipv6:::1\0"), {S("h"), '6', 25, S("ipv6:::1")}},
        {S("h\0L\0\0/run/s\0more"), {S("h"), 'L', 0, S("/run/s")}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct command_packet command;
        struct error error;

        assert_true(decode('C', rows[i].payload, &command, &error));
        assert_bytes(command.connect.host, rows[i].connect.host);
        assert_int_equal(command.connect.family, rows[i].connect.family);
        assert_int_equal(command.connect.port, rows[i].connect.port);
        assert_bytes(command.connect.address, rows[i].connect.address);
        assert_bytes(command.payload, rows[i].payload);
    }
}

static void test_what_makes_no_sense(void **state)
{
    static const struct {
        char letter;
        struct slice payload;
        const char *message;
    } rows[] = {
        {'C', S(""), "connect without address family"},
        {'C', S("host"), "connect without address family"},
        {'C', S("host\0"), "connect without address family"},
        {'C', S("host\0X\0\0\0"), "connect with unknown address family 0x58"},
        {'C', S("host\0\0\0\0"), "connect with unknown address family 0x00"},
        {'C', S("host\0\xff"), "connect with unknown address family 0xff"},
        {'C', S("host\0004"), "connect of family '4' without port"},
        {'C', S("host\0006\0"), "connect of family '6' without port"},
        {'L', S(""), "header without value"},
        {'L', S("Subject"), "header without value"},
        {'D', S(""), "macro packet without stage"},
        {'Z', S(""), "unknown command 'Z'"},
        {'c', S(""), "unknown command 'c'"},
        {'\0', S(""), "unknown command 0x00"},
        {'\xff', S(""), "unknown command 0xff"},
        {'\n', S(""), "unknown command 0x0a"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct command_packet command;
        struct error error;

        assert_false(decode(rows[i].letter, rows[i].payload, &command, &error));
        assert_int_equal(error.code, ERROR_PROTOCOL);
        assert_string_equal(error.message, rows[i].message);
    }
}

static void test_texts(void **state)
{
    static const struct {
        char letter;
        struct slice payload;
        struct slice text;
    } rows[] = {
        {'H', S("delian\0"), S("delian")},
        {'H', S("\0"), S("")},
        {'H', S(""), S("")},
        {'H', S("delian"), S("delian")},
        {'H', S("delian\0trailing\0"), S("delian")},
        {'U', S("FOO bar baz\0"), S("FOO bar baz")},
        {'U', S("FOO"), S("FOO")},
        {'B', S("a\0b\r\n"), S("a\0b\r\n")},
        {'B', S(""), S("")},
        {'E', S("a\0b"), S("a\0b")},
        {'O', S("short"), S("short")}, /* negotiation_decode says what it thinks */
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct command_packet command;
        struct error error;

        assert_true(decode(rows[i].letter, rows[i].payload, &command, &error));
        assert_bytes(command.text, rows[i].text);
        assert_bytes(command.payload, rows[i].payload);
    }
}

static void test_envelopes(void **state)
{
    static const struct {
        struct slice payload;
        struct slice address;
        struct slice arguments;
    } rows[] = {
        {S("<>\0"), S("<>"), S("")},
        {S("<>\0RET=HDRS\0"), S("<>"), S("RET=HDRS\0")},
        {S("<a@x>\0SMTPUTF8\0SIZE=1\0"), S("<a@x>"), S("SMTPUTF8\0SIZE=1\0")},
        {S("<a@x>\0SIZE=1"), S("<a@x>"), S("SIZE=1")},
        {S("<a@x>\0\0"), S("<a@x>"), S("\0")},
        {S("<\xc3\xa9@x>\0"), S("<\xc3\xa9@x>"), S("")},
        {S("a@x"), S("a@x"), S("")},
        {S(""), S(""), S("")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (const char *letter = "MR"; *letter != '\0'; letter++) {
            struct command_packet command;
            struct error error;

            assert_true(decode(*letter, rows[i].payload, &command, &error));
            assert_bytes(command.envelope.address, rows[i].address);
            assert_bytes(command.envelope.arguments, rows[i].arguments);
            assert_bytes(command.payload, rows[i].payload);
        }
    }
}

static void test_headers(void **state)
{
    static const struct {
        struct slice payload;
        struct slice name;
        struct slice value;
    } rows[] = {
        {S("X-A\0\0"), S("X-A"), S("")},
        {S("X-A\0"), S("X-A"), S("")},
        {S("X-A\0value"), S("X-A"), S("value")},
        {S("X-A\0value\0trailing\0"), S("X-A"), S("value")},
        {S("\0\0"), S(""), S("")},
        {S("X-A \0\tv\n w\0"), S("X-A "), S("\tv\n w")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct command_packet command;
        struct error error;

        assert_true(decode('L', rows[i].payload, &command, &error));
        assert_bytes(command.header.name, rows[i].name);
        assert_bytes(command.header.value, rows[i].value);
    }
}

/* Bytes behind commands that have no payload are passed over. */
static void test_bare_commands(void **state)
{
    (void)state;
    for (const char *letter = "TNAQK"; *letter != '\0'; letter++) {
        struct command_packet command;
        struct error error;

        assert_true(decode(*letter, BYTES("trailing"), &command, &error));
        assert_int_equal(command_info[command.command].letter, *letter);
    }
}

static void test_macros(void **state)
{
    static const struct {
        struct slice payload;
        bool known;
        struct slice pairs;
    } rows[] = {
        {S("H"), true, S("")},
        {S("Ej\0mx\0i\0Q1\0"), true, S("j\0mx\0i\0Q1\0")},
        {S("Ci\0\0"), true, S("i\0\0")},            /* empty value */
        {S("Cj\0mx\0i\0"), true, S("j\0mx\0")},     /* a name without value */
        {S("Cj\0mx\0i\0Q1"), true, S("j\0mx\0")},   /* a value without NUL */
        {S("Cj\0mx\0garbage"), true, S("j\0mx\0")}, /* half a name */
        {S("Cj\0"), true, S("")},
        {S("Cgarbage"), false, S("")}, /* no NUL at all */
        {S("C\0\0"), true, S("\0\0")}, /* empty name and value */
        {S("Zj\0mx\0"), false, S("j\0mx\0")},
        {S("\0j\0mx\0"), false, S("j\0mx\0")},
        {S("Aj\0mx\0"), false, S("j\0mx\0")}, /* commands without macros of their own */
        {S("Qj\0mx\0"), false, S("j\0mx\0")},
        {S("Kj\0mx\0"), false, S("j\0mx\0")},
        {S("Oj\0mx\0"), false, S("j\0mx\0")},
        {S("Dj\0mx\0"), false, S("j\0mx\0")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct command_packet command;
        struct error error;

        assert_true(decode('D', rows[i].payload, &command, &error));
        assert_int_equal(command.macros.known, rows[i].known);
        assert_bytes(command.macros.pairs, rows[i].pairs);
        assert_bytes(command.payload, rows[i].payload);
    }
    for (const char *stage = "CHMRTULNBE"; *stage != '\0'; stage++) {
        struct command_packet command;
        struct error error;

        assert_true(decode('D', slice_of(stage, 1), &command, &error));
        assert_true(command.macros.known);
        assert_int_equal(command_info[command.macros.stage].letter, *stage);
    }
}

/* Forwarding the payload gives the packet back, whatever was in it. */
static void test_payloads_are_forwarded_untouched(void **state)
{
    uint32_t random = 2463534242U;
    char bytes[40];

    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t length = random_next(&random) % sizeof(bytes);
        struct command_packet command;
        struct error error;

        for (size_t i = 0; i < length; i++) {
            /* Few values, so that NULs and family letters are frequent. */
            bytes[i] = "\0\0\0a4L6U{} "[random_next(&random) % 11];
        }
        if (decode("CHMRULDBE"[random_next(&random) % 9], slice_of(bytes, length), &command,
                   &error)) {
            assert_ptr_equal(command.payload.data, bytes);
            assert_int_equal(command.payload.length, length);
        } else {
            assert_int_equal(error.code, ERROR_PROTOCOL);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect), cmocka_unit_test(test_what_makes_no_sense),
        cmocka_unit_test(test_texts),   cmocka_unit_test(test_envelopes),
        cmocka_unit_test(test_headers), cmocka_unit_test(test_bare_commands),
        cmocka_unit_test(test_macros),  cmocka_unit_test(test_payloads_are_forwarded_untouched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
