/*
 * test_given_address - addresses of the command line.
 */
#include "milter-performance-check/given_address.h"

#include "test/unit/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *text;
    const char *address;
} accepted[] = {
    {"joe@example.com", "joe@example.com"},
    {"<joe@example.com>", "joe@example.com"},
    {"Joe <joe@example.com>", "joe@example.com"},
    {"\"Doe, Joe\" <joe@example.com> (him)", "joe@example.com"},
    {" joe@example.com ", "joe@example.com"},
    {"\"joe doe\"@example.com", "\"joe doe\"@example.com"},
    {"postmaster", "postmaster"},
    {"<@relay.example:joe@example.com>", "joe@example.com"},
    {"joe@[IPv6:::1]", "joe@[IPv6:::1]"},
    {"j\xc3\xbcrgen@example.com", "j\xc3\xbcrgen@example.com"},
};

static const struct {
    const char *text;
    const char *sentence;
} refused[] = {
    {"joe@example.com\r\nRCPT TO:<x@y>", "has no line breaks and control characters"},
    {"joe@example.com\n", "has no line breaks and control characters"},
    {"joe\x01@example.com", "has no line breaks and control characters"},
    {"joe doe@example.com", "with blanks in quotes only"},
    {"joe@example.com x", "with blanks in quotes only"},
    {"<joe @example.com>", "has blanks in quotes only"},
    {"joe@exam ple.com", "with blanks in quotes only"},
    {"joe@ example.com", "has blanks in quotes only"},
    {"joe(x)@example.com", "no comments"},
    {"a@x, b@x", "these are several addresses; give the option once for each"},
    {"friends:;", "this is no address"},
    {"Joe <>", "this is no address"},
    {"<joe@example.com", "this is no address"},
    {"joe@", "this is no address"},
    {"@example.com", "this is no address"},
    {"a@b@c", "this is no address"},
    {"\xff@example.com", "this is no address"},
    {" ", "this is no address"},
};

static void addresses_lose_their_brackets(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {
        struct arena arena = {0};
        struct error error = {0};
        struct slice address;

        if (!given_address_parse("--from", accepted[i].text, false, &arena, &address, &error)) {
            fail_msg("%s", error.message);
        }
        assert_text(address, accepted[i].address);
        arena_clear(&arena);
    }
}

static void others_are_refused_with_a_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct arena arena = {0};
        struct error error = {0};
        struct slice address;

        if (given_address_parse("--from", refused[i].text, true, &arena, &address, &error)) {
            fail_msg("accepted: %s", refused[i].text);
        }
        assert_int_equal(error.code, ERROR_USAGE);
        assert_memory_equal(error.message, "--from \"", 8);
        assert_null(strchr(error.message, '\n'));
        if (strstr(error.message, refused[i].sentence) == NULL) {
            fail_msg("%s", error.message);
        }
        arena_clear(&arena);
    }
}

static void the_sender_alone_may_be_empty(void **state)
{
    static const char *const texts[] = {"", "<>"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct arena arena = {0};
        struct error error = {0};
        struct slice address = slice_from_string("x");

        assert_true(given_address_parse("--from", texts[i], true, &arena, &address, &error));
        assert_int_equal(address.length, 0);
        assert_false(given_address_parse("--recipient", texts[i], false, &arena, &address, &error));
        assert_string_equal(error.message, "--recipient: the address is empty");
        arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_lose_their_brackets),
        cmocka_unit_test(others_are_refused_with_a_sentence),
        cmocka_unit_test(the_sender_alone_may_be_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
