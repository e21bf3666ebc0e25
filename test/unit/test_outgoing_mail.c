/*
 * test_outgoing_mail - mail files as they travel, and the envelopes in their
 * headers.
 *
 * Runs in the top directory of the sources.
 */
#include "libcore/base/file.h"
#include "libcore/mail/outgoing_mail.h"
#include "test/unit/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define B SLICE_LITERAL

static const struct {
    struct slice file, content;
    bool dots, eight_bit;
} contents[] = {
    {B(""), B(""), false, false},
    {B("\n"), B("\r\n"), false, false},
    {B("\r\n"), B("\r\n"), false, false},
    {B("a"), B("a\r\n"), false, false},
    {B("a\nb\n"), B("a\r\nb\r\n"), false, false},
    {B("a\r\nb\nc"), B("a\r\nb\r\nc\r\n"), false, false},
    {B("a\n\n\r\n\nb\r\n"), B("a\r\n\r\n\r\n\r\nb\r\n"), false, false},
    {B("a\rb\n"), B("a\rb\r\n"), false, false},
    {B("a\r"), B("a\r\r\n"), false, false},
    {B("a\r\r\n\r"), B("a\r\r\n\r\r\n"), false, false},
    {B("\0\n\0"), B("\0\r\n\0\r\n"), false, false},
    {B("."), B(".\r\n"), true, false},
    {B("a.\n.."), B("a.\r\n..\r\n"), true, false},
    {B("a.b\n .\n\r."), B("a.b\r\n .\r\n\r.\r\n"), false, false},
    {B("a\n\x80"), B("a\r\n\x80\r\n"), false, true},
    {B("a\x7f\n"), B("a\x7f\r\n"), false, false},
    {B("From a@b Tue Nov  3\na: b\n"), B("a: b\r\n"), false, false},
    {B("From a@b\r\n.\n"), B(".\r\n"), true, false},
    {B("From a@b"), B(""), false, false},
    {B("a: b\nFrom a@b\n"), B("a: b\r\nFrom a@b\r\n"), false, false},
    {B("From: a@b\n"), B("From: a@b\r\n"), false, false},
};

static void only_line_ends_are_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        struct arena arena = {0};
        struct outgoing_mail mail;

        outgoing_mail_parse(&mail, &arena, contents[i].file);
        assert_bytes(mail.content, contents[i].content);
        assert_int_equal(mail.dots, contents[i].dots);
        assert_int_equal(mail.eight_bit, contents[i].eight_bit);
        arena_clear(&arena);
    }
}

enum { MAXIMUM = 5 };

static const struct {
    const char *file;
    const char *helo;
    const char *sender;
    const char *recipients[MAXIMUM];
} envelopes[] = {
    {"", "", "", {NULL}},
    {"\nFrom: a@b\nTo: c@d\n", "", "", {NULL}},
    {"From: a@b\nTo: c@d\n", "", "a@b", {"c@d"}},
    {"From: a@b\r\nTo: c@d\r\n\r\nTo: e@f\r\n", "", "a@b", {"c@d"}},
    {"from:a@b\nTO:c@d\ncC:e@f\nBcc: g@h\nTo: i@j\n\n", "", "a@b", {"c@d", "e@f", "i@j"}},
    {"To: c@d, C@d, c@D\nCc: x <c@d>\n\n", "", "", {"c@d", "C@d"}},
    {"From : a@b\nTo\t: c@d\n", "", "a@b", {"c@d"}},
    {"From:\n \"A,\n B\"\n <a@b>\nTo: c@d,\n\te@f\n", "", "a@b", {"c@d", "e@f"}},
    {"Return-Path: <x@y>\nFrom:\nTo: undisclosed-recipients:;\n", "", "", {NULL}},
    {"From: <>\nFrom: Nobody Here\nFrom: a@b, c@d\nFrom: e@f\n", "", "a@b", {NULL}},
    {"From: a@b (no end of the header)", "", "a@b", {NULL}},
    {"Resent-To: x@y\nTo2: x@y\nReply-To: x@y\nTo: c@d", "", "", {"c@d"}},
    /* lines that are no fields */
    {"This is text, no header.\nTo: whom\n", "", "", {NULL}},
    {" To: c@d\nTo: e@f\n", "", "", {NULL}},
    {"A: b\nno field\n To: x@y\n: none\nTo: c@d\n>From x@y\nb\xc3: x\nFrom: a@b\n\n",
     "",
     "a@b",
     {"c@d"}},
    {"A: b\rTo: x@y\r\nTo: c@d\r\n\r\n", "", "", {"c@d"}},
    {"A: b\n\r\nTo: c@d\n", "", "", {NULL}},
    {"A: b\n \nTo: c@d\n", "", "", {"c@d"}}, /* a line of blanks continues a field */
    {"From x@y\nTo: c@d\n\n", "", "", {"c@d"}},
    /* whom it is from */
    {"Received: from mx.example.com (x [192.0.2.1])\n by y\n", "mx.example.com", "", {NULL}},
    {"received:FROM\n mx-1.example.com\n", "mx-1.example.com", "", {NULL}},
    {"Received: from localhost(x)\n", "localhost", "", {NULL}},
    {"Received: from localhost; now\n", "localhost", "", {NULL}},
    {"Received: from [192.0.2.1] by y\n", "[192.0.2.1]", "", {NULL}},
    {"Received: from [IPv6:2001:db8::1] by y\n", "[IPv6:2001:db8::1]", "", {NULL}},
    {"Received: from a_b.example by y\n", "", "", {NULL}},
    {"Received: from -a by y\n", "", "", {NULL}},
    {"Received: from a..b by y\n", "", "", {NULL}},
    {"Received: from a. by y\n", "", "", {NULL}},
    {"Received: from m\xc3\xbcller by y\n", "", "", {NULL}},
    {"Received: from [] by y\n", "", "", {NULL}},
    {"Received: from [a b] by y\n", "", "", {NULL}},
    {"Received: from\n", "", "", {NULL}},
    {"Received: fromage by y\n", "", "", {NULL}},
    {"Received: by y for x from z\nReceived: from a by b\n", "", "", {NULL}},
    {"Received: (qmail 1 invoked from network); now\n", "", "", {NULL}},
};

static void assert_recipients(const struct outgoing_mail *mail, const char *const *recipients)
{
    size_t count = 0;

    while (count < MAXIMUM && recipients[count] != NULL) {
        assert_true(count < mail->recipient_count);
        assert_text(mail->recipients[count], recipients[count]);
        count++;
    }
    assert_int_equal(mail->recipient_count, count);
}

static void envelopes_come_from_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(envelopes) / sizeof(envelopes[0]); i++) {
        struct arena arena = {0};
        struct outgoing_mail mail;

        outgoing_mail_parse(&mail, &arena, slice_from_string(envelopes[i].file));
        assert_text(mail.helo, envelopes[i].helo);
        assert_text(mail.sender, envelopes[i].sender);
        assert_recipients(&mail, envelopes[i].recipients);
        arena_clear(&arena);
    }
}

static void what_is_not_understood_is_named(void **state)
{
    static const char *const cases[][2] = {
        {"From: a@b\nTo: c@d\n\nBob Berg\n", NULL},
        {"To: c@d\nCc: e@f,\n Bob Berg\n", "Bob Berg"},
        {"To: Max Moritz\nFrom: Bob Berg\n", "Bob Berg"},
        {"From: a@b\nFrom: Bob Berg\n", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena = {0};
        struct outgoing_mail mail;

        outgoing_mail_parse(&mail, &arena, slice_from_string(cases[i][0]));
        if (cases[i][1] == NULL) {
            assert_null(mail.not_understood.data);
        } else {
            assert_text(mail.not_understood, cases[i][1]);
        }
        arena_clear(&arena);
    }
}

static void very_many_recipients_are_there_once(void **state)
{
    enum { MANY = 20000 };
    struct arena arena = {0};
    struct outgoing_mail mail;
    struct buffer text = {0};

    (void)state;
    for (unsigned turn = 0; turn < 2; turn++) {
        buffer_append_string(&text, turn == 0 ? "To: x@x" : "\nCc: y@y");
        for (unsigned i = 0; i < MANY; i++) {
            buffer_append_format(&text, ",\n u%u@%s", i, turn == 0 ? "example.com" : "EXAMPLE.com");
        }
    }
    outgoing_mail_parse(&mail, &arena, buffer_slice(&text));
    buffer_clear(&text); /* what was parsed owes it nothing */
    assert_int_equal(mail.recipient_count, MANY + 2);
    assert_text(mail.recipients[0], "x@x");
    assert_text(mail.recipients[MANY], "u19999@example.com");
    assert_text(mail.recipients[MANY + 1], "y@y");
    arena_clear(&arena);
}

static const struct {
    const char *file, *helo, *sender, *recipient;
    size_t recipients, size; /* size: bytes of the file, and one for each LF alone */
    bool dots, eight_bit;
} fixtures[] = {
    {"bounce", "", "MAILER-DAEMON@mx.example.test", "alice@example.test", 1, 1268, false, false},
    {"dots", "", "alice@example.test", "bob@example.test", 1, 287, true, false},
    {"folded", "client.example.net", "alice@example.test", "bob@example.test", 1, 952, false,
     false},
    {"latin1", "", "alice@example.test", "bob@example.test", 1, 345, false, true},
    {"long-header", "", "alice@example.test", "bob@example.test", 401, 70427, false, false},
    {"no-headers", "", "", NULL, 0, 66, false, false},
    {"plain-crlf", "", "alice@example.test", "bob@example.test", 1, 479, false, false},
    {"smtputf8", "", "j\xc3\xbcrgen@example.test", "\xe7\x94\xa8\xe6\x88\xb7@example.test", 1, 374,
     false, true},
};

static void the_mails_of_the_fixtures(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++) {
        struct arena arena = {0};
        struct outgoing_mail mail;
        struct buffer text = {0};
        struct error error = {0};
        char path[128];

        (void)snprintf(path, sizeof(path), "test/fixtures/mails/%s.eml", fixtures[i].file);
        assert_true(file_read(path, "mail file", &text, &error));
        outgoing_mail_parse(&mail, &arena, buffer_slice(&text));
        assert_text(mail.helo, fixtures[i].helo);
        assert_text(mail.sender, fixtures[i].sender);
        assert_int_equal(mail.dots, fixtures[i].dots);
        assert_int_equal(mail.eight_bit, fixtures[i].eight_bit);
        assert_int_equal(mail.content.length, fixtures[i].size);
        assert_int_equal(mail.recipient_count, fixtures[i].recipients);
        if (fixtures[i].recipient != NULL) {
            assert_text(mail.recipients[0], fixtures[i].recipient);
        }
        buffer_clear(&text);
        arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_line_ends_are_changed),
        cmocka_unit_test(envelopes_come_from_headers),
        cmocka_unit_test(what_is_not_understood_is_named),
        cmocka_unit_test(very_many_recipients_are_there_once),
        cmocka_unit_test(the_mails_of_the_fixtures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
