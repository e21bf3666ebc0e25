/*
 * Tests of slice: comparison, prefixes, and cutting strings off a packet.
 */
#include "libcore/base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_made_from_strings_and_bytes(void **state)
{
    static const struct slice constant = SLICE_LITERAL("ab\0c");

    (void)state;
    assert_int_equal(constant.length, 4);
    assert_int_equal(slice_from_string("").length, 0);
    assert_int_equal(slice_from_string("text").length, 4);
    assert_int_equal(slice_from_string(NULL).length, 0);
    assert_non_null(slice_from_string(NULL).data);
    assert_true(slice_equal(slice_of("text and more", 4), slice_from_string("text")));
}

static void test_equality_is_by_bytes(void **state)
{
    (void)state;
    assert_true(slice_equal(slice_of("a\0b", 3), slice_of("a\0b", 3)));
    assert_false(slice_equal(slice_of("a\0b", 3), slice_of("a\0c", 3)));
    assert_false(slice_equal(slice_of("ab", 2), slice_of("abc", 3)));
    assert_true(slice_equal(slice_of(NULL, 0), slice_of("", 0)));
    assert_true(slice_equal_string(slice_of("name: value", 4), "name"));
    assert_false(slice_equal_string(slice_of("name\0", 5), "name"));
    assert_true(slice_equal_string(slice_of(NULL, 0), ""));
    assert_false(slice_equal_string(slice_from_string("Name"), "name"));
}

static void test_case_is_ignored_for_ascii_only(void **state)
{
    (void)state;
    assert_true(slice_equal_ignoring_case(slice_from_string("X-Spam-Flag"),
                                          slice_from_string("x-SPAM-flag")));
    assert_false(
        slice_equal_ignoring_case(slice_from_string("X-Spam"), slice_from_string("X-Spa")));
    /* '@' and '`' differ by the bit that tells upper from lower case letters. */
    assert_false(slice_equal_ignoring_case(slice_from_string("@"), slice_from_string("`")));
    assert_false(slice_equal_ignoring_case(slice_from_string("\xc4"), slice_from_string("\xe4")));
    assert_true(slice_equal_ignoring_case(slice_of(NULL, 0), slice_of("", 0)));
}

static void test_prefix(void **state)
{
    (void)state;
    assert_true(slice_starts_with(slice_from_string("inet:10025"), "inet:"));
    assert_true(slice_starts_with(slice_from_string("inet:"), "inet:"));
    assert_true(slice_starts_with(slice_from_string("inet:"), ""));
    assert_false(slice_starts_with(slice_from_string("inet"), "inet:"));
    assert_false(slice_starts_with(slice_from_string("Inet:"), "inet:"));
    /* Bytes behind the end do not count. */
    assert_false(slice_starts_with(slice_of("inet:", 3), "inet:"));
}

static void test_skip_stops_at_the_end(void **state)
{
    struct slice input = slice_from_string("abcdef");

    (void)state;
    slice_skip(&input, 0);
    assert_true(slice_equal_string(input, "abcdef"));
    slice_skip(&input, 2);
    assert_true(slice_equal_string(input, "cdef"));
    slice_skip(&input, 100);
    assert_int_equal(input.length, 0);
    slice_skip(&input, SIZE_MAX);
    assert_int_equal(input.length, 0);
}

static void test_take_string_walks_a_packet(void **state)
{
    static const char packet[] = "first\0\0third\0rest";
    struct slice input = slice_of(packet, sizeof(packet) - 1);
    struct slice string;

    (void)state;
    assert_true(slice_take_string(&input, &string));
    assert_true(slice_equal_string(string, "first"));
    assert_ptr_equal(string.data, packet);
    assert_true(slice_take_string(&input, &string));
    assert_int_equal(string.length, 0);
    assert_true(slice_take_string(&input, &string));
    assert_true(slice_equal_string(string, "third"));
    assert_true(slice_equal_string(input, "rest"));
}

static void test_take_string_needs_the_nul(void **state)
{
    /* The NUL of the literal lies behind the slice and must not be seen. */
    struct slice input = slice_of("rest", 4);
    struct slice string = slice_from_string("untouched");
    struct slice empty = slice_of(NULL, 0);

    (void)state;
    assert_false(slice_take_string(&input, &string));
    assert_true(slice_equal_string(input, "rest"));
    assert_true(slice_equal_string(string, "untouched"));
    assert_false(slice_take_string(&empty, &string));
    assert_int_equal(empty.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_from_strings_and_bytes),
        cmocka_unit_test(test_equality_is_by_bytes),
        cmocka_unit_test(test_case_is_ignored_for_ascii_only),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_skip_stops_at_the_end),
        cmocka_unit_test(test_take_string_walks_a_packet),
        cmocka_unit_test(test_take_string_needs_the_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
