/*
 * Tests of record: what of a connection is kept, which questions the conditions
 * are asked, that one against it ends the recording at any stage and at any
 * time, and that the session never waits.
 */
#include "libcore/session/session_file.h"
#include "milter-manager/session/context.h"
#include "milter-manager/session/record.h"
#include "test/unit/bytes.h"
#include "test/unit/session_play_conditions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ALL_STAGES = (1U << CONDITION_STAGES) - 1, LIMIT = 4096 };

static void play_recorded(struct play *play, unsigned stages)
{
    play_init(play, 1);
    play->configuration.manager.record_sessions = "somewhere";
    play->configuration.manager.record_sessions_limit = LIMIT;
    play->recording.stages = stages;
    play->recording_answer = CONDITION_RUN;
    play->children[0].answer.steps = STEP_HEADER_LEADING_SPACE; /* and so the front */
    play_begin(play);
}

static bool contains(const struct play *play, const char *text)
{
    struct slice record = buffer_slice(&play->record);

    return memmem(record.data, record.length, text, strlen(text)) != NULL;
}

static void assert_recorded(const struct play *play, const char *text)
{
    struct slice record = buffer_slice(&play->record);

    if (!contains(play, text)) {
        fail_msg("not recorded:\n%s\nbut:\n%.*s", text, (int)record.length, record.data);
    }
}

static void assert_is_session_file(const struct play *play)
{
    struct session_file file;
    struct error error = {0};

    assert_true(
        session_file_parse(&file, "record", buffer_slice(&play->record), NULL, NULL, &error));
    session_file_clear(&file);
}

static void whole_session(struct play *play)
{
    mta_says_and_all_continue(play, "CHMRTLNBEQ");
}

static void test_off(void **state)
{
    struct play play;

    (void)state;
    play_init(&play, 1);
    play.recording.stages = ALL_STAGES;
    play.recording_answer = CONDITION_STOP;
    play_begin(&play);
    assert_null(play.session->record);
    assert_null(play.session->front.recorder);
    whole_session(&play);
    assert_int_equal(buffer_length(&play.recording_asked), 0);
    play_end(&play);
}

static void test_whole_session(void **state)
{
    struct play play;

    (void)state;
    play_recorded(&play, 0);
    whole_session(&play);
    assert_int_equal(play.records_saved, 0); /* it is for the end of the connection */
    play_end_session(&play);
    assert_int_equal(play.records_saved, 1);
    assert_recorded(&play, "milter-session 1\n# milter-manager ");
    assert_recorded(&play, "\n# peer: MTA\n# session (");
    assert_recorded(&play, "\n> envelope-from <a@x> SIZE=9\n< continue\n");
    assert_recorded(&play, "\n> end-of-message\n< continue\n> quit\n"
                           "# [session][end][end-of-message-replied][pass][0](");
    assert_is_session_file(&play);
    play_end(&play);
}

static void test_nothing_said(void **state)
{
    struct play play;

    (void)state;
    play_init(&play, 1);
    play.configuration.manager.record_sessions = "somewhere";
    play.configuration.manager.record_sessions_limit = LIMIT;
    play_open(&play);
    mta_closes(&play);
    play_end(&play);
    assert_int_equal(play.records_saved, 0);
}

static void test_questions(void **state)
{
    struct play play;

    (void)state;
    play_recorded(&play, ALL_STAGES);
    mta_says_and_all_continue(&play, "CHMR");
    /* No DATA is sent; the blank in front of the value is not the header's; a last piece of body.
     */
    mta_says_bytes(&play, (struct slice)SLICE_LITERAL("\0\0\0\x09L"
                                                      "Subj\0 x\0"));
    all_continue(&play);
    mta_says_and_all_continue(&play, "LNB");
    mta_says_bytes(&play, (struct slice)SLICE_LITERAL("\0\0\0\5Elast"));
    all_continue(&play);
    mta_says_and_all_continue(&play, "MRTNE"); /* the next message has one, */
    mta_says_and_all_continue(&play, "MRNEQ"); /* the last again has none */
    assert_text(buffer_slice(&play.recording_asked), "0 client\n1 delian\n2 <a@x>\n3 <b@x>\n"
                                                     "4 <a@x> <b@x>\n5\n"
                                                     "6 Subj x\n6 Subject Hi\n7\n8 Hi\r\n\n"
                                                     "8 last\n9\n"
                                                     "2 <a@x>\n3 <b@x>\n4 <a@x> <b@x>\n5\n7\n9\n"
                                                     "2 <a@x>\n3 <b@x>\n4 <a@x> <b@x>\n5\n7\n9\n");
    play_end(&play);
}

static void test_stop_at_any_stage(void **state)
{
    (void)state;
    for (unsigned stage = 0; stage < CONDITION_STAGES; stage++) {
        struct play play;

        play_recorded(&play, 1U << stage);
        play.recording_answer = CONDITION_STOP;
        whole_session(&play);
        assert_null(play.session->record);
        assert_null(play.session->front.recorder);
        assert_mta_heard(&play, "ccccccccc");
        assert_child_heard(&play, 0, "CHMRTLNBEQ");
        mta_closes(&play);
        play_end(&play);
        assert_int_equal(play.records_saved, 0);
    }
}

static void test_stop_concerns_the_whole_connection(void **state)
{
    struct play play;

    (void)state;
    play_recorded(&play, 1U << CONDITION_HELO);
    mta_says_and_all_continue(&play, "CHMRTLNBE");
    play.recording_answer = CONDITION_STOP;
    mta_says(&play, "KC");
    child_connects(&play, 0);
    child_says(&play, 0, "Oc");
    mta_says_and_all_continue(&play, "HMQ");
    play_end(&play);
    assert_int_equal(play.records_saved, 0);
}

static void test_several_sessions_are_one_file(void **state)
{
    struct play play;
    const struct slice name = SLICE_LITERAL("mark");
    struct slice value;

    (void)state;
    play_recorded(&play, 1U << CONDITION_CONNECT);
    mta_says_and_all_continue(&play, "C");
    assert_true(context_set_macro(play.last_context, name, name));
    mta_says_and_all_continue(&play, "HK");
    mta_says(&play, "C");
    child_connects(&play, 0);
    child_says(&play, 0, "Oc");
    assert_true(context_macro(play.last_context, name, &value));
    assert_null(value.data); /* what conditions have set was the first session's */
    mta_says_and_all_continue(&play, "HQ");
    assert_text(buffer_slice(&play.recording_asked), "0 client\n0 client\n");
    play_end_session(&play);
    assert_int_equal(play.records_saved, 1);
    assert_recorded(&play, "\n> quit-new-connection\n# [session][end][helo-replied][pass][0](");
    assert_recorded(&play, "\n> quit\n# [session][end][helo-replied][pass][0](");
    assert_is_session_file(&play);
    play_end(&play);
}

/* Answers that come late: the session goes on meanwhile. */
static void test_waiting_conditions(void **state)
{
    struct play play;

    (void)state;
    play_recorded(&play, 1U << CONDITION_CONNECT | 1U << CONDITION_HELO);
    play.recording_answer = CONDITION_PENDING;
    mta_says_and_all_continue(&play, "CHMRTLNBE");
    assert_mta_heard(&play, "ccccccccc");
    play_recording_answers(&play, CONDITION_RUN);
    play_recording_answers(&play, CONDITION_RUN);
    play_end(&play);
    assert_int_equal(play.records_saved, 1);

    play_recorded(&play, 1U << CONDITION_CONNECT | 1U << CONDITION_HELO);
    play.recording_answer = CONDITION_PENDING;
    mta_says_and_all_continue(&play, "CHM");
    play_recording_answers(&play, CONDITION_STOP);
    assert_null(play.session->record); /* and the other question is taken back */
    mta_says_and_all_continue(&play, "RTLNBEQ");
    play_end(&play);
    assert_int_equal(play.records_saved, 0);
}

static void test_no_answer_by_the_end(void **state)
{
    struct play play;

    (void)state;
    play_recorded(&play, 1U << CONDITION_CONNECT);
    play.recording_answer = CONDITION_PENDING;
    whole_session(&play);
    play_end(&play);
    assert_int_equal(play.records_saved, 0);
}

static void test_too_many_open_questions(void **state)
{
    struct play play;

    (void)state;
    play_recorded(&play, 1U << CONDITION_HEADER);
    play.recording_answer = CONDITION_PENDING;
    mta_says_and_all_continue(&play, "CHMRT");
    for (unsigned i = 0; i < PLAY_RECORD_QUESTIONS; i++) {
        mta_says_and_all_continue(&play, "L");
    }
    assert_null(play.session->record);
    mta_says_and_all_continue(&play, "NBEQ");
    play_end(&play);
    assert_int_equal(play.records_saved, 0);
}

/* A child that was never connected, with macros of its own and the shelf of all. */
static void test_context(void **state)
{
    struct play play;
    struct context_status status;
    struct slice name = {"", 0}, value;
    uint64_t context, other;

    (void)state;
    play_recorded(&play, ALL_STAGES);
    mta_says_and_all_continue(&play, "CHM");
    context = play.last_context;
    assert_true(context_name(context, &name));
    assert_text(name, "manager.record_sessions");
    assert_true(context_child(context, name, &other));
    assert_int_equal(other, CONTEXT_NONE);
    assert_true(context_child(context, slice_from_string("first"), &other));
    assert_int_not_equal(other, CONTEXT_NONE);
    assert_true(context_status(context, &status));
    assert_int_equal(status.verdict, VERDICT_CONTINUE);
    assert_false(status.quitted);

    name = slice_from_string("mark");
    assert_true(context_set_macro(context, name, name));
    assert_true(context_shelf_set(context, name, name));
    mta_says_and_all_continue(&play, "RT");
    assert_true(context_macro(context, name, &value) && slice_equal(value, name));
    assert_true(context_shelf_get(context, name, &value) && slice_equal(value, name));
    assert_child_heard(&play, 0, "CHMRT"); /* it is sent to nobody */
    mta_says_and_all_continue(&play, "AM");
    assert_true(context_macro(context, name, &value));
    assert_null(value.data);
    mta_closes(&play);
    play_end(&play);
    assert_false(context_name(context, &name));
}

static void assert_mark(uint64_t context, bool there)
{
    struct slice value;

    assert_true(context_macro(context, slice_from_string("mark"), &value));
    assert_int_equal(value.data != NULL, there);
}

static void test_macros_belong_to_a_stage(void **state)
{
    const struct slice name = SLICE_LITERAL("mark");
    struct play play;

    (void)state;
    play_recorded(&play, ALL_STAGES);
    mta_says_and_all_continue(&play, "CHMRT");
    assert_true(context_set_macro(play.last_context, name, name));
    mta_says_bytes(&play, (struct slice)SLICE_LITERAL("\0\0\0\6DTi\0x\0")); /* the MTA's win */
    assert_mark(play.last_context, false);
    mta_closes(&play);
    play_end(&play);

    /* Who waits is still at the stage at which it was asked, wherever the session is. */
    play_recorded(&play, 1U << CONDITION_CONNECT);
    play.recording_answer = CONDITION_PENDING;
    mta_says_and_all_continue(&play, "CHM");
    assert_true(context_set_macro(play.last_context, name, name));
    mta_says(&play, "A");
    assert_mark(play.last_context, true);
    mta_closes(&play);
    play_end(&play);
}

static void test_limit(void **state)
{
    struct play play;

    (void)state;
    play_recorded(&play, 0);
    mta_says_and_all_continue(&play, "CH");
    for (unsigned i = 0; i < 200; i++) {
        mta_says_and_all_continue(&play, "MRTLNBE");
    }
    mta_says(&play, "Q");
    play_end_session(&play);
    assert_int_equal(play.records_saved, 1);
    assert_in_range(buffer_length(&play.record), LIMIT / 2, LIMIT);
    assert_recorded(&play, "\n# the rest is left out: more than ");
    assert_recorded(&play, "\n# [session][end][end-of-message-replied][pass]"); /* all the same */
    assert_is_session_file(&play);
    play_end(&play);
}

static void test_broken_protocol(void **state)
{
    struct play play;

    (void)state;
    play_recorded(&play, 0);
    mta_says_and_all_continue(&play, "C");
    mta_says(&play, "E");
    play_end_session(&play);
    assert_recorded(&play, "\n# command end-of-message ('E') is out of order after ");
    assert_is_session_file(&play);
    play_end(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_whole_session),
        cmocka_unit_test(test_nothing_said),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_stop_at_any_stage),
        cmocka_unit_test(test_stop_concerns_the_whole_connection),
        cmocka_unit_test(test_several_sessions_are_one_file),
        cmocka_unit_test(test_waiting_conditions),
        cmocka_unit_test(test_no_answer_by_the_end),
        cmocka_unit_test(test_too_many_open_questions),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_macros_belong_to_a_stage),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_broken_protocol),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
