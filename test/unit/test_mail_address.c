/*
 * test_mail_address - envelope addresses out of header values and options
 * (tools.md sections 1.1 and 1.4 item 4).
 */
#include "libcore/mail/mail_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *value;
    const char *address; /* NULL: invalid */
} from_header[] = {
    {"a@example.test", "<a@example.test>"},
    {"<a@example.test>", "<a@example.test>"},
    {"Alice Adler <a@example.test>", "<a@example.test>"},
    {"\"Adler, Alice\" <a@example.test> (comment)", "<a@example.test>"},
    {"MAILER-DAEMON@example.test (Mail Delivery System)", "<MAILER-DAEMON@example.test>"},
    {"  a@example.test", "<a@example.test>"},
    {"a@example.test\n b@example.test", "<a@example.test>"},
    {"a@example.test\tb@example.test", "<a@example.test>"},
    {"Alice\n <a@example.test>", "<a@example.test>"},
    {"<>", "<>"},
    {"", "<>"},
    {"   ", "<>"},
    {"a > b <c@example.test>", "<c@example.test>"},
    {"<a@example.test>, <b@example.test>", "<a@example.test>"},
    {"<<a@example.test>>", "<<a@example.test>"},
    {"M\xc3\xbcller <m\xc3\xbcller@example.test>", "<m\xc3\xbcller@example.test>"},
    {"Alice <a@example.test", NULL},
    {"<", NULL},
    {"> <", NULL},
};

static void addresses_from_header_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(from_header) / sizeof(from_header[0]); i++) {
        struct arena arena = {0};
        struct error error = {0};
        struct slice address;
        char sentence[128];
        bool ok = mail_address_from_header(&arena, slice_from_string(from_header[i].value),
                                           &address, &error);

        assert_int_equal(ok, from_header[i].address != NULL);
        if (ok) {
            assert_true(slice_equal_string(address, from_header[i].address));
        } else {
            (void)snprintf(sentence, sizeof(sentence), "invalid mail address: %s",
                           from_header[i].value);
            assert_int_equal(error.code, ERROR_USAGE);
            assert_string_equal(error.message, sentence);
        }
        arena_clear(&arena);
    }
}

static void brackets_are_added_where_missing(void **state)
{
    static const char *const cases[][2] = {
        {"a@x", "<a@x>"}, {"<a@x>", "<a@x>"}, {"<a@x", "<a@x>"}, {"a@x>", "<a@x>"},
        {"", "<>"},       {"<>", "<>"},       {"<", "<>"},       {">", "<>"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena = {0};
        struct slice address = mail_address_add_brackets(&arena, slice_from_string(cases[i][0]));

        assert_string_equal(address.data, cases[i][1]);
        assert_int_equal(address.length, strlen(cases[i][1]));
        arena_clear(&arena);
    }
}

static void the_bytes_given_need_no_terminator(void **state)
{
    struct arena arena = {0};
    struct error error = {0};
    struct slice address;
    static const char text[] = "Bob <b@x>tail>";

    (void)state;
    assert_true(mail_address_from_header(&arena, slice_of(text, 9), &address, &error));
    assert_string_equal(address.data, "<b@x>");
    assert_false(mail_address_from_header(&arena, slice_of(text, 8), &address, &error));
    assert_string_equal(error.message, "invalid mail address: Bob <b@x");
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_from_header_values),
        cmocka_unit_test(brackets_are_added_where_missing),
        cmocka_unit_test(the_bytes_given_need_no_terminator),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
