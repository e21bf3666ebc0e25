/*
 * Tests of the manager's verdict tables: every command and every verdict
 * against what manager-semantics sections 5, 9 and 17 say, written down here as
 * letters and not taken from the code.
 */
#include "milter-manager/session/verdict.h"
#include "test/unit/expectation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* In the order of the columns below: "(nothing yet)", then ascending strength (section 5.1). */
static const enum verdict columns[] = {
    VERDICT_NONE,   VERDICT_ACCEPT,  VERDICT_SKIP, VERDICT_CONTINUE, VERDICT_TEMPORARY_FAILURE,
    VERDICT_REJECT, VERDICT_DISCARD,
};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static const struct {
    char command;
    /* Section 5.2 and, for U, section 17 row 6: - stays, m leaves the message, s the session. */
    const char *effects;
    /* x: as the result of all it ends the message (section 5.2). */
    const char *ends;
    /* Section 9: a accept, c continue, and what is done to the child; blank: no stopper. */
    char stop_counts, stop_effect;
} expected[] = {
    /*     nascTrd    nascTrd */
    {'C', "-s--sss", "-------", 'a', 's'}, {'H', "-s--sss", "-------", 'a', 's'},
    {'M', "-m--mmm", "----xxx", 'c', 'm'}, {'R', "-m----m", "------x", 'c', '-'},
    {'T', "-m--mmm", "----xxx", 'a', 'm'}, {'U', "-m-----", "-------", ' ', ' '},
    {'L', "-m--mmm", "----xxx", 'a', 'm'}, {'N', "-m--mmm", "----xxx", 'a', 'm'},
    {'B', "-m--mmm", "----xxx", 'a', 'm'}, {'E', "-m-mmmm", "----xxx", 'a', 'm'},
};
enum { ROWS = sizeof(expected) / sizeof(expected[0]) };

static char effect_letter(enum verdict_effect effect)
{
    return effect == EFFECT_STAY ? '-' : effect == EFFECT_LEAVE_MESSAGE ? 'm' : 's';
}

static void test_every_answered_command_has_a_row(void **state)
{
    (void)state;
    for (unsigned command = COMMAND_NEGOTIATE + 1; command < COMMANDS; command++) {
        unsigned rows = 0;

        for (size_t row = 0; row < ROWS; row++) {
            rows += command_of(expected[row].command) == (enum command)command;
        }
        assert_int_equal(rows, command_info[command].replied ? 1 : 0);
    }
}

static void test_what_a_verdict_does_to_its_child(void **state)
{
    (void)state;
    for (size_t row = 0; row < ROWS; row++) {
        enum command command = command_of(expected[row].command);
        char actual[COLUMNS + 1] = {0};

        for (size_t column = 0; column < COLUMNS; column++) {
            actual[column] = effect_letter(verdict_child_effect(command, columns[column]));
        }
        assert_string_equal(actual, expected[row].effects);
    }
}

static void test_what_ends_the_message_for_everybody(void **state)
{
    (void)state;
    for (size_t row = 0; row < ROWS; row++) {
        enum command command = command_of(expected[row].command);
        char actual[COLUMNS + 1] = {0};

        for (size_t column = 0; column < COLUMNS; column++) {
            actual[column] = verdict_ends_message(command, columns[column]) ? 'x' : '-';
        }
        assert_string_equal(actual, expected[row].ends);
    }
}

/* Whatever ends the message for all ends it for the child that has said so. */
static void test_no_child_outlives_the_message_it_ended(void **state)
{
    (void)state;
    for (size_t row = 0; row < ROWS; row++) {
        enum command command = command_of(expected[row].command);

        for (size_t column = 0; column < COLUMNS; column++) {
            if (verdict_ends_message(command, columns[column])) {
                assert_int_not_equal(verdict_child_effect(command, columns[column]), EFFECT_STAY);
            }
        }
    }
}

static void test_what_a_stopper_counts_and_does(void **state)
{
    (void)state;
    for (size_t row = 0; row < ROWS; row++) {
        enum command command = command_of(expected[row].command);

        if (expected[row].stop_counts == ' ') {
            continue; /* an unknown command has no stopper */
        }
        assert_int_equal(verdict_when_stopped(command),
                         expected[row].stop_counts == 'a' ? VERDICT_ACCEPT : VERDICT_CONTINUE);
        assert_int_equal(effect_letter(verdict_stop_effect(command)), expected[row].stop_effect);
    }
}

static void test_only_the_stronger_replaces(void **state)
{
    (void)state;
    for (size_t holder = 0; holder < COLUMNS; holder++) {
        for (size_t challenger = 0; challenger < COLUMNS; challenger++) {
            assert_int_equal(verdict_stronger(columns[challenger], columns[holder]),
                             challenger > holder);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_answered_command_has_a_row),
        cmocka_unit_test(test_what_a_verdict_does_to_its_child),
        cmocka_unit_test(test_what_ends_the_message_for_everybody),
        cmocka_unit_test(test_no_child_outlives_the_message_it_ended),
        cmocka_unit_test(test_what_a_stopper_counts_and_does),
        cmocka_unit_test(test_only_the_stronger_replaces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
