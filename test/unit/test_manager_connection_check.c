/*
 * Tests of what a session makes of its connection checkers: when they are asked,
 * what they see, and how the session ends when the SMTP client has gone.
 */
#include "milter-manager/session/context.h"
#include "test/unit/bytes.h"
#include "test/unit/session_play_conditions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void play_with_checkers(struct play *play, unsigned children)
{
    play_init(play, children);
    play->configuration.hooks = HOOK_CONNECTION_CHECK;
    play->configuration.manager.connection_check_interval = 1;
    play->configuration.manager.fallback_status_at_disconnect = VERDICT_TEMPORARY_FAILURE;
    play->check_answer = CONDITION_RUN;
    play_begin(play);
}

static void test_asks_only_while_a_child_owes_a_reply(void **state)
{
    struct play play;

    (void)state;
    play_with_checkers(&play, 2);
    assert_false(session_check_connection(play.session));
    mta_says(&play, "C");
    assert_true(session_check_connection(play.session));
    child_says(&play, 0, "c");
    assert_true(session_check_connection(play.session));
    child_says(&play, 1, "c");
    assert_false(session_check_connection(play.session));
    assert_int_equal(play.checked, 2);
    mta_says_and_all_continue(&play, "HMRT");
    mta_says(&play, "L");
    assert_true(session_check_connection(play.session));
    all_continue(&play);
    assert_false(session_check_connection(play.session));
    play_end(&play);
    assert_int_equal(play.checked, 3);
}

static void test_nobody_is_asked_without_interval_or_checkers(void **state)
{
    struct play play;

    (void)state;
    play_with_checkers(&play, 1);
    mta_says(&play, "C");
    play.configuration.manager.connection_check_interval = 0;
    assert_false(session_check_connection(play.session));
    play.configuration.manager.connection_check_interval = 1;
    play.configuration.hooks = HOOK_MAINTAINED;
    assert_false(session_check_connection(play.session));
    play_end(&play);
    assert_int_equal(play.checked, 0);
}

static void test_gone_answers_the_command_and_ends_everything(void **state)
{
    struct play play;

    (void)state;
    play_with_checkers(&play, 2);
    mta_says_and_all_continue(&play, "CHMR");
    mta_says(&play, "T");
    forget_heard(&play);
    play.check_answer = CONDITION_STOP;
    assert_true(session_check_connection(play.session));
    assert_mta_heard(&play, "t");
    assert_child_heard(&play, 0, "AQ");
    assert_child_heard(&play, 1, "AQ");
    assert_true(play.finished);
    play_end(&play);
}

static void test_gone_at_the_end_of_message_takes_no_edit_along(void **state)
{
    struct play play;

    (void)state;
    play_with_checkers(&play, 2);
    mta_says_and_all_continue(&play, "CHMRTLNB");
    mta_says(&play, "E");
    child_says(&play, 0, "hc");
    forget_heard(&play);
    play.check_answer = CONDITION_STOP;
    assert_true(session_check_connection(play.session));
    assert_mta_heard(&play, "t");
    assert_child_heard(&play, 1, "AQ");
    assert_true(play.finished);
    play_end(&play);
}

static void test_a_late_answer_counts_only_while_the_session_waits(void **state)
{
    struct play play;

    (void)state;
    play_with_checkers(&play, 1);
    mta_says(&play, "C");
    play.check_answer = CONDITION_PENDING;
    assert_true(session_check_connection(play.session));
    assert_false(session_check_connection(play.session)); /* the question is open */
    all_continue(&play);
    play_checkers_answer(&play, CONDITION_STOP);
    assert_false(play.finished);
    mta_says(&play, "H");
    assert_true(session_check_connection(play.session));
    forget_heard(&play);
    play_checkers_answer(&play, CONDITION_STOP);
    assert_true(play.finished);
    assert_mta_heard(&play, "t");
    play_end(&play);
    assert_int_equal(play.checked, 2);
}

static void test_the_end_of_the_session_ends_the_question(void **state)
{
    struct play play;
    struct slice value;
    struct context_address address;

    (void)state;
    play_with_checkers(&play, 1);
    mta_says(&play, "C");
    play.check_answer = CONDITION_PENDING;
    assert_true(session_check_connection(play.session));
    assert_true(context_macro(play.check_context, slice_from_string("i"), &value));
    assert_true(context_server_address(play.check_context, &address));
    assert_int_equal(address.family, 'U'); /* the host did not say */
    assert_true(context_client_address(play.check_context, &address));
    assert_int_equal(address.family, '4');
    assert_false(context_name(play.check_context, &value)); /* it is no child's */
    assert_false(context_set_macro(play.check_context, value, value));
    mta_closes(&play);
    assert_null(play.check_ticket);
    assert_false(context_macro(play.check_context, slice_from_string("i"), &value));
    assert_false(context_client_address(play.check_context, &address));
    assert_false(context_server_address(play.check_context, &address));
    play_end(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_asks_only_while_a_child_owes_a_reply),
        cmocka_unit_test(test_nobody_is_asked_without_interval_or_checkers),
        cmocka_unit_test(test_gone_answers_the_command_and_ends_everything),
        cmocka_unit_test(test_gone_at_the_end_of_message_takes_no_edit_along),
        cmocka_unit_test(test_a_late_answer_counts_only_while_the_session_waits),
        cmocka_unit_test(test_the_end_of_the_session_ends_the_question),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
