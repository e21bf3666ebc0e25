/*
 * Tests of alarm: it rings once, not before its time, again when set again.
 */
#include "libcore/net/alarm.h"

#include "libcore/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct bell {
    struct loop *loop;
    struct alarm *alarm;
    int rings;
    int wanted;
    uint64_t due;
};

static void ring(void *owner)
{
    struct bell *bell = owner;

    assert_true(clock_nanoseconds() >= bell->due);
    if (++bell->rings == bell->wanted) {
        loop_stop(bell->loop);
        return;
    }
    bell->due = clock_nanoseconds() + 300000;
    alarm_set(bell->alarm, bell->due);
}

static void stop(void *owner)
{
    struct bell *bell = owner;

    loop_stop(bell->loop);
}

static struct bell bell_new(void)
{
    return (struct bell){.loop = loop_new()};
}

static void test_rings_in_time(void **state)
{
    struct bell bell = bell_new();
    struct error error = {0};

    (void)state;
    bell.wanted = 5;
    bell.alarm = alarm_new(bell.loop, ring, &bell, &error);
    assert_non_null(bell.alarm);
    bell.due = clock_nanoseconds() + 2000000;
    alarm_set(bell.alarm, bell.due);
    loop_run(bell.loop);
    assert_int_equal(bell.rings, 5);
    alarm_free(bell.alarm);
    loop_free(bell.loop);
}

static void test_past_and_moved(void **state)
{
    struct bell bell = bell_new();
    struct error error = {0};

    (void)state;
    bell.wanted = 1;
    bell.alarm = alarm_new(bell.loop, ring, &bell, &error);
    alarm_set(bell.alarm, clock_nanoseconds() + 3600000000000U);
    alarm_set(bell.alarm, 0); /* long past: at once */
    loop_run(bell.loop);
    assert_int_equal(bell.rings, 1);
    alarm_free(bell.alarm);
    loop_free(bell.loop);
}

static void test_moved_away(void **state)
{
    struct bell bell = bell_new();
    struct error error = {0};
    struct loop_timer *timer = loop_timer_new(bell.loop, stop, &bell);

    (void)state;
    bell.alarm = alarm_new(bell.loop, ring, &bell, &error);
    alarm_set(bell.alarm, clock_nanoseconds() + 1000000);
    alarm_set(bell.alarm, clock_nanoseconds() + 3600000000000U);
    loop_timer_start(timer, 0.03);
    loop_run(bell.loop);
    assert_int_equal(bell.rings, 0);
    loop_timer_free(timer);
    alarm_free(bell.alarm);
    alarm_free(NULL);
    loop_free(bell.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rings_in_time),
        cmocka_unit_test(test_past_and_moved),
        cmocka_unit_test(test_moved_away),
    };

    return cmocka_run_group_tests_name("alarm", tests, NULL, NULL);
}
