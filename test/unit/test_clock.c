/*
 * Tests of clock: it runs forwards, and as fast as the system's.
 */
#include "libcore/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void test_forwards(void **state)
{
    uint64_t last = clock_nanoseconds();

    (void)state;
    assert_true(last > 0);
    for (int i = 0; i < 1000; i++) {
        uint64_t now = clock_nanoseconds();

        assert_true(now >= last);
        last = now;
    }
}

static void test_speed(void **state)
{
    const struct timespec pause = {0, 20000000};
    uint64_t before = clock_nanoseconds();
    uint64_t passed;

    (void)state;
    (void)nanosleep(&pause, NULL);
    passed = clock_nanoseconds() - before;
    assert_true(passed >= 20000000);
    assert_true(passed < 10000000000); /* a busy machine */
}

static void test_stamp(void **state)
{
    char stamp[CLOCK_STAMP];
    unsigned year = 0;

    (void)state;
    assert_ptr_equal(clock_stamp(stamp), stamp);
    assert_int_equal(strlen(stamp), strlen("2024-05-01T10:00:00Z"));
    year = (unsigned)strtoul(stamp, NULL, 10);
    assert_true(year >= 2024);
    assert_true(stamp[4] == '-' && stamp[10] == 'T' && stamp[13] == ':' && stamp[19] == 'Z');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forwards),
        cmocka_unit_test(test_speed),
        cmocka_unit_test(test_stamp),
    };

    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
