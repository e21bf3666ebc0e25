/*
 * Tests of what conditions decide about the envelope: the question about all of
 * it before DATA, and the explanation of every decision.
 */
#include "milter-manager/session/explanation.h"
#include "milter-manager/session/session.h"
#include "test/unit/bytes.h"
#include "test/unit/session_play_conditions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Both children have these stoppers. */
static void play_with(struct play *play, unsigned stages, enum condition_answer answer)
{
    play_init(play, 2);
    play->conditions[0].stages = play->conditions[1].stages = stages;
    play->condition_answer = answer;
    play_begin(play);
    mta_says_and_all_continue(play, "CHM");
    forget_heard(play);
}

static void assert_envelope_asked(struct play *play, const char *recipients)
{
    assert_text(buffer_slice(&play->envelope_asked), recipients);
}

/* The recipients that a child has refused are no recipients of the mail. */
static void says_three_recipients(struct play *play)
{
    mta_says_bytes(play, (struct slice)SLICE_LITERAL("\0\0\0\5R<a>\0"));
    all_continue(play);
    mta_says_bytes(play, (struct slice)SLICE_LITERAL("\0\0\0\5R<b>\0"));
    child_says(play, 0, "c");
    child_says(play, 1, "r");
    mta_says_bytes(play, (struct slice)SLICE_LITERAL("\0\0\0\5R<c>\0"));
    all_continue(play);
    forget_heard(play);
}

static void test_the_question_names_accepted_recipients(void **state)
{
    (void)state;
    for (unsigned with_data = 0; with_data < 2; with_data++) {
        struct play play;

        play_with(&play, 1U << CONDITION_ENVELOPE, CONDITION_RUN);
        says_three_recipients(&play);
        assert_int_equal(play.asked, 0);
        mta_says_and_all_continue(&play, with_data == 1 ? "TLN" : "LN");
        assert_int_equal(play.asked, 2);
        assert_envelope_asked(&play, " <a> <c>");
        mta_says_and_all_continue(&play, "E");
        mta_says_and_all_continue(&play, "MRT"); /* the next message has its own */
        assert_int_equal(play.asked, 4);
        assert_envelope_asked(&play, " <b@x>");
        play_end(&play);
    }
}

static void test_a_stop_takes_the_message_from_the_child(void **state)
{
    struct play play;

    (void)state;
    play_with(&play, 1U << CONDITION_ENVELOPE, CONDITION_STOP);
    says_three_recipients(&play);
    mta_says(&play, "T");
    assert_child_heard(&play, 0, "A");
    assert_child_heard(&play, 1, "A");
    assert_mta_heard(&play, "a");
    play_end(&play);
}

/* The stopper of the envelope comes first; that of DATA is asked when it lets the message pass. */
static void test_both_stoppers_may_wait(void **state)
{
    struct play play;

    (void)state;
    play_with(&play, 1U << CONDITION_ENVELOPE | 1U << CONDITION_DATA, CONDITION_PENDING);
    says_three_recipients(&play);
    mta_says(&play, "T");
    assert_int_equal(play.asked, 2);
    play_condition_answers(&play, 0, CONDITION_RUN);
    play_condition_answers(&play, 1, CONDITION_STOP);
    assert_int_equal(play.asked, 3);
    assert_child_heard(&play, 0, "");
    assert_child_heard(&play, 1, "");
    play_condition_answers(&play, 0, CONDITION_RUN);
    assert_child_heard(&play, 0, "T");
    assert_child_heard(&play, 1, "A");
    child_says(&play, 0, "c");
    assert_mta_heard(&play, "c");
    play_end(&play);
}

static void test_a_child_may_fail_between_both_questions(void **state)
{
    struct play play;

    (void)state;
    play_with(&play, 1U << CONDITION_ENVELOPE | 1U << CONDITION_DATA, CONDITION_PENDING);
    says_three_recipients(&play);
    mta_says(&play, "T");
    play_condition_answers(&play, 0, CONDITION_RUN);
    child_fails(&play, 0);
    play_condition_answers(&play, 1, CONDITION_RUN);
    play_condition_answers(&play, 1, CONDITION_RUN);
    child_says(&play, 1, "c");
    assert_mta_heard(&play, "c");
    play_end(&play);
}

static void test_stops_are_explained(void **state)
{
    struct play play;

    (void)state;
    play_with(&play, 1U << CONDITION_ENVELOPE_RECIPIENT, CONDITION_STOP);
    play.configured[1].evaluation_mode = true;
    mta_says(&play, "R");
    assert_text(buffer_slice(&play.explained),
                "milter \"first\" is stopped at envelope-recipient by the condition \"played\" "
                "(play.conf:7) for <b@x>\n"
                "milter \"second\" is stopped at envelope-recipient by the condition \"played\" "
                "(play.conf:7) for <b@x>\n");
    play_end(&play);
}

static void test_answers_are_explained(void **state)
{
    struct play play;

    (void)state;
    play_init(&play, 3);
    play.configured[1].evaluation_mode = true;
    play.configured[2].fallback_status = VERDICT_TEMPORARY_FAILURE;
    play_begin(&play);
    mta_says_and_all_continue(&play, "CHM");
    mta_says(&play, "R");
    child_says(&play, 0, "c");
    child_says(&play, 1, "r");
    child_says(&play, 2, "c");
    mta_says_and_all_continue(&play, "RTN");
    mta_says(&play, "E");
    child_says(&play, 0, "c");
    child_says(&play, 1, "cr");
    child_says(&play, 2, "c");
    child_times_out(&play, 2);
    assert_text(
        buffer_slice(&play.explained),
        "milter \"second\" answered at envelope-recipient: reject (evaluation mode: not obeyed) "
        "for <b@x>\n"
        "milter \"first\" answered at end-of-message: continue\n"
        "milter \"second\" answered at end-of-message: reject (evaluation mode: not obeyed)\n"
        "milter \"third\" failed at end-of-message: its fallback temporary-failure counts\n");
    play_end(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_question_names_accepted_recipients),
        cmocka_unit_test(test_a_stop_takes_the_message_from_the_child),
        cmocka_unit_test(test_both_stoppers_may_wait),
        cmocka_unit_test(test_a_child_may_fail_between_both_questions),
        cmocka_unit_test(test_stops_are_explained),
        cmocka_unit_test(test_answers_are_explained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
