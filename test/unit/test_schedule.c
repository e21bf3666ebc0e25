/*
 * Tests of schedule: when sessions are due, with and without a rate, and when
 * there are no more.
 */
#include "libcore/base/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000000)

static void test_times(void **state)
{
    const struct schedule schedule = {.rate = 2000, .start = 5 * SECOND};

    (void)state;
    assert_true(schedule_time(&schedule, 0) == 5 * SECOND);
    assert_true(schedule_time(&schedule, 1) == 5 * SECOND + 500000);
    assert_true(schedule_time(&schedule, 2000) == 6 * SECOND);
}

/* The number due and the times of each agree, whatever rounding does. */
static void test_due_agrees_with_times(void **state)
{
    static const double rates[] = {0.1, 1, 3, 7.3, 999.99, 2000, 33333.3, 1000000};

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        const struct schedule schedule = {.rate = rates[i], .start = 123456789012345};

        for (uint64_t number = 0; number < 100000; number += 1 + number / 3) {
            uint64_t time = schedule_time(&schedule, number);

            assert_true(schedule_due(&schedule, time) == number + 1);
            assert_true(schedule_due(&schedule, time - 1) == number);
        }
    }
}

/* The schedule does not drift: hour-long runs have exactly rate times seconds sessions. */
static void test_no_drift(void **state)
{
    const struct schedule schedule = {.rate = 3, .start = 1, .duration = 3600 * SECOND};

    (void)state;
    assert_true(schedule_due(&schedule, 1 + 3600 * SECOND) == 10800);
    assert_true(schedule_due(&schedule, 1 + 9999 * SECOND) == 10800);
}

static void test_hardly_ever(void **state)
{
    const struct schedule schedule = {.rate = 1e-300, .start = SECOND};

    (void)state;
    assert_true(schedule_time(&schedule, 0) == SECOND);
    assert_true(schedule_time(&schedule, 1) == UINT64_MAX);
    assert_true(schedule_due(&schedule, SECOND) == 1);
    assert_true(schedule_due(&schedule, 1000000 * SECOND) == 1);
}

static void test_end_of_an_open_schedule(void **state)
{
    const struct schedule schedule = {.rate = 10, .start = SECOND, .duration = SECOND};

    (void)state;
    assert_true(schedule_due(&schedule, SECOND - 1) == 0);
    assert_true(schedule_due(&schedule, SECOND) == 1);
    /* What was due before the end and had to wait is still to be started. */
    assert_false(schedule_over(&schedule, 9, 3 * SECOND));
    assert_true(schedule_over(&schedule, 10, 2 * SECOND));
    /* All were started, but the time has not run out. */
    assert_false(schedule_over(&schedule, 10, 2 * SECOND - 1));
}

static void test_limit(void **state)
{
    const struct schedule open = {.rate = 10, .start = SECOND, .limit = 3};
    const struct schedule closed = {.start = SECOND, .limit = 3};

    (void)state;
    assert_true(schedule_due(&open, 100 * SECOND) == 3);
    assert_true(schedule_due(&closed, SECOND) == 3);
    assert_false(schedule_over(&open, 2, 100 * SECOND));
    assert_true(schedule_over(&open, 3, SECOND));
    assert_false(schedule_over(&closed, 2, 100 * SECOND));
    assert_true(schedule_over(&closed, 3, SECOND));
}

static void test_closed_with_an_end(void **state)
{
    const struct schedule schedule = {.start = SECOND, .duration = SECOND};

    (void)state;
    assert_true(schedule_due(&schedule, SECOND) == UINT64_MAX);
    assert_true(schedule_due(&schedule, 2 * SECOND - 1) == UINT64_MAX);
    assert_true(schedule_due(&schedule, 2 * SECOND) == 0);
    assert_false(schedule_over(&schedule, 77, 2 * SECOND - 1));
    assert_true(schedule_over(&schedule, 77, 2 * SECOND));
    assert_true(schedule_time(&schedule, 77) == SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_due_agrees_with_times),
        cmocka_unit_test(test_no_drift),
        cmocka_unit_test(test_hardly_ever),
        cmocka_unit_test(test_end_of_an_open_schedule),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_closed_with_an_end),
    };

    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
