/*
 * Tests of order: every command at every position, every reply to every
 * command, against the expectation written from the specification.
 */
#include "libcore/session/order.h"

#include "test/unit/expectation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_every_command_at_every_position(void **state)
{
    (void)state;
    for (unsigned from = 0; from < POSITIONS; from++) {
        for (unsigned command = 0; command < COMMANDS; command++) {
            enum position expected =
                expected_after_command((enum position)from, (enum command)command);
            enum position actual =
                order_after_command((enum position)from, (enum command)command, 0);

            if (actual != expected) {
                fail_msg("'%c' at %s leads to %s, expected %s", command_info[command].letter,
                         position_name((enum position)from), position_name(actual),
                         position_name(expected));
            }
        }
    }
}

/* Suppressed commands may be jumped over (section 11), all of them at once too. */
static void test_jumps_over_suppressed_commands(void **state)
{
    static const struct {
        uint32_t suppressed;
        enum position from;
        const char *in_order;     /* PATH letters that work */
        const char *out_of_order; /* and those that do not */
    } rows[] = {
        {0, POSITION_NEGOTIATED, "CHU", "MRTLNBE"},
        {STEP_NO_CONNECT, POSITION_NEGOTIATED, "CHUM", "RTLNBE"},
        {STEP_NO_CONNECT | STEP_NO_MAIL, POSITION_NEGOTIATED, "CHUMR", "TLNBE"},
        {STEP_NO_CONNECT | STEP_NO_MAIL | STEP_NO_RCPT, POSITION_NEGOTIATED, "CHUMRTLNBE", ""},
        {STEP_NO_CONNECT | STEP_NO_RCPT, POSITION_NEGOTIATED, "CHUM", "RTLNBE"},
        {STEP_NO_MAIL | STEP_NO_RCPT, POSITION_NEGOTIATED, "CHU", "MRTLNBE"},
        {STEP_NO_MAIL, POSITION_CONNECTED, "CHUMR", "TLNBE"},
        {STEP_NO_MAIL | STEP_NO_RCPT, POSITION_CONNECTED, "CHUMRTLNBE", ""},
        {STEP_NO_RCPT, POSITION_CONNECTED, "CHUM", "RTLNBE"},
        {STEP_NO_RCPT, POSITION_MAIL, "CHUMRTLNBE", ""},
        {STEP_NO_HELO, POSITION_NEGOTIATED, "CHU", "MRTLNBE"},
        {STEP_ALL, POSITION_NEGOTIATED, "CHUMRTLNBE", ""},
        {STEP_ALL, POSITION_END_OF_MESSAGE, "", "CHUMRTLNBE"},
        {STEP_ALL, POSITION_START, "", "CHUMRTLNBE"},
        {STEP_ALL, POSITION_CLOSED, "", "CHUMRTLNBE"},
        {STEP_ALL, POSITION_END_OF_HEADER, "CHUMBE", "RTLN"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(strlen(rows[i].in_order) + strlen(rows[i].out_of_order), 10);
        for (const char *letter = rows[i].in_order; *letter != '\0'; letter++) {
            assert_int_not_equal(
                order_after_command(rows[i].from, command_of(*letter), rows[i].suppressed),
                POSITION_INVALID);
        }
        for (const char *letter = rows[i].out_of_order; *letter != '\0'; letter++) {
            assert_int_equal(
                order_after_command(rows[i].from, command_of(*letter), rows[i].suppressed),
                POSITION_INVALID);
        }
    }
}

/* Suppressing adds ways, it takes none away and leads nowhere else. */
static void test_suppression_only_adds(void **state)
{
    (void)state;
    for (unsigned mask = 0; mask <= STEP_NO_EVENT; mask++) {
        for (unsigned from = 0; from < POSITIONS; from++) {
            for (unsigned command = 0; command < COMMANDS; command++) {
                enum position plain =
                    order_after_command((enum position)from, (enum command)command, 0);
                enum position jumped =
                    order_after_command((enum position)from, (enum command)command, mask);

                assert_true(plain == POSITION_INVALID || jumped == plain);
                assert_true((mask & (STEP_NO_CONNECT | STEP_NO_MAIL | STEP_NO_RCPT)) != 0 ||
                            jumped == plain);
            }
        }
    }
}

/* A verdict for every letter that is final. */
static enum verdict verdict_of(char letter)
{
    switch (letter) {
    case 'a':
        return VERDICT_ACCEPT;
    case 'r':
    case 'y':
        return VERDICT_REJECT;
    case 't':
    case '4':
        return VERDICT_TEMPORARY_FAILURE;
    case 'd':
        return VERDICT_DISCARD;
    case 's':
        return VERDICT_SKIP;
    default:
        return VERDICT_CONTINUE;
    }
}

static void test_every_reply_to_every_command(void **state)
{
    (void)state;
    for (unsigned command = 0; command < COMMANDS; command++) {
        for (unsigned kind = 0; kind < REPLIES; kind++) {
            char letter = reply_info[kind].letter;
            enum expected_reply expected = expected_reply((enum command)command, letter);
            bool valid = order_reply_valid((enum command)command, (enum reply_kind)kind);

            if (valid != (expected != EXPECT_INVALID)) {
                fail_msg("'%c' is%s an answer to '%c'", letter, valid ? "" : " not",
                         command_info[command].letter);
            }
        }
    }
}

static void test_where_every_reply_leaves(void **state)
{
    (void)state;
    for (unsigned command = 0; command < COMMANDS; command++) {
        for (const char *letter = "cartdys4"; *letter != '\0'; letter++) {
            enum expected_reply expected = expected_reply((enum command)command, *letter);

            if (expected == EXPECT_INVALID) {
                continue;
            }
            for (unsigned position = 0; position < POSITIONS; position++) {
                bool open = position >= POSITION_MAIL && position <= POSITION_END_OF_MESSAGE;

                assert_int_equal(order_after_reply((enum position)position, (enum command)command,
                                                   verdict_of(*letter)),
                                 expected == EXPECT_ENDS && open ? POSITION_CONNECTED : position);
            }
        }
    }
}

static void test_positions(void **state)
{
    (void)state;
    assert_int_equal(strlen(expected_positions), POSITIONS);
    for (unsigned position = 0; position <= POSITIONS; position++) {
        char letter = expected_positions[position];

        assert_int_equal(position_in_message((enum position)position),
                         letter != '\0' && strchr("MRTLHBE", letter) != NULL);
        assert_true(strlen(position_name((enum position)position)) > 0);
    }
    assert_string_equal(position_name(POSITION_RCPT), "envelope-recipient");
    assert_string_equal(position_name(POSITION_INVALID), "invalid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command_at_every_position),
        cmocka_unit_test(test_jumps_over_suppressed_commands),
        cmocka_unit_test(test_suppression_only_adds),
        cmocka_unit_test(test_every_reply_to_every_command),
        cmocka_unit_test(test_where_every_reply_leaves),
        cmocka_unit_test(test_positions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
