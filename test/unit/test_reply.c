/*
 * Tests of reply: odd and malformed payloads, verdicts (milter-protocol sections 6 and 7).
 * The regular ones stand in test_protocol.c.
 */
#include "libcore/wire/reply.h"

#include "test/unit/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define S(text)  SLICE_LITERAL(text)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool decode(char letter, struct slice payload, struct reply *reply, struct error *error)
{
    struct packet packet = {letter, payload};

    *error = (struct error){0};
    return reply_decode(&packet, reply, error);
}

static void test_reply_codes(void **state)
{
    static const struct {
        struct slice payload;
        enum verdict verdict; /* NONE: malformed */
        struct slice text;
    } rows[] = {
        {S("550 5.7.1 no\0"), VERDICT_REJECT, S("550 5.7.1 no")},
        {S("451 4.7.1 later\0"), VERDICT_TEMPORARY_FAILURE, S("451 4.7.1 later")},
        {S("421 closing\0"), VERDICT_TEMPORARY_FAILURE, S("421 closing")},
        {S("550 \0"), VERDICT_REJECT, S("550 ")}, /* no text at all */
        {S("550-a\r\n550 b\0"), VERDICT_REJECT, S("550-a\r\n550 b")},
        {S("421-a\r\n421 b\0"), VERDICT_TEMPORARY_FAILURE, S("421-a\r\n421 b")},
        {S("550 100%% sure, 5% not\0"), VERDICT_REJECT, S("550 100%% sure, 5% not")},
        {S("550 5.7.1 no\0trailing"), VERDICT_REJECT, S("550 5.7.1 no")},
        {S("550 \xc3\xa9\0"), VERDICT_REJECT, S("550 \xc3\xa9")},
        {S("550 5.7.1 no"), VERDICT_NONE, S("")}, /* no NUL */
        {S(""), VERDICT_NONE, S("")},
        {S("\0"), VERDICT_NONE, S("")},
        {S("5\0"), VERDICT_NONE, S("")},
        {S("550\0"), VERDICT_NONE, S("")},
        {S("550\t5.7.1 no\0"), VERDICT_NONE, S("")},
        {S("5500 no\0"), VERDICT_NONE, S("")},
        {S("55 no\0"), VERDICT_NONE, S("")},
        {S("250 2.0.0 ok\0"), VERDICT_NONE, S("")},
        {S("354 go on\0"), VERDICT_NONE, S("")},
        {S("650 what\0"), VERDICT_NONE, S("")},
        {S("5a0 no\0"), VERDICT_NONE, S("")},
        {S("no 550\0"), VERDICT_NONE, S("")},
        {S(" 550 no\0"), VERDICT_NONE, S("")},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply reply;
        struct error error;
        bool good = rows[i].verdict != VERDICT_NONE;

        assert_int_equal(decode('y', rows[i].payload, &reply, &error), good);
        assert_int_equal(error.code, good ? ERROR_NONE : ERROR_PROTOCOL);
        if (good) {
            assert_int_equal(reply_verdict(&reply), rows[i].verdict);
            assert_bytes(reply.text, rows[i].text);
        }
    }
}

/* A long bad text is cut in the message. */
static void test_bad_reply_code_is_shown(void **state)
{
    char text[600];
    struct reply reply;
    struct error error;

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_false(decode('y', slice_of(text, sizeof(text)), &reply, &error));
    assert_string_equal(error.message, "reply code must be 4xx or 5xx followed by a text, but was "
                                       "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"");
}

static void test_malformed_payloads(void **state)
{
    static const struct {
        char letter;
        struct slice payload;
        const char *message;
    } rows[] = {
        {'h', S(""), "malformed add-header"},
        {'h', S("X-A"), "malformed add-header"},
        {'h', S("X-A\0"), "malformed add-header"},
        {'h', S("X-A\0v"), "malformed add-header"},
        {'h', S("\0v\0"), "malformed add-header"}, /* a field needs a name */
        {'i', S(""), "malformed insert-header"},
        {'i', S("\0\0\0"), "malformed insert-header"},
        {'i', S("\0\0\0\0X-A"), "malformed insert-header"},
        {'i', S("X-A\0v\0"), "malformed insert-header"}, /* no index: "X-A\0", name "v" */
        {'m', S("\0\0\0\1X-A\0v"), "malformed change-header"},
        {'m', S("\0\0\0\1"), "malformed change-header"},
        {'e', S(""), "malformed change-from"},
        {'e', S("<a@x>"), "malformed change-from"},
        {'e', S("<a@x>\0ENVID=1"), "malformed change-from"},
        {'+', S("<a@x>"), "malformed add-recipient"},
        {'2', S("<a@x>\0NOTIFY=NEVER"), "malformed add-recipient-with-parameters"},
        {'-', S(""), "malformed delete-recipient"},
        {'q', S("virus"), "malformed quarantine"},
        {'l', S(""), "unknown reply 'l'"}, /* reserved, never a packet */
        {'C', S(""), "unknown reply 'C'"},
        {'\0', S(""), "unknown reply 0x00"},
        {'\x80', S(""), "unknown reply 0x80"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply reply;
        struct error error;

        assert_false(decode(rows[i].letter, rows[i].payload, &reply, &error));
        assert_int_equal(error.code, ERROR_PROTOCOL);
        assert_string_equal(error.message, rows[i].message);
    }
}

static void test_odd_payloads(void **state)
{
    static const struct {
        char letter;
        struct slice payload;
        struct reply expected;
    } rows[] = {
        {'c', S("trailing"), {.kind = REPLY_CONTINUE}},
        {'r', S("\0"), {.kind = REPLY_REJECT}},
        {'p', S("x"), {.kind = REPLY_PROGRESS}},
        {'h', S("X-A\0\0"), {.kind = REPLY_ADD_HEADER, .name = S("X-A")}},
        {'h', S("X-A\0v\0more"), {.kind = REPLY_ADD_HEADER, .name = S("X-A"), .value = S("v")}},
        {'i',
         S("\377\377\377\377X\0a\r\n b\0"),
         {.kind = REPLY_INSERT_HEADER, .index = 0xFFFFFFFF, .name = S("X"), .value = S("a\r\n b")}},
        {'m',
         S("\200\0\0\0X\0\0"),
         {.kind = REPLY_CHANGE_HEADER, .index = 0x80000000, .name = S("X")}},
        {'m', S("\0\0\0\0X\0v\0"), {.kind = REPLY_CHANGE_HEADER, .name = S("X"), .value = S("v")}},
        {'e', S("\0"), {.kind = REPLY_CHANGE_FROM}},
        {'e', S("<>\0\0"), {.kind = REPLY_CHANGE_FROM, .text = S("<>")}},
        {'2', S("<a@x>\0"), {.kind = REPLY_ADD_RECIPIENT_WITH_PARAMETERS, .text = S("<a@x>")}},
        {'+', S("<a@x>\0more"), {.kind = REPLY_ADD_RECIPIENT, .text = S("<a@x>")}},
        {'b', S(""), {.kind = REPLY_REPLACE_BODY}}, /* makes the body empty */
        {'b', S("a\0b"), {.kind = REPLY_REPLACE_BODY, .text = S("a\0b")}},
        {'q', S("\0"), {.kind = REPLY_QUARANTINE}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct reply reply;
        struct error error;

        assert_true(decode(rows[i].letter, rows[i].payload, &reply, &error));
        assert_int_equal(reply.kind, rows[i].expected.kind);
        assert_int_equal(reply.index, rows[i].expected.index);
        assert_bytes(reply.name, rows[i].expected.name);
        assert_bytes(reply.value, rows[i].expected.value);
        assert_bytes(reply.text, rows[i].expected.text);
        assert_bytes(reply.arguments, rows[i].expected.arguments);
    }
}

static void test_verdicts(void **state)
{
    static const enum verdict verdicts[REPLIES] = {
        [REPLY_CONTINUE] = VERDICT_CONTINUE,
        [REPLY_ACCEPT] = VERDICT_ACCEPT,
        [REPLY_REJECT] = VERDICT_REJECT,
        [REPLY_TEMPORARY_FAILURE] = VERDICT_TEMPORARY_FAILURE,
        [REPLY_SHUTDOWN] = VERDICT_TEMPORARY_FAILURE,
        [REPLY_DISCARD] = VERDICT_DISCARD,
        [REPLY_CODE] = VERDICT_REJECT,
        [REPLY_SKIP] = VERDICT_SKIP,
    };

    (void)state;
    for (unsigned kind = 0; kind < REPLIES; kind++) {
        struct reply reply = {.kind = (enum reply_kind)kind, .text = S("550 no")};

        assert_int_equal(reply_verdict(&reply), verdicts[kind]);
    }
    for (unsigned verdict = VERDICT_ACCEPT; verdict <= VERDICT_DISCARD; verdict++) {
        struct reply reply = {.kind = reply_kind_of((enum verdict)verdict)};

        assert_int_equal(reply_verdict(&reply), verdict);
    }
    assert_int_equal(reply_kind_of(VERDICT_NONE), REPLY_CONTINUE);
}

/* What is decoded and encoded again is what was decoded, for every kind and random bytes. */
static void test_decode_and_encode(void **state)
{
    uint32_t random = 88172645U;
    char bytes[24];
    unsigned good = 0;

    (void)state;
    for (int round = 0; round < 50000; round++) {
        struct buffer again = {0};
        struct slice input;
        struct packet packet;
        struct reply reply, second;
        struct error error;
        size_t length = random_next(&random) % sizeof(bytes);

        for (size_t i = 0; i < length; i++) {
            bytes[i] = "\0\0ab54 -\r\n"[random_next(&random) % 10];
        }
        if (!decode("Ocartdysf4pqhime+2-b"[random_next(&random) % 20], slice_of(bytes, length),
                    &reply, &error)) {
            continue;
        }
        good++;
        reply_append(&again, &reply);
        input = buffer_slice(&again);
        assert_int_equal(packet_next(&input, &packet, &error), PACKET_READY);
        assert_int_equal(input.length, 0);
        assert_true(reply_decode(&packet, &second, &error));
        assert_int_equal(second.kind, reply.kind);
        assert_int_equal(second.index, reply.index);
        assert_bytes(second.name, reply.name);
        assert_bytes(second.value, reply.value);
        assert_bytes(second.text, reply.text);
        assert_bytes(second.arguments, reply.arguments);
        buffer_clear(&again);
    }
    assert_true(good > 1000);
}

static void test_text_is_valid(void **state)
{
    static const struct {
        const char *text;
        bool valid;
    } rows[] = {
        {"550 5.7.1 no", true},
        {"550 ", true},
        {"421 closing", true},
        {"550-5.7.1 a\r\n550 5.7.1 b", true},
        {"550-a\r\n550-b\r\n550 c", true},
        {"550 100% no", true},
        {"550 4.7.1 other class", true},
        {"550", false},
        {"350 no", false},
        {"550-5.7.1 only a dash", false},
        {"550-a\n550 b", false},
        {"550-a\r\n551 b", false},
        {"550 a\r\n550 b", false},
        {"550-a\r\n", false},
        {"550 a\rb", false},
        {"550-a\r\n55", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (reply_text_valid(slice_from_string(rows[i].text)) != rows[i].valid) {
            fail_msg("%s", rows[i].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_codes),        cmocka_unit_test(test_bad_reply_code_is_shown),
        cmocka_unit_test(test_malformed_payloads), cmocka_unit_test(test_odd_payloads),
        cmocka_unit_test(test_verdicts),           cmocka_unit_test(test_decode_and_encode),
        cmocka_unit_test(test_text_is_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
