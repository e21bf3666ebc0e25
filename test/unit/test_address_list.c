/*
 * test_address_list - addresses out of From:, To: and Cc: (RFC 5322 section
 * 3.4 and 4.4), the right ones and those that people send.
 */
#include "libcore/base/buffer.h"
#include "libcore/mail/address_list.h"
#include "test/unit/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MAXIMUM = 5 };

static const struct {
    const char *value;
    const char *addresses[MAXIMUM];
} right[] = {
    {"", {NULL}},
    {" \t\r\n ", {NULL}},
    {"a@example.com", {"a@example.com"}},
    {"  a@example.com\r\n", {"a@example.com"}},
    {"postmaster", {"postmaster"}},
    {"<>", {NULL}},
    {"MAILER-DAEMON <>", {NULL}},
    {"<a@example.com>", {"a@example.com"}},
    {"Alice Adler <a@example.com>", {"a@example.com"}},
    {"Alice B. Adler <a@example.com>", {"a@example.com"}},
    {"a@example.com,b@example.com", {"a@example.com", "b@example.com"}},
    {",, a@example.com ,,b@example.com,", {"a@example.com", "b@example.com"}},
    {"a@example.com; b@example.com", {"a@example.com", "b@example.com"}},
    /* quoted display names */
    {"\"Adler, Alice\" <a@example.com>, b@example.com", {"a@example.com", "b@example.com"}},
    {"\"<x@y>, \\\"Al\\\"\" <a@example.com>", {"a@example.com"}},
    {"\"Adler\" \"Alice\" von<a@example.com>", {"a@example.com"}},
    {"\"\"<a@example.com>", {"a@example.com"}},
    /* display names as they are met */
    {"a@example.com <b@example.com>", {"b@example.com"}},
    {"[list] Bob <b@example.com>", {"b@example.com"}},
    {"\"Adler <a@example.com>, b@example.com", {"a@example.com", "b@example.com"}},
    {"Alice \\ :-) <a@example.com>;", {"a@example.com"}},
    {"M\xfcller <m@example.com>", {"m@example.com"}}, /* Latin-1 */
    /* comments */
    {"a@example.com (Alice Adler)", {"a@example.com"}},
    {"(x)a(y)@(z (nested \\) <c@d>, (deep)) )example(,).com(;)", {"a@example.com"}},
    {"Bob (the (old), one) <b@example.com> (,c@d)", {"b@example.com"}},
    {"<(x)a(y)@example.com(z)>", {"a@example.com"}},
    {"(only a comment)", {NULL}},
    /* local parts in quotes */
    {"\"a b\"@example.com", {"\"a b\"@example.com"}},
    {"<\"a,b\\\"<c>\"@example.com>", {"\"a,b\\\"<c>\"@example.com"}},
    {"\"a@b\"@example.com, c@d", {"\"a@b\"@example.com", "c@d"}},
    {"\"a\r\n b\"@example.com", {"\"a b\"@example.com"}},
    {"\"a\"", {"\"a\""}},
    {"\"a\".b.\"c\"@d", {"\"a\".b.\"c\"@d"}},
    /* folded, and blanks where the obsolete syntax has them */
    {"Alice\r\n <a@example.com>,\r\n\tBob <b@example.com>", {"a@example.com", "b@example.com"}},
    {"a . b @ example . com", {"a.b@example.com"}},
    {"< a\r\n @ example.com >", {"a@example.com"}},
    /* groups */
    {"undisclosed-recipients:;", {NULL}},
    {"Undisclosed recipients: ;", {NULL}},
    {"friends: a@b.c, \"x, y\" <d@e.f>;, g@h", {"a@b.c", "d@e.f", "g@h"}},
    {"\"A: group\": a@b;", {"a@b"}},
    {"one: a@b;, two:c@d; , e@f", {"a@b", "c@d", "e@f"}},
    {"one:a@b; two:c@d;", {"a@b", "c@d"}},
    {"g(:): a@b;(end)", {"a@b"}},
    /* encoded words */
    {"=?utf-8?Q?M=C3=BCller?= <m@example.com>", {"m@example.com"}},
    {"=?utf-8?Q?M=C3=BCller,_Max;<x@y>:?= <m@example.com>", {"m@example.com"}},
    {"=?iso-8859-1?b?TfxsbGVy?=\r\n =?iso-8859-1?b?LA==?= <m@example.com>, a@b",
     {"m@example.com", "a@b"}},
    {"=?x <m@example.com>, =?y@z", {"m@example.com", "=?y@z"}},
    /* routes */
    {"<@a.example,@b.example:user@host.example>", {"user@host.example"}},
    {"Bob <@a , @b : user@host>, c@d", {"user@host", "c@d"}},
    {"<@[192.0.2.1]:user@host>", {"user@host"}},
    /* domain literals */
    {"a@[192.0.2.1]", {"a@[192.0.2.1]"}},
    {"<a@[IPv6:2001:db8::1]>, b@[ 192.0.2.2 ]", {"a@[IPv6:2001:db8::1]", "b@[192.0.2.2]"}},
    /* UTF-8 */
    {"J\xc3\xbcrgen <j\xc3\xbcrgen@m\xc3\xbcnchen.example>",
     {"j\xc3\xbcrgen@m\xc3\xbcnchen.example"}},
    {"\xe7\x94\xa8\xe6\x88\xb7@example.com", {"\xe7\x94\xa8\xe6\x88\xb7@example.com"}},
    /* atoms hold more than letters */
    {"a+b=c!#$%&'*-/?^_`{|}~@example.com", {"a+b=c!#$%&'*-/?^_`{|}~@example.com"}},
    {"a..b.@example.com", {"a..b.@example.com"}},
};

static const struct {
    const char *value;
    const char *not_understood;
    const char *addresses[MAXIMUM];
} broken[] = {
    {"Bob Berg", "Bob Berg", {NULL}},
    {"a@b, Bob Berg , c@d", "Bob Berg", {"a@b", "c@d"}},
    {"Bob Berg bob@example.com", "Bob Berg bob@example.com", {"bob@example.com"}},
    {"bob@example.com Bob, c@d", "bob@example.com Bob", {"bob@example.com", "c@d"}},
    {"a@b c@d", "a@b c@d", {"a@b"}},
    {"<a@b> text, c@d", "<a@b> text", {"a@b", "c@d"}},
    {"<a@b> <c@d>", "<a@b> <", {"a@b", "c@d"}},
    {"Alice <a@b", "Alice <a@b", {"a@b"}},
    {"Alice <a@b, c@d", "Alice <a@b", {"a@b", "c@d"}},
    {"Alice a@b>, c@d", "Alice a@b>", {"a@b", "c@d"}},
    {"<<a@b>>", "<<a@b>", {"a@b"}},
    {"<a b@c>, d@e", "<a b@c>", {"d@e"}},
    {"<a@b c>", "<a@b c>", {NULL}},
    {"<@a>, b@c", "<@a>", {"b@c"}},
    {"<:a@b>", "<:a@b>", {NULL}},
    {"a@b@c, d@e", "a@b@c", {"d@e"}},
    {"a@, @b, c@d", "a@", {"c@d"}},
    {"@", "@", {NULL}},
    {"...", "...", {NULL}},
    {".a@b", ".a@b", {NULL}},
    {"a@.b", "a@.b", {NULL}},
    {"\"a@b", "\"a@b", {"a@b"}},
    {"b\"a@b", "b\"a@b", {"a@b"}},
    {"a@b (unclosed, c@d", "a@b (unclosed", {"a@b", "c@d"}},
    {"a@[192.0.2.1, c@d", "a@[192.0.2.1", {"c@d"}},
    {"a@[1]b, a@[\\1], [1]@b, a@b[1]", "a@[1]b", {"a@[1]", "a@b"}},
    {"a@\"b\"", "a@\"b\"", {NULL}},
    {"a\\@b@c, d@e", "a\\@b@c", {"d@e"}},
    {"group: a@b, c@d", "c@d", {"a@b", "c@d"}},
    {"a@b: c@d;", "a@b:", {"c@d"}},
    {"mailto:a@b", "a@b", {"a@b"}},
    {"a\x01@b, c@d", "a\x01@b", {"c@d"}},
    {"\"a\x01\"@b, \"\\\r\"@c, d@e\x7f", "\"a\x01\"@b", {NULL}},
    {"\xff@b, a@\xc3, c@d", "\xff@b", {"c@d"}},
    {"a\xc0\x80@b", "a\xc0\x80@b", {NULL}}, /* an overlong NUL */
    {"=?utf-8?Q?a,b?=@c, d@e", "=?utf-8?Q?a,b?=@c", {"d@e"}},
};

static void assert_addresses(const struct address_list *list, const char *const *addresses)
{
    size_t count = 0;

    while (count < MAXIMUM && addresses[count] != NULL) {
        assert_true(count < list->count);
        assert_text(list->items[count], addresses[count]);
        count++;
    }
    assert_int_equal(list->count, count);
}

static void addresses_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        struct arena arena = {0};
        struct address_list list;

        address_list_init(&list, &arena);
        if (!address_list_parse(&list, slice_from_string(right[i].value))) {
            fail_msg("not understood: %s: %.*s", right[i].value, (int)list.not_understood.length,
                     list.not_understood.data);
        }
        assert_null(list.not_understood.data);
        assert_addresses(&list, right[i].addresses);
        arena_clear(&arena);
    }
}

static void broken_values_give_what_can_be_had(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct arena arena = {0};
        struct address_list list;

        address_list_init(&list, &arena);
        if (address_list_parse(&list, slice_from_string(broken[i].value))) {
            fail_msg("understood: %s", broken[i].value);
        }
        assert_text(list.not_understood, broken[i].not_understood);
        assert_addresses(&list, broken[i].addresses);
        arena_clear(&arena);
    }
}

static void a_nul_is_no_part_of_an_address(void **state)
{
    struct arena arena = {0};
    struct address_list list;

    (void)state;
    address_list_init(&list, &arena);
    assert_false(address_list_parse(&list, BYTES("a\0b@c, d@e, \"f\0\"@g")));
    assert_int_equal(list.count, 1);
    assert_text(list.items[0], "d@e");
    arena_clear(&arena);
}

static void values_are_collected_and_the_first_trouble_stays(void **state)
{
    struct arena arena = {0};
    struct address_list list;

    (void)state;
    address_list_init(&list, &arena);
    assert_true(address_list_parse(&list, slice_from_string("a@b")));
    assert_false(address_list_parse(&list, slice_from_string("Bob Berg, c@d")));
    assert_false(address_list_parse(&list, slice_from_string("Max Moritz")));
    assert_true(address_list_parse(&list, slice_from_string("e@f")));
    assert_int_equal(list.count, 3);
    assert_text(list.not_understood, "Bob Berg");
    arena_clear(&arena);
}

/* Each would take hours if every unclosed character were looked for again. */
static void time_grows_with_the_length_only(void **state)
{
    static const char *const pieces[] = {"(", "\"\\", "[", "=?a ", "<", "<@", "a:", "(\\(", "\"(["};
    enum { REPEATS = 1000000 };

    (void)state;
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct arena arena = {0};
        struct address_list list;
        struct buffer value = {0};

        for (size_t k = 0; k < REPEATS; k++) {
            buffer_append_string(&value, pieces[i]);
        }
        address_list_init(&list, &arena);
        assert_false(address_list_parse(&list, buffer_slice(&value)));
        assert_int_equal(list.count, 0);
        buffer_clear(&value);
        arena_clear(&arena);
    }
}

static void very_many_addresses(void **state)
{
    enum { MANY = 20000 };
    struct arena arena = {0};
    struct address_list list;
    struct buffer value = {0};

    (void)state;
    for (unsigned i = 0; i < MANY; i++) {
        buffer_append_format(&value, "\"User, %u\" <u%u@example.com>,\r\n ", i, i);
    }
    address_list_init(&list, &arena);
    assert_true(address_list_parse(&list, buffer_slice(&value)));
    assert_int_equal(list.count, MANY);
    assert_text(list.items[MANY - 1], "u19999@example.com");
    buffer_clear(&value);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_found),
        cmocka_unit_test(broken_values_give_what_can_be_had),
        cmocka_unit_test(a_nul_is_no_part_of_an_address),
        cmocka_unit_test(values_are_collected_and_the_first_trouble_stays),
        cmocka_unit_test(time_grows_with_the_length_only),
        cmocka_unit_test(very_many_addresses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
