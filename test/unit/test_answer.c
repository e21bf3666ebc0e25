/*
 * Tests of answer: what is said to a command, when, and what takes its place.
 */
#include "milter-test-client/answer.h"
#include "milter-test-client/edit_options.h"
#include "milter-test-client/policy_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* One connection; the test is the MTA. */
struct play {
    struct loop *loop;
    struct stream *stream;
    struct filter filter;
    struct answer answer;
    struct policy policy;
    int mta;
    unsigned given, closed, complaints;
    char complaint[256]; /* the last one */
};

static void on_given(void *owner)
{
    struct play *play = owner;

    play->given++;
    loop_stop(play->loop);
}

static void on_closes(void *owner)
{
    ((struct play *)owner)->closed++;
}

static void on_complaint(void *owner, const char *what)
{
    struct play *play = owner;

    play->complaints++;
    strncpy(play->complaint, what, sizeof(play->complaint) - 1);
}

static const struct answer_handlers handlers = {
    .given = on_given,
    .closes = on_closes,
    .complain = on_complaint,
};

static size_t on_received(void *owner, struct slice input)
{
    (void)owner;
    return input.length;
}

static void on_failed(void *owner, const struct error *error)
{
    (void)owner;
    (void)error;
}

static const struct stream_handlers stream_handlers = {
    .received = on_received,
    .failed = on_failed,
};

static void play_begin(struct play *play)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    *play = (struct play){.loop = loop_new(), .mta = ends[1]};
    play->stream = stream_new(play->loop, ends[0], "mta", &stream_handlers, play);
    filter_init(&play->filter, stream_output(play->stream));
    answer_init(&play->answer, &play->policy, play->loop, play->stream, &play->filter, &handlers,
                play);
}

static void play_end(struct play *play)
{
    answer_clear(&play->answer);
    filter_clear(&play->filter);
    stream_free(play->stream);
    policy_clear(&play->policy);
    loop_free(play->loop);
    close(play->mta);
}

/* The MTA says a command; the answer begins. */
static void say(struct play *play, char letter, const char *payload, size_t length)
{
    struct buffer bytes = {0};
    struct command_packet event;
    struct error error = {0};
    struct slice rest;

    packet_append(&bytes, letter, slice_of(payload, length));
    rest = buffer_slice(&bytes);
    assert_int_equal(filter_next(&play->filter, &rest, &event, &error), FILTER_EVENT);
    (void)answer_decide(&play->answer, &event, 1);
    answer_begin(&play->answer);
    buffer_clear(&bytes);
}

#define SAY(play, letter, text) say((play), (letter), (text), sizeof(text) - 1)

/* What the MTA has been told since. */
static void assert_told_bytes(struct play *play, const char *bytes, size_t length)
{
    char got[4096];
    ssize_t count;

    stream_flush(play->stream);
    count = recv(play->mta, got, sizeof(got), MSG_DONTWAIT);
    assert_int_equal(count < 0 ? 0 : count, (ssize_t)length);
    assert_memory_equal(got, bytes, length);
}

#define TOLD(play, text) assert_told_bytes((play), (text), sizeof(text) - 1)

static const char offer[] = "\0\0\0\6\0\0\1\xff\0\x1f\xff\xff";

static void negotiate(struct play *play)
{
    char answer[256];

    say(play, 'O', offer, sizeof(offer) - 1);
    stream_flush(play->stream);
    assert_true(recv(play->mta, answer, sizeof(answer), MSG_DONTWAIT) >= 17);
}

/* Up to the reply to the end of a message. */
static void message(struct play *play)
{
    negotiate(play);
    SAY(play, 'C', "h\0U");
    SAY(play, 'M', "<a>\0");
    SAY(play, 'R', "<b>\0");
    TOLD(play, "\0\0\0\1c\0\0\0\1c\0\0\0\1c");
    SAY(play, 'E', "");
}

static void test_edits_and_reply(void **state)
{
    struct play play;
    struct error error = {0};

    (void)state;
    play_begin(&play);
    assert_true(edit_options_add_header(&play.policy, "X:y", &error));
    assert_true(policy_options_action(&play.policy, "end-of-message=accept", &error));
    message(&play);
    TOLD(&play, "\0\0\0\5hX\0y\0\0\0\0\1a");
    assert_int_equal(play.given + play.complaints + play.closed, 0);
    play_end(&play);
}

static void test_edits_that_are_not_offered(void **state)
{
    struct play play;
    struct error error = {0};

    (void)state;
    play_begin(&play);
    assert_true(policy_options_answer_actions(&play.policy, "quarantine", &error));
    assert_true(edit_options_add_header(&play.policy, "X:y", &error));
    assert_true(edit_options_insert_header(&play.policy, "1:X:y", &error));
    assert_true(edit_options_quarantine(&play.policy, "q", &error));
    message(&play);
    TOLD(&play, "\0\0\0\3qq\0\0\0\0\1c");
    assert_int_equal(play.complaints, 1); /* both need the same action */
    assert_non_null(strstr(play.complaint, "--negotiate-actions did not ask for"));
    play_end(&play);
}

static void test_delay_with_progress(void **state)
{
    struct play play;
    struct error error = {0};

    (void)state;
    play_begin(&play);
    assert_true(policy_options_delay(&play.policy, "end-of-message=250ms", &error));
    assert_true(policy_options_progress(&play.policy, "100ms", &error));
    message(&play);
    TOLD(&play, "");
    loop_run(play.loop);
    TOLD(&play, "\0\0\0\1p\0\0\0\1p\0\0\0\1c");
    assert_int_equal(play.given, 1);
    play_end(&play);
}

static void test_progress_without_delay(void **state)
{
    struct play play;
    struct error error = {0};

    (void)state;
    play_begin(&play);
    assert_true(policy_options_progress(&play.policy, "1h", &error));
    message(&play);
    TOLD(&play, "\0\0\0\1p\0\0\0\1c");
    play_end(&play);
}

/* The reply comes at once, the edit not at all; the timer is forgotten. */
static void test_cut_off(void **state)
{
    struct play play;
    struct error error = {0};

    (void)state;
    play_begin(&play);
    assert_true(edit_options_add_header(&play.policy, "X:y", &error));
    assert_true(policy_options_delay(&play.policy, "end-of-message=1h", &error));
    message(&play);
    answer_cut_off(&play.answer);
    TOLD(&play, "\0\0\0\1c");
    SAY(&play, 'A', "");
    SAY(&play, 'M', "<c>\0");
    TOLD(&play, "\0\0\0\1c");
    play_end(&play);
}

static void test_no_reply_is_due(void **state)
{
    struct play play;
    struct error error = {0};

    (void)state;
    play_begin(&play);
    assert_true(policy_options_answer_steps(&play.policy, "no-reply-helo", &error));
    assert_true(policy_options_action(&play.policy, "helo=reject", &error));
    assert_true(policy_options_delay(&play.policy, "helo=1h", &error));
    assert_true(policy_options_fault(&play.policy, FAULT_HANG, "helo:x", &error));
    assert_true(policy_options_fault(&play.policy, FAULT_CLOSE, "helo:y", &error));
    negotiate(&play);
    SAY(&play, 'C', "h\0U");
    SAY(&play, 'H', "x\0");
    SAY(&play, 'M', "<a>\0");
    TOLD(&play, "\0\0\0\1c\0\0\0\1c");
    assert_int_equal(play.closed, 0);
    SAY(&play, 'H', "y\0");
    TOLD(&play, "");
    assert_int_equal(play.closed, 1);
    play_end(&play);
}

static void test_skip_that_was_not_negotiated(void **state)
{
    struct play play;
    struct error error = {0};

    (void)state;
    play_begin(&play);
    assert_true(policy_options_answer_steps(&play.policy, "none", &error));
    assert_true(policy_options_action(&play.policy, "body=skip", &error));
    negotiate(&play);
    SAY(&play, 'C', "h\0U");
    SAY(&play, 'M', "<a>\0");
    SAY(&play, 'R', "<b>\0");
    SAY(&play, 'B', "x");
    SAY(&play, 'B', "x");
    TOLD(&play, "\0\0\0\1c\0\0\0\1c\0\0\0\1c\0\0\0\1c\0\0\0\1c");
    assert_int_equal(play.complaints, 1);
    play_end(&play);
}

/* What stands in the place of a reply; afterwards nothing is said any more. */
static void test_faults(void **state)
{
    static const struct {
        enum policy_fault fault;
        const char *told;
        size_t length;
        unsigned closed;
    } cases[] = {
        {FAULT_CLOSE, "", 0, 1},
        {FAULT_GARBAGE, "\xff\xff\xff\xffthis is no milter packet\r\n", 30, 0},
        {FAULT_PARTIAL, "\0\0\0\ny55", 7, 0},
        {FAULT_HANG, "", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct play play;
        struct error error = {0};

        play_begin(&play);
        assert_true(policy_options_fault(&play.policy, cases[i].fault, "helo", &error));
        assert_true(policy_options_action(&play.policy, "helo=reply:550 nono", &error));
        negotiate(&play);
        SAY(&play, 'C', "h\0U");
        TOLD(&play, "\0\0\0\1c");
        SAY(&play, 'H', "x\0");
        assert_told_bytes(&play, cases[i].told, cases[i].length);
        assert_int_equal(play.closed, cases[i].closed);
        if (cases[i].closed == 0) {
            answer_cut_off(&play.answer);
            SAY(&play, 'A', "");
            SAY(&play, 'M', "<a>\0");
            TOLD(&play, "");
        }
        play_end(&play);
    }
}

static void stop_loop(void *loop)
{
    loop_stop(loop);
}

/* ABORT ends PROGRESS as well: the machine owes nothing it could belong to. */
static void test_cut_off_while_hanging(void **state)
{
    struct play play;
    struct error error = {0};
    struct loop_timer *stop;

    (void)state;
    play_begin(&play);
    assert_true(policy_options_fault(&play.policy, FAULT_HANG, "end-of-message", &error));
    assert_true(policy_options_progress(&play.policy, "50ms", &error));
    message(&play);
    TOLD(&play, "\0\0\0\1p");
    stop = loop_timer_new(play.loop, stop_loop, play.loop);
    loop_timer_start(stop, 0.08);
    loop_run(play.loop);
    TOLD(&play, "\0\0\0\1p");
    answer_cut_off(&play.answer);
    loop_timer_start(stop, 0.12);
    loop_run(play.loop);
    TOLD(&play, "");
    loop_timer_free(stop);
    play_end(&play);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edits_and_reply),
        cmocka_unit_test(test_edits_that_are_not_offered),
        cmocka_unit_test(test_delay_with_progress),
        cmocka_unit_test(test_progress_without_delay),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_no_reply_is_due),
        cmocka_unit_test(test_skip_that_was_not_negotiated),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_cut_off_while_hanging),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
