/* Answers of SMTP servers: whole, in pieces, and what is none. */
#include "libcore/smtp/extensions.h"
#include "libcore/smtp/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void taken(const char *text, unsigned code, const char *line, const char *rest)
{
    struct slice input = slice_from_string(text);
    struct smtp_reply reply;
    struct error error = {0};
    char shown[200];

    /* A byte less is never a whole answer, and never a mistake. */
    for (size_t length = 0; length + strlen(rest) < strlen(text); length++) {
        struct slice part = slice_of(text, length);

        assert_int_equal(smtp_reply_take(&part, &reply, &error), SMTP_REPLY_WAIT);
        assert_int_equal(part.length, length);
    }
    assert_int_equal(smtp_reply_take(&input, &reply, &error), SMTP_REPLY_TAKEN);
    assert_int_equal(reply.code, code);
    assert_string_equal(smtp_reply_text(&reply, shown, sizeof(shown)), line);
    assert_true(slice_equal_string(input, rest));
}

static void answers(void **state)
{
    (void)state;
    taken("250 ok\r\n", 250, "250 ok", "");
    taken("250\r\n", 250, "250", "");
    taken("250 \n", 250, "250", "");
    taken("250-a\r\n250-b c\r\n250 d\r\n250 next\r\n", 250, "250 a b c d", "250 next\r\n");
    taken("550-5.1.1 no\r\n550\r\n", 550, "550 5.1.1 no", "");
    taken("451 a\tb\x1b[31m\x7f\r\n", 451, "451 a?b?[31m?", "");
    taken("220 caf\xc3\xa9\r\n", 220, "220 caf\xc3\xa9", "");
}

static void invalid(const char *text, const char *sentence)
{
    struct slice input = slice_from_string(text);
    struct smtp_reply reply;
    struct error error = {0};

    assert_int_equal(smtp_reply_take(&input, &reply, &error), SMTP_REPLY_INVALID);
    assert_int_equal(error.code, ERROR_PROTOCOL);
    assert_string_equal(error.message, sentence);
    assert_int_equal(input.length, strlen(text));
}

static void what_is_no_answer(void **state)
{
    (void)state;
    invalid("hello\r\n", "not an SMTP answer: \"hello\"");
    invalid("\x15\x03\x03", "not an SMTP answer: \"\\x15\\x03\\x03\"");
    invalid("25\r\n", "not an SMTP answer: \"25\"");
    invalid("\r\n", "not an SMTP answer: \"\"");
    invalid("150 wait\r\n", "not an SMTP answer: \"150 wait\"");
    invalid("650 what\r\n", "not an SMTP answer: \"650 what\"");
    invalid("2500 x\r\n", "not an SMTP answer: \"2500 x\"");
    invalid("250-a\r\n251 b\r\n", "an answer whose lines have different codes: \"251 b\"");
}

static void limits(void **state)
{
    char *text = malloc(200001);
    struct slice input;
    struct smtp_reply reply;
    struct error error = {0};

    (void)state;
    memset(text, 'x', 200000);
    memcpy(text, "250 ", 4);
    input = slice_of(text, 4096);
    assert_int_equal(smtp_reply_take(&input, &reply, &error), SMTP_REPLY_WAIT);
    input = slice_of(text, 4097);
    assert_int_equal(smtp_reply_take(&input, &reply, &error), SMTP_REPLY_INVALID);

    error = (struct error){0};
    for (size_t i = 0; i < 20000; i++) {
        memcpy(text + i * 10, "250-abcd\r\n", 10);
    }
    input = slice_of(text, 65530);
    assert_int_equal(smtp_reply_take(&input, &reply, &error), SMTP_REPLY_WAIT);
    input = slice_of(text, 65540);
    assert_int_equal(smtp_reply_take(&input, &reply, &error), SMTP_REPLY_INVALID);
    free(text);
}

static void long_texts_are_cut(void **state)
{
    struct slice input = slice_from_string("550-abcdef\r\n550 ghijkl\r\n");
    struct smtp_reply reply;
    struct error error = {0};

    (void)state;
    assert_int_equal(smtp_reply_take(&input, &reply, &error), SMTP_REPLY_TAKEN);
    for (size_t size = 1; size < 20; size++) {
        char text[20];

        memset(text, '#', sizeof(text));
        (void)smtp_reply_text(&reply, text, size);
        assert_true(strlen(text) < size);
        assert_memory_equal(text, "550 abcdef ghijkl", strlen(text));
    }
}

static void what_ehlo_offers(void **state)
{
    struct smtp_extensions extensions = {0};
    struct slice input =
        slice_from_string("250-STARTTLS is my name\r\n250-size 100\r\n"
                          "250-Auth PLAIN LOGIN\r\n250-XUNKNOWN\r\n250 CHUNKING\r\n");
    struct smtp_reply reply;
    struct error error = {0};

    (void)state;
    assert_int_equal(smtp_reply_take(&input, &reply, &error), SMTP_REPLY_TAKEN);
    smtp_extensions_read(&extensions, &reply);
    assert_int_equal(extensions.offered, SMTP_SIZE | SMTP_AUTH | SMTP_CHUNKING);
    assert_true(slice_equal_string(buffer_slice(&extensions.mechanisms), "PLAIN LOGIN "));
    smtp_extensions_clear(&extensions);
    assert_int_equal(extensions.offered, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),          cmocka_unit_test(what_is_no_answer),
        cmocka_unit_test(limits),           cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(what_ehlo_offers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
