/*
 * Tests of the client: answers taken apart, strings of others on a terminal.
 */
#include "milter-manager/control/client_text.h"
#include "milter-manager/control/exchange.h"
#include "milter-manager/control/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *input;
    unsigned status; /* 0: not understood */
    const char *body;
} answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok"},
    {"HTTP/1.1 404 Not Found\nCONTENT-LENGTH:3\n\nabcd", 404, "abc"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""},
    {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", 0, NULL},
    {"HTTP/1.1 200 OK\r\n\r\nok", 0, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nok", 0, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length:", 0, NULL},
    {"HTTP/1.1 OK\r\n\r\n", 0, NULL},
    {"HTTP/1.1", 0, NULL},
    {"220 mx.example ESMTP\r\n", 0, NULL},
    {"", 0, NULL},
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        /* A copy of exactly that size, so that a sanitizer sees every byte too many. */
        size_t length = strlen(answers[i].input);
        char *input = malloc(length + 1);
        struct exchange exchange = {0};
        struct error error = {0};
        bool parsed;

        memcpy(input, answers[i].input, length);
        parsed = exchange_parse(&exchange, slice_of(input, length), &error);
        assert_int_equal(parsed, answers[i].status != 0);
        assert_int_equal(exchange.status, answers[i].status);
        if (parsed) {
            assert_true(slice_equal_string(buffer_slice(&exchange.body), answers[i].body));
        } else {
            assert_non_null(strstr(error.message, "no controller of milter-manager"));
        }
        exchange_clear(&exchange);
        free(input);
    }
}

static const struct {
    const char *bytes, *text;
} strings[] = {
    {"plain \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x93\xA7",
     "plain \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x93\xA7"},
    {"\xFF", "\xEF\xBF\xBD"},
    {"a\xC3", "a\xEF\xBF\xBD"},
    {"\xC0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD"},                 /* too long a form */
    {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"}, /* a surrogate */
    {"\xF4\x90\x80\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"", ""},
};

static void test_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        json_t *string = json_text(slice_from_string(strings[i].bytes));

        assert_non_null(string);
        assert_string_equal(json_string_value(string), strings[i].text);
        json_decref(string);
    }
}

static void check_text(void (*show)(const json_t *, struct buffer *), const char *answer,
                       const char *expected)
{
    json_t *json = json_loads(answer, 0, NULL);
    struct buffer text = {0};

    assert_non_null(json);
    show(json, &text);
    buffer_append_byte(&text, '\0');
    assert_string_equal(buffer_slice(&text).data, expected);
    buffer_clear(&text);
    json_decref(json);
}

static void test_sessions(void **state)
{
    (void)state;
    check_text(client_text_sessions, "{}", "no session is open\n");
    check_text(
        client_text_sessions,
        "{\"sessions_open\": 3, \"sessions\": ["
        "{\"id\": 7, \"age\": 75.5, \"phase\": \"idle\", \"waiting_for\": null, \"waiting\": null, "
        "\"queue_id\": \"4F1\", \"client\": \"\xC3\xA4.example [192.0.2.1]\", \"helo\": \"h\"},"
        "{\"id\": 12, \"age\": 2.26, \"phase\": \"header\", \"waiting_for\": \"b\", "
        "\"waiting\": 1.04, \"queue_id\": null, \"client\": \"\\u001b[2J\\u202e\\n\", "
        "\"helo\": 5}]}",
        "SESSION     AGE  PHASE   WAITING FOR   FOR  QUEUE ID  CLIENT                 HELO\n"
        "      7  1m 15s  idle    -               -  4F1       \xC3\xA4.example [192.0.2.1]  h\n"
        "     12    2.3s  header  b            1.0s  -         \\x1b[2J\\u{202e}\\x0a    -\n"
        "... and 1 younger ones\n");
}

static void test_status(void **state)
{
    (void)state;
    check_text(client_text_status, "{}",
               "milter-manager -, - for - on -, open sessions: -\n"
               "configuration - of -, -\n\n"
               "PROCESS  PID  UPTIME  SESSIONS  MEMORY\n\n"
               "there are no milters\n");
    check_text(
        client_text_status,
        "{\"version\": \"3\", \"state\": \"running\", \"uptime\": 90061, \"listen\": \"unix:/m\", "
        "\"sessions_open\": 1, \"configuration\": {\"generation\": 2, \"loaded\": \"T\", "
        "\"directory\": \"/c\", \"last_error\": {\"time\": \"U\", \"message\": \"m:1: bad\"}}, "
        "\"workers\": [{\"number\": -1, \"pid\": 5, \"uptime\": 1, \"sessions\": 1, "
        "\"memory\": 1048576}], \"children\": [{\"name\": \"a\", \"state\": \"up\", "
        "\"evaluation_mode\": true, \"since\": \"S\", \"replies\": 10, \"failures\": 0, "
        "\"timeouts\": 1, \"latency\": {\"p95\": 0.0123}, \"endpoint\": \"unix:/a\"}, "
        "{\"name\": \"b\", \"switched_off\": true, "
        "\"latency\": {\"p95\": 0, \"count\": 0}}]}",
        "milter-manager 3, running for 1d 1h on unix:/m, open sessions: 1\n"
        "configuration 2 of T, /c\n"
        "the reload of U has FAILED: m:1: bad\n\n"
        "PROCESS  PID  UPTIME  SESSIONS  MEMORY\n"
        "manager    5    1.0s         1  1.0MiB\n\n"
        "MILTER  STATE           SINCE  REPLIES  FAILURES  TIMEOUTS     P95  ENDPOINT\n"
        "a       up (evaluated)  S           10         0         1  12.3ms  unix:/a\n"
        "b       switched off    -            -         -         -       -  -\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_sessions),
        cmocka_unit_test(test_status),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
