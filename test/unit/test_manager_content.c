/*
 * Tests of the manager's content phase where wire tests can hardly reach:
 * conditions that are pending while children fail, children and an MTA that do
 * not read, and the next child's beginning.
 */
#include "milter-manager/session/session.h"
#include "test/unit/bytes.h"
#include "test/unit/session_play_conditions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Every child has a stopper of that kind, which does not answer at once. */
static void play_with_pending(struct play *play, unsigned children, enum condition_stage stage)
{
    play_init(play, children);
    for (unsigned i = 0; i < children; i++) {
        play->conditions[i].stages = 1U << stage;
    }
    play->condition_answer = CONDITION_PENDING;
}

/* ---- pending conditions in the envelope */

static void test_nobody_is_asked_before_the_last_condition_has_answered(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 2; first++) {
        struct play play;

        play_with_pending(&play, 2, CONDITION_CONNECT);
        play_begin(&play);
        mta_says(&play, "C");
        play_condition_answers(&play, first, first == 0 ? CONDITION_RUN : CONDITION_STOP);
        assert_child_heard(&play, 0, "");
        play_condition_answers(&play, 1 - first, first == 0 ? CONDITION_STOP : CONDITION_RUN);
        assert_child_heard(&play, 0, "C");
        assert_child_heard(&play, 1, "Q");
        child_says(&play, 0, "c");
        assert_mta_heard(&play, "c");
        play_end(&play);
    }
}

static void test_a_child_fails_while_its_condition_is_pending(void **state)
{
    (void)state;
    for (unsigned answered_before = 0; answered_before < 2; answered_before++) {
        struct play play;

        play_with_pending(&play, 2, CONDITION_CONNECT);
        play.configured[0].fallback_status = VERDICT_TEMPORARY_FAILURE;
        play_begin(&play);
        mta_says(&play, "C");
        if (answered_before == 1) {
            play_condition_answers(&play, 1, CONDITION_RUN);
        }
        child_fails(&play, 0);
        assert_null(play.tickets[0]);
        if (answered_before == 0) {
            play_condition_answers(&play, 1, CONDITION_RUN);
        }
        assert_mta_heard(&play, "");
        child_says(&play, 1, "c");
        assert_mta_heard(&play, "t");
        play_end(&play);
    }
}

static void test_a_child_fails_while_the_condition_of_another_is_pending(void **state)
{
    struct play play;

    (void)state;
    play_with_pending(&play, 2, CONDITION_HELO);
    play.configured[0].fallback_status = VERDICT_REJECT;
    play_begin(&play);
    mta_says_and_all_continue(&play, "C");
    forget_heard(&play);
    mta_says(&play, "H");
    play_condition_answers(&play, 0, CONDITION_RUN);
    child_fails(&play, 0);
    assert_mta_heard(&play, "");
    play_condition_answers(&play, 1, CONDITION_STOP);
    assert_mta_heard(&play, "r");
    play_end(&play);
}

static void test_garbage_while_a_condition_is_pending(void **state)
{
    struct play play;

    (void)state;
    play_with_pending(&play, 1, CONDITION_CONNECT);
    play_begin(&play);
    mta_says(&play, "C");
    child_says(&play, 0, "c"); /* an answer to what it was not asked yet */
    assert_null(play.tickets[0]);
    assert_mta_heard(&play, "a");
    play_end(&play);
}

static void test_leaving_while_conditions_are_pending(void **state)
{
    static const enum condition_stage stages[] = {CONDITION_CONNECT, CONDITION_ENVELOPE_FROM,
                                                  CONDITION_DATA, CONDITION_HEADER,
                                                  CONDITION_END_OF_MESSAGE};
    static const char *const commands[] = {"C", "M", "T", "L", "E"};

    (void)state;
    for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
        struct play play;

        play_with_pending(&play, 2, stages[i]);
        play_begin(&play);
        mta_says_and_all_continue(&play, i == 0 ? "" : i == 1 ? "C" : "CMR");
        mta_says_and_all_continue(&play, commands[i]);
        assert_non_null(play.tickets[0]);
        mta_closes(&play); /* the end of the play asks whether the question was withdrawn */
        play_end(&play);
    }
}

/* ---- pending conditions in the content */

static void test_a_chunk_waits_for_its_condition(void **state)
{
    struct play play;

    (void)state;
    play_with_pending(&play, 1, CONDITION_BODY);
    play_begin(&play);
    mta_says_and_all_continue(&play, "CMRTLN");
    forget_heard(&play);
    mta_says(&play, "B");
    assert_child_heard(&play, 0, "");
    play_condition_answers(&play, 0, CONDITION_RUN);
    assert_child_heard(&play, 0, "B");
    child_says(&play, 0, "c");
    mta_says(&play, "B");
    play_condition_answers(&play, 0, CONDITION_RUN);
    assert_child_heard(&play, 0, "B");
    child_says(&play, 0, "c");
    assert_mta_heard(&play, "cc");
    assert_int_equal(play.asked, 2);
    assert_bytes(buffer_slice(&play.children[0].content), BYTES("Subject\0Hi\0Hi\r\nHi\r\n"));
    play_end(&play);
}

static void test_stopped_or_failed_while_the_header_waits(void **state)
{
    (void)state;
    for (unsigned fails = 0; fails < 2; fails++) {
        struct play play;

        play_with_pending(&play, 2, CONDITION_HEADER);
        play.conditions[1].stages = 0;
        play_begin(&play);
        mta_says_and_all_continue(&play, "CMRT");
        forget_heard(&play);
        mta_says(&play, "L");
        if (fails == 1) {
            child_fails(&play, 0);
        } else {
            play_condition_answers(&play, 0, CONDITION_STOP);
            assert_child_heard(&play, 0, "A");
        }
        assert_child_heard(&play, 1, "L");
        child_says(&play, 1, "c");
        assert_mta_heard(&play, "c");
        play_end(&play);
    }
}

/* ---- the next child begins at the beginning */

static void test_leaving_between_two_headers(void **state)
{
    struct play play;

    (void)state;
    play_init(&play, 2);
    play_begin(&play);
    mta_says_and_all_continue(&play, "CMRTL");
    child_fails(&play, 0);
    forget_heard(&play);
    mta_says(&play, "U"); /* its fallback counts here, outside of the content */
    assert_mta_heard(&play, "c");
    mta_says_and_all_continue(&play, "LN");
    assert_child_heard(&play, 1, "LLN");
    assert_mta_heard(&play, "cc");
    play_end(&play);
}

static void test_the_end_of_the_header_is_always_sent(void **state)
{
    static const char *const contents[] = {"E", "TE", "LE", "TLBE", "BE"};
    static const char *const expected[] = {"TNE", "TNE", "TLNE", "TLNBE", "TNBE"};

    (void)state;
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        struct play play;

        play_init(&play, 2);
        play_begin(&play);
        mta_says_and_all_continue(&play, "CMR");
        forget_heard(&play);
        mta_says_and_all_continue(&play, contents[i]);
        assert_child_heard(&play, 0, expected[i]);
        assert_child_heard(&play, 1, expected[i]);
        play_end(&play);
    }
}

/* ---- those who do not read */

static void say_large_body(struct play *play, unsigned index, size_t chunks)
{
    char chunk[1000];
    struct buffer packets = {0};

    for (size_t i = 0; i < chunks; i++) {
        memset(chunk, 'a' + (int)i, sizeof(chunk));
        packet_append(&packets, 'b', slice_of(chunk, sizeof(chunk)));
    }
    packet_append(&packets, 'c', slice_of("", 0));
    child_says_bytes(play, index, buffer_slice(&packets));
    buffer_clear(&packets);
}

static void play_to_a_large_body(struct play *play)
{
    play_init(play, 1);
    play->configuration.manager.packet_buffer_size = 3000;
    play->configuration.manager.chunk_size = 700;
    play_begin(play);
    mta_says_and_all_continue(play, "CMRTLNB");
    mta_says(play, "E");
    forget_heard(play);
    play->front_stalled = true;
    say_large_body(play, 0, 10);
}

static void test_a_large_body_leaves_in_pieces(void **state)
{
    struct play play;
    unsigned reads = 0;

    (void)state;
    play_to_a_large_body(&play);
    while (!session_is_idle(play.session)) {
        assert_in_range(buffer_length(&play.front_output), 1, 3000 + 700 + 5);
        mta_reads(&play);
        reads++;
    }
    mta_reads(&play);
    assert_int_equal(reads, 2); /* a third one is below */
    assert_int_equal(buffer_length(&play.body), 10000);
    for (size_t i = 0; i < 10000; i++) {
        assert_int_equal(play.body.data[i], 'a' + (int)(i / 1000));
    }
    assert_mta_heard(&play, "bbbbbbbbbbbbbbbc");
    play_end(&play);
}

static void test_leaving_in_the_middle_of_a_large_body(void **state)
{
    (void)state;
    for (unsigned reads = 0; reads < 3; reads++) {
        struct play play;

        play_to_a_large_body(&play);
        for (unsigned i = 0; i < reads; i++) {
            mta_reads(&play);
        }
        child_fails(&play, 0); /* it has given its answer: nothing changes */
        mta_closes(&play);
        play_end(&play);
    }
}

static void test_a_child_that_does_not_read_is_not_fed(void **state)
{
    static char body[PROTOCOL_CHUNK];
    struct buffer packet = {0};
    struct play play;
    unsigned chunks = 0;

    (void)state;
    play_init(&play, 1);
    play.children[0].answer.steps = STEP_NO_REPLY_BODY;
    play_begin(&play);
    mta_says_and_all_continue(&play, "CMRTLN");
    forget_heard(&play);
    play.children[0].stalled = true;
    packet_append(&packet, 'B', slice_of(body, sizeof(body)));
    while (buffer_length(&play.heard) == chunks) { /* each chunk is answered */
        assert_in_range(++chunks, 1, 100);
        mta_says_bytes(&play, buffer_slice(&packet));
    }
    assert_in_range(buffer_length(play.children[0].output), 1048576, 1048576 + sizeof(body) + 5);
    child_reads(&play, 0);
    assert_int_equal(buffer_length(&play.heard), chunks);
    child_reads(&play, 0); /* the chunk that had to wait */
    assert_int_equal(buffer_length(&play.children[0].heard), chunks);
    buffer_clear(&packet);
    play_end(&play);
}

/* ---- the end of the message */

static void test_the_mta_is_kept_waiting_by_progress(void **state)
{
    struct play play;

    (void)state;
    play_init(&play, 1);
    play_begin(&play);
    mta_says_and_all_continue(&play, "CMRT");
    mta_says(&play, "E");
    child_says(&play, 0, "c");
    forget_heard(&play);
    assert_true(play.keep_alive > 0);
    session_keep_alive(play.session);
    assert_mta_heard(&play, "p");
    child_says(&play, 0, "p");
    assert_mta_heard(&play, "p");
    child_says(&play, 0, "c");
    assert_mta_heard(&play, "c");
    assert_true(play.keep_alive == 0);
    session_keep_alive(play.session); /* a timer that was already on its way */
    assert_mta_heard(&play, "");
    play_end(&play);
}

static void test_too_many_edits_are_none(void **state)
{
    struct play play;

    (void)state;
    play_init(&play, 2);
    play_begin(&play);
    mta_says_and_all_continue(&play, "CMRT");
    mta_says(&play, "E");
    child_says(&play, 0, "c");
    forget_heard(&play);
    for (unsigned i = 0; i < PROTOCOL_EDITS; i++) {
        child_says(&play, 0, "h");
    }
    assert_int_equal(play.children[0].disconnections, 0);
    child_says(&play, 0, "h");
    assert_int_equal(play.children[0].disconnections, 1);
    all_continue(&play);
    assert_mta_heard(&play, "c");
    play_end(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_is_asked_before_the_last_condition_has_answered),
        cmocka_unit_test(test_a_child_fails_while_its_condition_is_pending),
        cmocka_unit_test(test_a_child_fails_while_the_condition_of_another_is_pending),
        cmocka_unit_test(test_garbage_while_a_condition_is_pending),
        cmocka_unit_test(test_leaving_while_conditions_are_pending),
        cmocka_unit_test(test_a_chunk_waits_for_its_condition),
        cmocka_unit_test(test_stopped_or_failed_while_the_header_waits),
        cmocka_unit_test(test_leaving_between_two_headers),
        cmocka_unit_test(test_the_end_of_the_header_is_always_sent),
        cmocka_unit_test(test_a_large_body_leaves_in_pieces),
        cmocka_unit_test(test_leaving_in_the_middle_of_a_large_body),
        cmocka_unit_test(test_a_child_that_does_not_read_is_not_fed),
        cmocka_unit_test(test_the_mta_is_kept_waiting_by_progress),
        cmocka_unit_test(test_too_many_edits_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
