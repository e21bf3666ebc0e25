/*
 * Tests of macro: sets of pairs, braces, lists of names (milter-protocol sections 3.6 and 4).
 */
#include "libcore/wire/macro.h"

#include "test/unit/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define S(text)  SLICE_LITERAL(text)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_pairs_one_by_one(void **state)
{
    struct slice pairs = BYTES("j\0mx\0{empty}\0\0i\0Q1\0odd\0");
    struct slice name, value;

    (void)state;
    assert_true(macro_pair_next(&pairs, &name, &value));
    assert_text(name, "j");
    assert_text(value, "mx");
    assert_true(macro_pair_next(&pairs, &name, &value));
    assert_text(name, "{empty}");
    assert_text(value, "");
    assert_true(macro_pair_next(&pairs, &name, &value));
    assert_text(name, "i");
    assert_text(value, "Q1");
    /* What is left is no pair, and stays. */
    assert_false(macro_pair_next(&pairs, &name, &value));
    assert_bytes(pairs, BYTES("odd\0"));
    assert_false(macro_pair_next(&pairs, &name, &value));
    pairs = BYTES("");
    assert_false(macro_pair_next(&pairs, &name, &value));
}

static void test_braces_do_not_matter(void **state)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"i", "i", true},
        {"i", "{i}", true},
        {"{i}", "{i}", true},
        {"{auth_type}", "auth_type", true},
        {"{auth_type}", "{auth_author}", false},
        {"auth_type", "AUTH_TYPE", false}, /* case-sensitive */
        {"i", "j", false},
        {"{i", "i", false}, /* half a pair of braces is part of the name */
        {"i}", "i", false},
        {"{", "{", true},
        {"{}", "", true},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice a = slice_from_string(rows[i].a), b = slice_from_string(rows[i].b);

        assert_int_equal(macro_name_equal(a, b), rows[i].equal);
        assert_int_equal(macro_name_equal(b, a), rows[i].equal);
    }
    assert_text(macro_bare_name(BYTES("{client_name}")), "client_name");
    assert_text(macro_bare_name(BYTES("{{x}}")), "{x}");
}

/* One character bare, longer names in braces, as MTAs write them. */
static void test_appending(void **state)
{
    struct buffer pairs = {0};

    (void)state;
    macro_pair_append_braced(&pairs, BYTES("i"), BYTES("Q1"));
    macro_pair_append_braced(&pairs, BYTES("{j}"), BYTES(""));
    macro_pair_append_braced(&pairs, BYTES("auth_type"), BYTES("PLAIN"));
    macro_pair_append_braced(&pairs, BYTES("{if_name}"), BYTES("lo"));
    macro_pair_append(&pairs, BYTES("as_it_is"), BYTES("v"));
    assert_bytes(buffer_slice(&pairs),
                 BYTES("i\0Q1\0j\0\0{auth_type}\0PLAIN\0{if_name}\0lo\0as_it_is\0v\0"));
    buffer_clear(&pairs);
}

static void test_finding(void **state)
{
    static const struct {
        struct slice pairs;
        const char *name;
        const char *value; /* NULL: not there */
    } rows[] = {
        {S("i\0Q1\0j\0mx\0"), "i", "Q1"},
        {S("i\0Q1\0j\0mx\0"), "{j}", "mx"},
        {S("{auth_type}\0PLAIN\0"), "auth_type", "PLAIN"},
        {S("auth_type\0PLAIN\0"), "{auth_type}", "PLAIN"},
        {S("i\0Q1\0i\0Q2\0"), "i", "Q2"},   /* the last one wins */
        {S("i\0Q1\0{i}\0Q2\0"), "i", "Q2"}, /* in braces too */
        {S("i\0\0"), "i", ""},
        {S("i\0Q1\0"), "j", NULL},
        {S("Q1\0i\0"), "i", NULL}, /* a value is no name */
        {S("i\0Q1"), "i", NULL},   /* half a pair is none */
        {S(""), "i", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice value;

        assert_int_equal(macro_pair_find(rows[i].pairs, slice_from_string(rows[i].name), &value),
                         rows[i].value != NULL);
        if (rows[i].value != NULL) {
            assert_text(value, rows[i].value);
        }
    }
}

static void test_lists_of_names(void **state)
{
    static const struct {
        const char *list;
        const char *names[4];
    } rows[] = {
        {"j {daemon_name}", {"j", "{daemon_name}"}},
        {"i,j", {"i", "j"}},
        {" , i ,\t j\r\n,", {"i", "j"}},
        {"i", {"i"}},
        {"", {NULL}},
        {" , ", {NULL}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice list = slice_from_string(rows[i].list), name;

        for (size_t j = 0; rows[i].names[j] != NULL; j++) {
            assert_true(macro_list_next(&list, &name));
            assert_text(name, rows[i].names[j]);
        }
        assert_false(macro_list_next(&list, &name));
        assert_false(macro_list_next(&list, &name));
    }
    assert_true(macro_list_contains(BYTES("j {daemon_name}"), BYTES("daemon_name")));
    assert_true(macro_list_contains(BYTES("j,daemon_name"), BYTES("{daemon_name}")));
    assert_false(macro_list_contains(BYTES("j {daemon_name}"), BYTES("daemon")));
    assert_false(macro_list_contains(BYTES(""), BYTES("j")));
}

static void test_sorting(void **state)
{
    struct buffer sorted = {0}, many = {0};
    struct slice pairs, name, value;
    unsigned count = 0;

    (void)state;
    macro_pairs_sort(BYTES("v\0001\0{b}\0002\0{auth_type}\0003\0auth\0004\0b\0005\0_\0006\0"),
                     &sorted);
    /* Of two of one name the last; bare when it has one character. */
    assert_bytes(buffer_slice(&sorted),
                 BYTES("_\0006\0{auth}\0004\0{auth_type}\0003\0b\0005\0v\0001\0"));
    buffer_reset(&sorted);
    /* Only one pair of braces is none of the name. */
    macro_pairs_sort(BYTES("{{x}}\0001\0x\0002\0"), &sorted);
    assert_bytes(buffer_slice(&sorted), BYTES("x\0002\0{{x}}\0001\0"));
    buffer_reset(&sorted);
    macro_pairs_sort(BYTES(""), &sorted);
    assert_int_equal(buffer_length(&sorted), 0);

    for (unsigned i = 0; i < 100; i++) {
        buffer_append_format(&many, "{m%02u}", i * 37 % 100);
        buffer_append_byte(&many, '\0');
        buffer_append_format(&many, "%u", i);
        buffer_append_byte(&many, '\0');
    }
    macro_pairs_sort(buffer_slice(&many), &sorted);
    for (pairs = buffer_slice(&sorted); macro_pair_next(&pairs, &name, &value); count++) {
        char expected[8] = {'{', 'm', (char)('0' + count / 10), (char)('0' + count % 10), '}'};

        assert_text(name, expected);
    }
    assert_int_equal(count, 100);
    buffer_clear(&many);
    buffer_clear(&sorted);
}

static void test_packets(void **state)
{
    struct buffer output = {0};

    (void)state;
    macro_append_packet(&output, COMMAND_END_OF_HEADER, BYTES("i\0Q\0"));
    macro_append_packet(&output, COMMAND_UNKNOWN, BYTES(""));
    assert_hex(buffer_slice(&output), "00 00 00 06 44 4E 69 00 51 00  00 00 00 02 44 55");
    buffer_clear(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs_one_by_one), cmocka_unit_test(test_braces_do_not_matter),
        cmocka_unit_test(test_appending),        cmocka_unit_test(test_finding),
        cmocka_unit_test(test_lists_of_names),   cmocka_unit_test(test_sorting),
        cmocka_unit_test(test_packets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
