/*
 * Tests of board: numbers of several processes add up, those of the dead do not
 * count, sequences are common to all.
 */
#include "milter-manager/board.h"
#include "milter-manager/control/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void in_a_process(unsigned place, void (*work)(void))
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        tally_enter(place);
        work();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void three_sessions_one_ended(void)
{
    counter_increment(&tally()->sessions_open);
    counter_increment(&tally()->sessions_open);
    counter_increment(&tally()->sessions_open);
    counter_decrement(&tally()->sessions_open);
    (void)board_next(BOARD_SESSION_TAG);
    (void)board_finish(1);
}

static void nothing(void)
{
}

static void test_alone(void **state)
{
    (void)state;
    assert_int_equal(board_next(BOARD_SESSION_TAG), 1);
    assert_int_equal(board_next(BOARD_SESSION_TAG), 2);
    assert_int_equal(board_next(BOARD_MILTER_TAG), 1);
    counter_increment(&tally()->sessions_open);
    assert_int_equal(board_sessions(), 1);
    counter_decrement(&tally()->sessions_open);
    assert_int_equal(board_sessions(), 0);
    assert_int_equal(board_finish(3), 3);
}

static void test_several(void **state)
{
    (void)state;
    board_open();
    tally_open(4);
    in_a_process(1, three_sessions_one_ended);
    in_a_process(2, three_sessions_one_ended);
    in_a_process(3, nothing);
    assert_int_equal(board_sessions(), 4);
    assert_int_equal(board_fewest_sessions(), 0);
    tally_leave(3);
    assert_int_equal(board_fewest_sessions(), 2);
    tally_leave(1);
    assert_int_equal(board_sessions(), 2);
    in_a_process(1, nothing); /* the place of a dead one begins anew */
    assert_int_equal(board_fewest_sessions(), 0);
    assert_int_equal(board_next(BOARD_SESSION_TAG), 3);
    assert_int_equal(board_finish(2), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alone),
        cmocka_unit_test(test_several),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
