/*
 * Tests of measurement and load_report: what is counted, and the three forms as
 * text.
 */
#include "milter-test-server/load_report.h"

#include "libcore/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <cmocka.h>

/* Two sessions that went well, three that failed in two ways, 2 seconds in all. */
static struct measurement *measure(void)
{
    static struct session_result result;
    struct measurement *measurement = NEW(struct measurement);

    measurement->begun = 1;
    measurement->ended = 2000000001;
    measurement->started = 5;
    for (int i = 0; i < 2; i++) {
        measurement_reply(measurement, COMMAND_MAIL, VERDICT_CONTINUE, 300);
        measurement_reply(measurement, COMMAND_RCPT, VERDICT_REJECT, 500);
        measurement_message(measurement, i == 0 ? SESSION_PASS : SESSION_REJECT, 2000000);
        result = (struct session_result){.complete = true, .finished = 4000000};
        result.bytes_read = 10;
        result.bytes_written = 100;
        measurement_session(measurement, &result, 1000000);
    }
    for (int i = 0; i < 3; i++) {
        result = (struct session_result){.complete = false};
        error_set(&result.error, ERROR_CLOSED, "closed at %s", i == 1 ? "b" : "a");
        measurement_session(measurement, &result, 0);
    }
    return measurement;
}

static char *report(enum load_format format, double rate, const char *stopped)
{
    const struct load_options options = {
        .rate = rate, .concurrency = 7, .messages_per_session = 1, .format = format};
    struct measurement *measurement = measure();
    const struct load_report report = {"unix:/x", &options, measurement, stopped};
    struct buffer output = {0};
    char *text;

    load_report_append(&output, &report);
    text = memory_copy_bytes(output.data, buffer_length(&output));
    buffer_clear(&output);
    free(measurement);
    return text;
}

static void test_text(void **state)
{
    char *text = report(LOAD_TEXT, 0, NULL);

    (void)state;
    assert_string_equal(
        text, "sessions: 2 completed, 3 failed, in 2.000 seconds\n"
              "messages: 2\n"
              "sessions/s: 1.0\nmessages/s: 1.0\nbytes/s out: 100\nbytes/s in: 10\n"
              "verdicts: pass 1, reject 1\n"
              "verdicts at envelope-recipient: reject 2\n"
              "2 sessions failed: closed at a\n"
              "1 session failed: closed at b\n"
              "\n"
              "milliseconds            count        min       mean        p50        p90        p99"
              "      p99.9        max\n"
              "envelope-from               2      0.000      0.000      0.000      0.000      0.000"
              "      0.000      0.000\n"
              "envelope-recipient          2      0.001      0.001      0.001      0.001      0.001"
              "      0.001      0.001\n"
              "message                     2      2.000      2.000      2.000      2.000      2.000"
              "      2.000      2.000\n"
              "session                     2      3.000      3.000      3.000      3.000      3.000"
              "      3.000      3.000\n");
    free(text);
    text = report(LOAD_TEXT, 0, "interrupted");
    assert_true(strncmp(text, "stopped: interrupted\nsessions: ", 31) == 0);
    free(text);
}

static void test_csv(void **state)
{
    char *text = report(LOAD_CSV, 0, NULL);

    (void)state;
    assert_string_equal(
        text, "stage,count,min,mean,p50,p90,p99,p99.9,max\n"
              "negotiate,0,,,,,,,\nconnect,0,,,,,,,\nhelo,0,,,,,,,\n"
              "envelope-from,2,0.000000300,0.000000300,0.000000300,0.000000300,0.000000300,"
              "0.000000300,0.000000300\n"
              "envelope-recipient,2,0.000000500,0.000000500,0.000000500,0.000000500,0.000000500,"
              "0.000000500,0.000000500\n"
              "data,0,,,,,,,\nunknown,0,,,,,,,\nheader,0,,,,,,,\nend-of-header,0,,,,,,,\n"
              "body,0,,,,,,,\nend-of-message,0,,,,,,,\n"
              "message,2,0.002000000,0.002000000,0.002000000,0.002000000,0.002000000,0.002000000,"
              "0.002000000\n"
              "session,2,0.003000000,0.003000000,0.003000000,0.003000000,0.003000000,0.003000000,"
              "0.003000000\n");
    free(text);
    text = report(LOAD_CSV, 5, NULL); /* a rate has delays */
    assert_non_null(strstr(text, "\nstart-delay,0,"));
    free(text);
}

static json_t *member(json_t *object, const char *path)
{
    char name[64];

    while (*path != '\0') {
        size_t length = strcspn(path, "/");

        (void)snprintf(name, sizeof(name), "%.*s", (int)length, path);
        object = json_object_get(object, name);
        assert_non_null(object);
        path += length + (path[length] == '/' ? 1 : 0);
    }
    return object;
}

static void test_json(void **state)
{
    char *text = report(LOAD_JSON, 2.5, "interrupted");
    json_t *object = json_loads(text, 0, NULL);

    (void)state;
    assert_non_null(object);
    assert_string_equal(json_string_value(member(object, "peer")), "unix:/x");
    assert_int_equal(json_integer_value(member(object, "concurrency")), 7);
    assert_true(json_real_value(member(object, "rate")) == 2.5);
    assert_int_equal(json_integer_value(member(object, "messages_per_session")), 1);
    assert_string_equal(json_string_value(member(object, "stopped")), "interrupted");
    assert_true(json_real_value(member(object, "elapsed")) == 2.0);
    assert_int_equal(json_integer_value(member(object, "sessions/started")), 5);
    assert_int_equal(json_integer_value(member(object, "sessions/completed")), 2);
    assert_int_equal(json_integer_value(member(object, "sessions/failed")), 3);
    assert_true(json_real_value(member(object, "sessions/per_second")) == 1.0);
    assert_int_equal(json_integer_value(member(object, "messages/count")), 2);
    assert_int_equal(json_integer_value(member(object, "bytes/out")), 200);
    assert_true(json_real_value(member(object, "bytes/in_per_second")) == 10.0);
    assert_int_equal(json_integer_value(member(object, "verdicts/reject")), 1);
    assert_int_equal(json_integer_value(member(object, "verdicts/accept")), 0);
    assert_int_equal(json_integer_value(member(object, "stage_verdicts/envelope-recipient/reject")),
                     2);
    assert_int_equal(json_object_size(member(object, "stage_verdicts")), 1);
    assert_int_equal(json_integer_value(member(object, "latency/session/count")), 2);
    assert_true(json_real_value(member(object, "latency/session/p99.9")) == 0.003);
    assert_true(json_is_null(member(object, "latency/body/p50")));
    assert_int_equal(json_integer_value(member(object, "latency/start-delay/count")), 0);
    assert_int_equal(json_array_size(member(object, "failures")), 2);
    assert_string_equal(
        json_string_value(member(json_array_get(member(object, "failures"), 0), "text")),
        "closed at a");
    assert_int_equal(
        json_integer_value(member(json_array_get(member(object, "failures"), 0), "count")), 2);
    json_decref(object);
    free(text);
}

/* Sentences that differ without end do not fill the memory. */
static void test_many_kinds_of_failures(void **state)
{
    struct measurement *measurement = NEW(struct measurement);
    struct session_result result = {.complete = false};
    struct buffer lines = {0};

    (void)state;
    for (int i = 0; i < 3 * TEXT_COUNTS; i++) {
        error_clear(&result.error);
        error_set(&result.error, ERROR_CLOSED, "kind %d", i);
        measurement_session(measurement, &result, 0);
    }
    load_report_failures(&lines, measurement);
    buffer_append_byte(&lines, '\0');
    assert_non_null(strstr(lines.data, "1 session failed: kind 49\n"));
    assert_null(strstr(lines.data, "kind 50"));
    assert_non_null(strstr(lines.data, "100 sessions failed in other ways\n"));
    assert_int_equal(measurement->failed, 3 * TEXT_COUNTS);
    buffer_clear(&lines);
    free(measurement);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_many_kinds_of_failures),
    };

    return cmocka_run_group_tests_name("load_report", tests, NULL, NULL);
}
