/*
 * Tests of verdict: names, the order of strength, and what a fallback may be.
 */
#include "libcore/wire/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Ascending strength, manager-semantics section 5.1. */
static const struct {
    enum verdict verdict;
    const char *name;
    bool fallback;
} verdicts[] = {
    {VERDICT_NONE, "default", false},
    {VERDICT_ACCEPT, "accept", true},
    {VERDICT_SKIP, "skip", false},
    {VERDICT_CONTINUE, "continue", false},
    {VERDICT_TEMPORARY_FAILURE, "temporary-failure", true},
    {VERDICT_REJECT, "reject", true},
    {VERDICT_DISCARD, "discard", true},
};

enum { VERDICT_COUNT = sizeof(verdicts) / sizeof(verdicts[0]) };

static void test_every_verdict_has_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < VERDICT_COUNT; i++) {
        assert_string_equal(verdict_name(verdicts[i].verdict), verdicts[i].name);
    }
}

static void test_values_ascend_in_strength(void **state)
{
    (void)state;
    for (size_t i = 1; i < VERDICT_COUNT; i++) {
        assert_true(verdicts[i].verdict > verdicts[i - 1].verdict);
    }
}

static void test_only_four_are_fallbacks(void **state)
{
    (void)state;
    for (size_t i = 0; i < VERDICT_COUNT; i++) {
        enum verdict parsed = VERDICT_NONE;

        assert_int_equal(verdict_parse_fallback(verdicts[i].name, &parsed), verdicts[i].fallback);
        assert_int_equal(parsed, verdicts[i].fallback ? verdicts[i].verdict : VERDICT_NONE);
    }
}

static void test_spelling(void **state)
{
    static const char *const good[] = {"temporary-failure", "temporary_failure",
                                       "Temporary-Failure", "TEMPORARY_FAILURE"};
    static const char *const bad[] = {"",           "reject ",   " reject",           "rejec",
                                      "rejected",   "temporary", "temporary failure", "tempfail",
                                      "not-change", "abort"};
    enum verdict parsed;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        parsed = VERDICT_NONE;
        assert_true(verdict_parse_fallback(good[i], &parsed));
        assert_int_equal(parsed, VERDICT_TEMPORARY_FAILURE);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        parsed = VERDICT_SKIP;
        assert_false(verdict_parse_fallback(bad[i], &parsed));
        assert_int_equal(parsed, VERDICT_SKIP);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_verdict_has_its_name),
        cmocka_unit_test(test_values_ascend_in_strength),
        cmocka_unit_test(test_only_four_are_fallbacks),
        cmocka_unit_test(test_spelling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
