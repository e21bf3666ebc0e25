/*
 * Tests of recorder: a conversation of the filter machine as text, that the
 * text is a session file, header blanks, times, and the limit.
 */
#include "libcore/session/filter.h"
#include "libcore/session/session_file.h"
#include "libcore/session/session_line.h"
#include "libcore/wire/macro.h"
#include "test/unit/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct conversation {
    struct recorder recorder;
    struct filter filter;
    struct buffer input, output;
};

static double now;

static double test_clock(void)
{
    return now;
}

static void begin(struct conversation *conversation, size_t limit, recorder_clock_fn *clock,
                  const char *comment)
{
    *conversation = (struct conversation){.input = {NULL, 0, 0, 0}};
    recorder_init(&conversation->recorder, limit, clock, comment);
    filter_init(&conversation->filter, &conversation->output);
    conversation->filter.recorder = &conversation->recorder;
}

static void end(struct conversation *conversation)
{
    recorder_clear(&conversation->recorder);
    filter_clear(&conversation->filter);
    buffer_clear(&conversation->input);
    buffer_clear(&conversation->output);
}

/* Lets the machine take the one command in the input. */
static void take(struct conversation *conversation)
{
    struct slice input = buffer_slice(&conversation->input);
    struct command_packet event;
    struct error error = {0};

    assert_int_equal(filter_next(&conversation->filter, &input, &event, &error), FILTER_EVENT);
    buffer_reset(&conversation->input);
}

static void say(struct conversation *conversation, enum command command, const char *payload,
                size_t length)
{
    command_append(&conversation->input, command, slice_of(payload, length));
    take(conversation);
}

#define SAY(command, text) say(&conversation, (command), (text), sizeof(text) - 1)

static void negotiate(struct conversation *conversation, uint32_t steps)
{
    const struct negotiation offer = {6, ACTION_ALL, STEP_ALL, {"", 0}};
    const struct negotiation answer = {6, ACTION_ADD_HEADERS, steps, {"", 0}};

    negotiation_append(&conversation->input, &offer);
    take(conversation);
    filter_negotiate(&conversation->filter, &answer);
}

static void check_text(const struct conversation *conversation, const char *expected)
{
    struct slice text = buffer_slice(&conversation->recorder.text);
    struct session_file file;
    struct error error = {0};

    if (!slice_equal_string(text, expected)) {
        print_error("%.*s", (int)text.length, text.data);
        fail();
    }
    assert_true(session_file_parse(&file, "record", text, NULL, NULL, &error));
    session_file_clear(&file);
}

static void test_conversation(void **state)
{
    struct conversation conversation;

    (void)state;
    begin(&conversation, 10000, NULL, "who\nwhen");
    negotiate(&conversation, STEP_NO_REPLY_HELO);
    macro_append_packet(&conversation.input, COMMAND_CONNECT,
                        (struct slice)SLICE_LITERAL("j\0mx\0"));
    take(&conversation);
    SAY(COMMAND_CONNECT, "h\0U");
    filter_reply_verdict(&conversation.filter, VERDICT_CONTINUE);
    SAY(COMMAND_HELO, "delian\0");
    filter_reply_verdict(&conversation.filter, VERDICT_CONTINUE); /* is not sent */
    SAY(COMMAND_MAIL, "<a@b>\0SIZE=1\0");
    filter_reply_verdict(&conversation.filter, VERDICT_CONTINUE);
    SAY(COMMAND_RCPT, "<c@d>\0");
    filter_reply(&conversation.filter,
                 &(struct reply){.kind = REPLY_CODE, .text = SLICE_LITERAL("550 5.1.1 no")});
    SAY(COMMAND_RCPT, "<e@d>\0");
    filter_reply_verdict(&conversation.filter, VERDICT_CONTINUE);
    SAY(COMMAND_HEADER, "Subject\0 Hi\0");
    filter_reply_verdict(&conversation.filter, VERDICT_CONTINUE);
    SAY(COMMAND_BODY, "a\r\nb\r\n");
    filter_reply_verdict(&conversation.filter, VERDICT_CONTINUE);
    SAY(COMMAND_END_OF_MESSAGE, "");
    filter_edit(&conversation.filter, &(struct reply){.kind = REPLY_ADD_HEADER,
                                                      .name = SLICE_LITERAL("X"),
                                                      .value = SLICE_LITERAL("y z")});
    filter_reply_verdict(&conversation.filter, VERDICT_ACCEPT);
    SAY(COMMAND_QUIT, "");
    check_text(&conversation, "milter-session 1\n"
                              "# who\n"
                              "# when\n"
                              "> negotiate 6 all all\n"
                              "< negotiate 6 add-headers no-reply-helo\n"
                              "> macros connect j=mx\n"
                              "> connect h unknown\n"
                              "< continue\n"
                              "> helo delian\n"
                              "> envelope-from <a@b> SIZE=1\n"
                              "< continue\n"
                              "> envelope-recipient <c@d>\n"
                              "< reply \"550 5.1.1 no\"\n"
                              "> envelope-recipient <e@d>\n"
                              "< continue\n"
                              "> header Subject \" Hi\"\n"
                              "< continue\n"
                              "> body\n"
                              "    \"a\\r\\n\"\n"
                              "    \"b\\r\\n\"\n"
                              "< continue\n"
                              "> end-of-message\n"
                              "< add-header X \"y z\"\n"
                              "< accept\n"
                              "> quit\n");
    end(&conversation);
}

static void test_comments_in_between_and_at_the_end(void **state)
{
    struct recorder recorder;

    (void)state;
    recorder_init(&recorder, 40, NULL, "a");
    recorder_comment(&recorder, "b\nc");
    assert_false(recorder.any); /* nobody said it */
    recorder_comment(&recorder, "too much for what is left");
    recorder_comment(&recorder, "d");
    assert_true(recorder.full);
    assert_true(slice_equal_string(buffer_slice(&recorder.text),
                                   "milter-session 1\n# a\n# b\n# c\n"
                                   "# the rest is left out: more than 40 bytes\n"));
    recorder_clear(&recorder);
}

/* The blank behind the colon is left out where the filter asked for it, so that files compare. */
static void test_leading_space(void **state)
{
    struct conversation conversation;

    (void)state;
    begin(&conversation, 10000, NULL, NULL);
    negotiate(&conversation, STEP_HEADER_LEADING_SPACE | STEP_NO_REPLY_HEADER | STEP_NO_CONNECT |
                                 STEP_NO_MAIL | STEP_NO_RCPT);
    SAY(COMMAND_HEADER, "A\0 spaced\0");
    SAY(COMMAND_HEADER, "B\0  twice\0");
    SAY(COMMAND_HEADER, "C\0bare\0");
    SAY(COMMAND_HEADER, "D\0\0");
    check_text(&conversation, "milter-session 1\n"
                              "> negotiate 6 all all\n"
                              "< negotiate 6 add-headers "
                              "no-connect|no-envelope-from|no-envelope-recipient|no-reply-header|"
                              "header-value-with-leading-space\n"
                              "> header A spaced\n"
                              "> header B \" twice\"\n"
                              "> header-verbatim C bare\n"
                              "> header-verbatim D \"\"\n");
    end(&conversation);
}

static void test_times(void **state)
{
    struct conversation conversation;

    (void)state;
    now = 100;
    begin(&conversation, 10000, test_clock, NULL);
    now = 100.25;
    negotiate(&conversation, 0);
    now = 101.000001;
    SAY(COMMAND_QUIT, "");
    check_text(&conversation, "milter-session 1\n"
                              "@0.250000 > negotiate 6 all all\n"
                              "@0.250000 < negotiate 6 add-headers none\n"
                              "@1.000001 > quit\n");
    end(&conversation);
}

static void test_limit(void **state)
{
    struct conversation conversation;

    (void)state;
    begin(&conversation, 100, NULL, NULL);
    negotiate(&conversation, 0);
    SAY(COMMAND_UNKNOWN, "a command that is much too long for what may be kept of this\0");
    filter_reply_verdict(&conversation.filter, VERDICT_CONTINUE);
    SAY(COMMAND_QUIT, "");
    check_text(&conversation, "milter-session 1\n"
                              "> negotiate 6 all all\n"
                              "< negotiate 6 add-headers none\n"
                              "# the rest is left out: more than 100 bytes\n");
    assert_true(conversation.recorder.full);
    end(&conversation);
}

static void test_bytes_that_are_no_packet(void **state)
{
    struct recorder recorder;

    (void)state;
    recorder_init(&recorder, 1000, NULL, NULL);
    assert_false(recorder.any);
    recorder_replies(&recorder, (struct slice)SLICE_LITERAL("\0\0\0\1cHTTP/1.1"));
    assert_true(recorder.any);
    assert_true(slice_equal_string(buffer_slice(&recorder.text),
                                   "milter-session 1\n"
                                   "< continue\n"
                                   "< hex 48 54 54 50 2f 31 2e 31\n"));
    recorder_clear(&recorder);
}

/* How many bytes of garbage arrive together is chance: what is written matches more as well. */
static void test_many_bytes_that_are_no_packet(void **state)
{
    char garbage[200];
    struct recorder recorder;
    struct session_file file;
    struct error error = {0};
    struct buffer line = {0};

    (void)state;
    memset(garbage, 0xee, sizeof(garbage));
    recorder_init(&recorder, 1000, NULL, NULL);
    recorder_replies(&recorder, slice_of(garbage, sizeof(garbage)));
    assert_true(
        session_file_parse(&file, "record", buffer_slice(&recorder.text), NULL, NULL, &error));
    assert_int_equal(file.count, 2);
    session_line_append_hex(&line, slice_of(garbage, sizeof(garbage) - 1));
    assert_true(session_step_matches(&file.steps[1], NULL, buffer_slice(&line)));
    buffer_reset(&line);
    session_line_append_hex(&line, slice_of(garbage, 10));
    assert_false(session_step_matches(&file.steps[1], NULL, buffer_slice(&line)));
    buffer_clear(&line);
    session_file_clear(&file);
    recorder_clear(&recorder);
}

/* ---- any conversation */

static struct packet random_packet(uint32_t *seed, enum session_side side, struct buffer *payload)
{
    static const char bytes[] = "\0\0\0\1a<>=*/#\"\\ \t\r\n@{}x\x7f\xc3\xa9\xff";
    static const char *const letters[] = {
        [SESSION_SIDE_MTA] = "ODCHMRTULNBEAQKZ", [SESSION_SIDE_FILTER] = "Ocartdysf4pqhime+2-bZ"};
    size_t length = random_next(seed) % 8 == 0 ? random_next(seed) % 3000 : random_next(seed) % 20;
    const char *choice = letters[side];

    buffer_reset(payload);
    if (random_next(seed) % 4 == 0) {
        buffer_append(payload, "\0\0\0\6", 4);
    }
    while (length-- > 0) {
        buffer_append_byte(payload, bytes[random_next(seed) % (sizeof(bytes) - 1)]);
    }
    if (random_next(seed) % 2 == 0) {
        buffer_append_byte(payload, '\0');
    }
    return (struct packet){choice[random_next(seed) % strlen(choice)], buffer_slice(payload)};
}

/* The commands of the file, in their turn. */
static void check_commands(const struct session_file *file, const struct packet *said, size_t count)
{
    size_t step = 0;

    for (size_t i = 0; i < count; i++) {
        while (file->steps[step].kind != SESSION_STEP_SEND) {
            step++;
        }
        assert_int_equal(file->steps[step].packet.letter, said[i].letter);
        assert_bytes(file->steps[step].packet.payload, said[i].payload);
        step++;
    }
}

static void test_any_conversation(void **state)
{
    enum { ROUNDS = 300, COMMANDS_EACH = 20 };
    uint32_t seed = 20261127;

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct packet said[COMMANDS_EACH];
        struct buffer payload = {0}, wire = {0};
        struct arena arena = {0};
        struct session_file file;
        struct recorder recorder;
        struct error error = {0};

        recorder_init(&recorder, 1000000, round % 2 == 0 ? test_clock : NULL, "any");
        for (size_t i = 0; i < COMMANDS_EACH; i++) {
            struct packet reply;

            said[i] = random_packet(&seed, SESSION_SIDE_MTA, &payload);
            said[i].payload = arena_copy(&arena, said[i].payload);
            recorder_command(&recorder, &said[i]);
            recorder.leading_space = false; /* else header values are written without their blank */
            reply = random_packet(&seed, SESSION_SIDE_FILTER, &payload);
            buffer_reset(&wire);
            packet_append(&wire, reply.letter, reply.payload);
            recorder_replies(&recorder, buffer_slice(&wire));
            recorder.leading_space = false;
        }
        if (!session_file_parse(&file, "record", buffer_slice(&recorder.text), NULL, NULL,
                                &error)) {
            fail_msg("round %u: %s", round, error.message);
        }
        assert_int_equal(file.count, 2 + 2 * COMMANDS_EACH);
        check_commands(&file, said, COMMANDS_EACH);
        session_file_clear(&file);
        recorder_clear(&recorder);
        arena_clear(&arena);
        buffer_clear(&payload);
        buffer_clear(&wire);
    }
}

/* What broke the conversation is what a replay has to say again. */
static void test_what_no_mta_says(void **state)
{
    struct conversation conversation;
    struct command_packet event;
    struct error error = {0};
    struct slice input;

    (void)state;
    begin(&conversation, 10000, NULL, NULL);
    negotiate(&conversation, 0);
    command_append(&conversation.input, COMMAND_RCPT, (struct slice)SLICE_LITERAL("<a@b>\0"));
    input = buffer_slice(&conversation.input);
    assert_int_equal(filter_next(&conversation.filter, &input, &event, &error), FILTER_INVALID);
    packet_append(&conversation.output, 'x', slice_of("", 0)); /* not heard by the recorder */
    buffer_reset(&conversation.input);
    packet_append(&conversation.input, 'Z', (struct slice)SLICE_LITERAL("what"));
    input = buffer_slice(&conversation.input);
    assert_int_equal(filter_next(&conversation.filter, &input, &event, &error), FILTER_INVALID);
    input = (struct slice)SLICE_LITERAL("\xff\xff\xff\xff"
                                        "B");
    assert_int_equal(filter_next(&conversation.filter, &input, &event, &error), FILTER_INVALID);
    recorder_close(&conversation.recorder);
    check_text(&conversation, "milter-session 1\n"
                              "> negotiate 6 all all\n"
                              "< negotiate 6 add-headers none\n"
                              "! envelope-recipient <a@b>\n"
                              "! packet Z \"what\"\n"
                              "! hex ff ff ff ff 42\n"
                              "> close\n");
    end(&conversation);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversation),
        cmocka_unit_test(test_comments_in_between_and_at_the_end),
        cmocka_unit_test(test_leading_space),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_bytes_that_are_no_packet),
        cmocka_unit_test(test_what_no_mta_says),
        cmocka_unit_test(test_many_bytes_that_are_no_packet),
        cmocka_unit_test(test_any_conversation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
