/*
 * Tests of what conditions may see of a session: handles and when they go
 * stale, macros of their own, the shelf of a message.
 */
#include "milter-manager/session/context.h"
#include "test/unit/bytes.h"
#include "test/unit/session_play_conditions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Every child has a stopper for all stages that lets everything pass. */
static void play_with_contexts(struct play *play, unsigned children)
{
    play_init(play, children);
    for (unsigned i = 0; i < children; i++) {
        play->conditions[i].stages = (1U << CONDITION_STAGES) - 1;
    }
    play->condition_answer = CONDITION_RUN;
}

static void assert_stale(uint64_t context)
{
    struct slice value = {"", 0}, other = {"", 0};
    struct context_status status;
    uint64_t handle;

    assert_false(context_name(context, &value));
    assert_false(context_macro(context, value, &value));
    assert_false(context_set_macro(context, value, value));
    assert_false(context_status(context, &status));
    assert_false(context_child(context, value, &handle));
    assert_false(context_child_name(context, 0, &value));
    assert_false(context_shelf_get(context, value, &value));
    assert_false(context_shelf_set(context, value, value));
    assert_false(context_shelf_entry(context, 0, &value, &other));
}

static void test_no_handle_is_none(void **state)
{
    (void)state;
    assert_stale(CONTEXT_NONE);
    assert_stale(1);
    assert_stale(UINT64_MAX);
}

static void test_handles_go_stale_with_the_session(void **state)
{
    struct play play, next;
    struct slice name;
    uint64_t old;

    (void)state;
    play_with_contexts(&play, 1);
    play_begin(&play);
    mta_says_and_all_continue(&play, "C");
    old = play.last_context;
    assert_true(context_name(old, &name));
    assert_text(name, "first");
    mta_closes(&play);
    assert_stale(old);
    play_end(&play);
    assert_stale(old);

    play_with_contexts(&next, 1); /* takes the same slot */
    play_begin(&next);
    mta_says_and_all_continue(&next, "C");
    assert_int_equal((uint32_t)next.last_context, (uint32_t)old);
    assert_true(context_name(next.last_context, &name));
    assert_stale(old);
    play_end(&next);
}

static void test_handles_go_stale_with_a_second_connect(void **state)
{
    struct play play;
    uint64_t old;

    (void)state;
    play_with_contexts(&play, 1);
    play_begin(&play);
    mta_says_and_all_continue(&play, "C");
    old = play.last_context;
    mta_says(&play, "K");
    assert_stale(old);
    play_end(&play);
}

static void test_a_child_that_has_quitted_can_still_be_looked_at(void **state)
{
    struct play play;
    struct context_status status;
    struct slice name;
    uint64_t first, second;

    (void)state;
    play_with_contexts(&play, 2);
    play_begin(&play);
    mta_says(&play, "C");
    second = play.last_context;
    child_says(&play, 0, "r");
    child_says(&play, 1, "c");
    assert_true(context_child(second, slice_from_string("first"), &first));
    assert_true(context_status(first, &status));
    assert_true(status.quitted);
    assert_int_equal(status.verdict, VERDICT_REJECT);
    assert_true(context_status(second, &status));
    assert_false(status.quitted);
    assert_true(context_child(second, slice_from_string("nobody"), &first));
    assert_int_equal(first, CONTEXT_NONE);
    assert_true(context_child_name(second, 1, &name));
    assert_text(name, "second");
    assert_true(context_child_name(second, 2, &name));
    assert_null(name.data);
    play_end(&play);
}

static void test_a_macro_of_a_condition_is_for_its_child_and_stage(void **state)
{
    struct play play;
    struct slice value;
    uint64_t second;

    (void)state;
    play_with_contexts(&play, 2);
    play_begin(&play);
    mta_says_and_all_continue(&play, "C");
    second = play.last_context;
    forget_heard(&play);
    play.condition_answer = CONDITION_PENDING;
    mta_says(&play, "H");
    assert_true(
        context_set_macro(second, slice_from_string("mark"), slice_from_string("of the helo")));
    play.condition_answer = CONDITION_RUN;
    play_condition_answers(&play, 0, CONDITION_RUN);
    play_condition_answers(&play, 1, CONDITION_RUN);
    assert_child_heard(&play, 0, "H");
    assert_child_heard(&play, 1, "DH");
    assert_true(context_macro(second, slice_from_string("{mark}"), &value));
    assert_text(value, "of the helo");
    all_continue(&play);
    mta_says_and_all_continue(&play, "HMRE");
    assert_child_heard(&play, 1, "HMRTNE");
    play_end(&play);
}

static void test_the_shelf_is_shared_and_ends_with_the_message(void **state)
{
    static const char *const ends[] = {"RE", "A", "RLA", "M"};

    (void)state;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct slice key = {"", 0}, value = {"", 0};
        struct play play;
        uint64_t first, second;

        play_with_contexts(&play, 2);
        play_begin(&play);
        mta_says_and_all_continue(&play, "CM");
        second = play.last_context;
        assert_true(context_child(second, slice_from_string("first"), &first));
        assert_true(context_shelf_set(first, slice_from_string("a"), slice_from_string("1")));
        assert_true(context_shelf_set(second, slice_from_string("b"), slice_from_string("2")));
        assert_true(context_shelf_set(second, slice_from_string("a"), slice_from_string("3")));
        assert_true(context_shelf_get(second, slice_from_string("a"), &value));
        assert_text(value, "3");
        assert_true(context_shelf_entry(first, 1, &key, &value));
        assert_text(key, "b");
        assert_true(context_shelf_entry(first, 2, &key, &value));
        assert_null(key.data);
        mta_says_and_all_continue(&play, ends[i]);
        assert_true(context_shelf_get(first, slice_from_string("a"), &value));
        assert_null(value.data);
        assert_true(context_shelf_entry(first, 0, &key, &value));
        assert_null(key.data);
        play_end(&play);
    }
}

static void test_sessions_are_counted(void **state)
{
    struct play play;

    (void)state;
    assert_int_equal(context_processing_sessions(), 0);
    play_with_contexts(&play, 0);
    play_begin(&play);
    assert_int_equal(context_processing_sessions(), 1);
    play_end(&play);
    assert_int_equal(context_processing_sessions(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_handle_is_none),
        cmocka_unit_test(test_handles_go_stale_with_the_session),
        cmocka_unit_test(test_handles_go_stale_with_a_second_connect),
        cmocka_unit_test(test_a_child_that_has_quitted_can_still_be_looked_at),
        cmocka_unit_test(test_a_macro_of_a_condition_is_for_its_child_and_stage),
        cmocka_unit_test(test_the_shelf_is_shared_and_ends_with_the_message),
        cmocka_unit_test(test_sessions_are_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
