/*
 * Tests of switches: on and off, the room there is, other processes see it.
 */
#include "milter-manager/control/switches.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_before_they_are_opened(void **state)
{
    (void)state;
    assert_false(switches_disabled("a"));
    switches_open();
    switches_open(); /* keeps what there is */
    assert_false(switches_disabled("a"));
}

static void test_off_and_on(void **state)
{
    (void)state;
    assert_true(switches_disable("a"));
    assert_true(switches_disable("a"));
    assert_true(switches_disabled("a"));
    assert_false(switches_disabled("aa"));
    assert_false(switches_disabled(""));
    switches_enable("b");
    switches_enable("a");
    assert_false(switches_disabled("a"));
}

static void test_other_processes(void **state)
{
    int status = -1;
    pid_t child;
    int ends[2];
    char byte = 0;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        (void)!read(ends[0], &byte, 1);
        _exit(switches_disabled("later") ? 0 : 1);
    }
    assert_true(switches_disable("later"));
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    switches_enable("later");
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void test_room(void **state)
{
    char name[SWITCHES_NAME + 1];

    (void)state;
    memset(name, 'x', sizeof(name));
    name[SWITCHES_NAME] = '\0';
    assert_false(switches_disable(name));
    name[SWITCHES_NAME - 1] = '\0';
    assert_true(switches_disable(name));
    for (int i = 1; i < SWITCHES_MAXIMUM; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        assert_true(switches_disable(name));
    }
    assert_false(switches_disable("one more"));
    assert_true(switches_disable("1"));
    switches_enable("7");
    assert_true(switches_disable("one more")); /* in the place of one that is on */
    assert_true(switches_disabled("one more"));
    assert_false(switches_disabled("7"));
    assert_true(switches_disabled("255"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_they_are_opened),
        cmocka_unit_test(test_off_and_on),
        cmocka_unit_test(test_other_processes),
        cmocka_unit_test(test_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
