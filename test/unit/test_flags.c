/*
 * Tests of flags: every bit by its name and back, joined names, what is unknown.
 */
#include "libcore/wire/flags.h"
#include "libcore/wire/protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_every_bit(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 2; kind++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            struct buffer text = {0};
            struct error error = {0};
            uint32_t flags = 0;

            flags_append(&text, (enum flags_kind)kind, (uint32_t)1 << bit);
            assert_true(flags_parse((enum flags_kind)kind, buffer_slice(&text), &flags, &error));
            assert_int_equal(flags, (uint32_t)1 << bit);
            buffer_clear(&text);
        }
    }
}

static void test_words(void **state)
{
    static const struct {
        enum flags_kind kind;
        const char *text;
        uint32_t flags;
        const char *written;
    } cases[] = {
        {FLAGS_ACTIONS, "none", 0, "none"},
        {FLAGS_ACTIONS, "all", 0x1ff, "all"},
        {FLAGS_STEPS, "all", 0x1fffff, "all"},
        {FLAGS_ACTIONS, "0x1ff", 0x1ff, "all"},
        {FLAGS_ACTIONS, "add-headers,quarantine", 0x21, "add-headers|quarantine"},
        {FLAGS_STEPS, "no-helo|0x20000000", 0x20000002, "no-helo|0x20000000"},
        {FLAGS_STEPS, "skip|skip", 0x400, "skip"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer text = {0};
        struct error error = {0};
        uint32_t flags = 1;

        assert_true(flags_parse(cases[i].kind, slice_from_string(cases[i].text), &flags, &error));
        assert_int_equal(flags, cases[i].flags);
        flags_append(&text, cases[i].kind, flags);
        assert_true(slice_equal_string(buffer_slice(&text), cases[i].written));
        buffer_clear(&text);
    }
}

static void test_unknown(void **state)
{
    static const char *const cases[] = {"", "x", "add-headers|", "0x", "0x100000000", "0xg", "1"};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error = {0};
        uint32_t flags = 0;

        assert_false(flags_parse(FLAGS_ACTIONS, slice_from_string(cases[i]), &flags, &error));
        assert_non_null(strstr(error.message, "unknown action <"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_unknown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
