/*
 * Tests of printer_json: fields, macros, bytes that are no text, answers.
 */
#include "milter-test-client/printer_json.h"

#include "milter-test-client/edit_options.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct slice s(const char *text)
{
    return slice_from_string(text);
}

/* An answer that has decided to continue. */
static struct answer continuing(const struct policy *policy, struct filter *filter)
{
    return (struct answer){
        .policy = policy,
        .filter = filter,
        .plan = {.due = true, .reply = {.kind = REPLY_CONTINUE}},
    };
}

/* The printed line without its time, keys in order; free() it. */
static char *print(const struct command_packet *event, struct slice macros,
                   const struct answer *answer)
{
    struct buffer line = {0};
    struct slice text;
    json_t *object;
    double now = (double)time(NULL);
    char *sorted;

    printer_json_command(&line, 7, event, macros, answer);
    text = buffer_slice(&line);
    assert_int_equal(text.data[text.length - 1], '\n');
    assert_ptr_equal(memchr(text.data, '\n', text.length), text.data + text.length - 1);
    object = json_loadb(text.data, text.length, JSON_ALLOW_NUL, NULL);
    assert_non_null(object);
    assert_true(json_real_value(json_object_get(object, "time")) > now - 60);
    assert_true(json_real_value(json_object_get(object, "time")) < now + 60);
    assert_int_equal(json_integer_value(json_object_get(object, "session")), 7);
    (void)json_object_del(object, "time");
    (void)json_object_del(object, "session");
    sorted = json_dumps(object, JSON_SORT_KEYS | JSON_COMPACT);
    json_decref(object);
    buffer_clear(&line);
    return sorted;
}

static void assert_prints(const struct command_packet *event, struct slice macros,
                          const struct answer *answer, const char *expected)
{
    char *text = print(event, macros, answer);

    assert_string_equal(text, expected);
    free(text);
}

static void test_events(void **state)
{
    struct policy policy = {0};
    struct filter filter = {0};
    struct answer answer = continuing(&policy, &filter);
    struct command_packet connect = {.command = COMMAND_CONNECT};
    struct command_packet header = {.command = COMMAND_HEADER};
    struct command_packet mail = {.command = COMMAND_MAIL};
    struct command_packet data = {.command = COMMAND_DATA};
    struct command_packet body = {.command = COMMAND_BODY};
    struct command_packet end = {.command = COMMAND_END_OF_MESSAGE};

    (void)state;
    connect.connect = (struct command_connect){s("mx"), '4', 25, s("192.0.2.1")};
    assert_prints(&connect, slice_of("j\0m\0{x}\0\xff\0", 10), &answer,
                  "{\"address\":\"inet:25@[192.0.2.1]\",\"event\":\"connect\",\"host\":\"mx\","
                  "\"macros\":{\"j\":\"m\",\"x\":{\"base64\":\"/w==\"}},\"reply\":\"continue\"}");
    header.header.name = s("A");
    header.header.value = s("\xc3\xa4\"\t");
    assert_prints(&header, s(""), &answer,
                  "{\"event\":\"header\",\"name\":\"A\",\"reply\":\"continue\","
                  "\"value\":\"\xc3\xa4\\\"\\t\"}");
    mail.envelope.address = s("<a>");
    mail.envelope.arguments = slice_of("X=1\0Y\0", 6);
    assert_prints(&mail, s(""), &answer,
                  "{\"address\":\"<a>\",\"arguments\":[\"X=1\",\"Y\"],\"event\":\"envelope-from\","
                  "\"reply\":\"continue\"}");
    assert_prints(&data, s(""), &answer, "{\"event\":\"data\",\"reply\":\"continue\"}");
    body.text = slice_of("a\0b", 3);
    assert_prints(&body, s(""), &answer,
                  "{\"data\":\"a\\u0000b\",\"event\":\"body\",\"reply\":\"continue\"}");
    end.text = s("");
    assert_prints(&end, s(""), &answer, "{\"event\":\"end-of-message\",\"reply\":\"continue\"}");
}

static void test_answers(void **state)
{
    struct policy policy = {0};
    struct filter filter = {.answer = {.actions = ACTION_ADD_HEADERS}};
    struct answer answer = continuing(&policy, &filter);
    struct command_packet end = {.command = COMMAND_END_OF_MESSAGE};
    struct error error = {0};

    (void)state;
    end.text = s("");
    assert_true(edit_options_add_header(&policy, "X:y", &error));
    assert_true(edit_options_quarantine(&policy, "not negotiated", &error));
    answer.plan.edits = true;
    answer.plan.reply = (struct reply){.kind = REPLY_CODE, .text = s("550 no")};
    answer.plan.delay = 0.25;
    assert_prints(&end, s(""), &answer,
                  "{\"delay\":0.25,\"edits\":[\"add-header\"],\"event\":\"end-of-message\","
                  "\"reply\":\"550 no\"}");
    answer.plan = (struct answer_plan){.due = true, .fault = FAULT_GARBAGE};
    assert_prints(&end, s(""), &answer,
                  "{\"event\":\"end-of-message\",\"fault\":\"garbage\",\"reply\":null}");
    answer.plan = (struct answer_plan){.due = true};
    answer.silent = true;
    assert_prints(&end, s(""), &answer,
                  "{\"event\":\"end-of-message\",\"fault\":\"hang\",\"reply\":null}");
    answer.plan = (struct answer_plan){.due = false};
    assert_prints(&end, s(""), &answer, "{\"event\":\"end-of-message\"}");
    policy_clear(&policy);
}

static void test_finished(void **state)
{
    struct buffer line = {0};

    (void)state;
    printer_json_finished(&line, 3);
    buffer_append_byte(&line, '\0');
    assert_non_null(strstr(line.data, "\"session\": 3, \"event\": \"finished\"}\n"));
    buffer_clear(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_finished),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
