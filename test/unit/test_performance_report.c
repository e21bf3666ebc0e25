/*
 * Tests of the reports of milter-performance-check but for the page: summary, text, CSV, JSON,
 * verdict.
 */
#include "milter-performance-check/report.h"

#include "file_text.h"
#include "performance_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include <cmocka.h>

/* Two mails that were sent, one refused for now, two for good, one lost; in four seconds. */
static struct performance_run *new_run(void)
{
    struct performance_run *run = performance_run_new();
    struct measurement *measurement = &run->measurement;

    performance_run_file_count = 0;
    performance_run_mail(run, 0, 20, OUTCOME_SENT, NULL);
    performance_run_mail(run, 10, 220, OUTCOME_SENT, NULL);
    performance_run_mail(run, 1900, 2000, OUTCOME_TEMPORARY_FAILURE, "451 later");
    performance_run_mail(run, 2100, 2130, OUTCOME_REJECT, "550 \x1b[2Jno");
    performance_run_mail(run, 2100, 2130, OUTCOME_REJECT, "550 \x1b[2Jno");
    performance_run_mail(run, 2100, 4000, OUTCOME_ERROR, "no answer \xff");
    measurement->connections = 7;
    measurement->connections_failed = 1;
    measurement->bytes_out = 12345;
    measurement->bytes_in = 800;
    measurement_reply(measurement, SMTP_PHASE_RCPT, 250, 1000000, RUN_BEGUN + 1);
    measurement_reply(measurement, SMTP_PHASE_RCPT, 550, 3000000, RUN_BEGUN + 1);
    measurement_reply(measurement, SMTP_PHASE_RCPT, 550, 3000000, RUN_BEGUN + 1);
    measurement_reply(measurement, SMTP_PHASE_DATA, 354, 500000, RUN_BEGUN + 1);
    return run;
}

/* ---- summary */

static void test_summary(void **state)
{
    struct performance_run *run = new_run();
    char *text = performance_run_text(run, report_append_summary);

    (void)state;
    assert_string_equal(text, "Total:\n"
                              "      N mails:      6\n"
                              " Elapsed time:   4.00 (sec)\n"
                              "   Throughput:   1.50 (mails/sec)\n"
                              "\n"
                              "Per mail:\n"
                              "          Max:   0.21 (sec)\n"
                              "          Min:   0.02 (sec)\n"
                              "      Average:   0.08 (sec)\n"
                              "\n"
                              "Status:\n"
                              " Temporary failure:   1 ( 16.67%)\n"
                              "            Reject:   2 ( 33.33%)\n"
                              "             Error:   1 ( 16.67%)\n");
    free(text);
    run->plan.failure_responses = true;
    run->measurement.texts[OUTCOME_REJECT].others = 3;
    performance_run_mail(run, 2200, 2230, OUTCOME_REJECT, "554 rarer");
    text = performance_run_text(run, report_append_summary);
    assert_matches(text, "\n             Error:   1 \\( 14.29%\\)\n"
                         "\nTemporary failures:\n  1 451 later\n"
                         "\nRejects:\n  2 550 \\\\x1b\\[2Jno\n  1 554 rarer\n  3 with other texts\n"
                         "\nErrors:\n  1 no answer \\\\xff\n$");
    free(text);
    performance_run_free(run);
}

static const char nothing[] = "Total:\n"
                              "      N mails:      0\n"
                              " Elapsed time:   0.00 (sec)\n"
                              "   Throughput:   0.00 (mails/sec)\n"
                              "\n"
                              "Per mail:\n"
                              "          Max:   0.00 (sec)\n"
                              "          Min:   0.00 (sec)\n"
                              "      Average:   0.00 (sec)\n"
                              "\n"
                              "Status:\n"
                              " Temporary failure:   0 (  0.00%)\n"
                              "            Reject:   0 (  0.00%)\n"
                              "             Error:   0 (  0.00%)\n";

static void test_summary_of_nothing(void **state)
{
    struct performance_run *run = performance_run_new();
    char *text = performance_run_text(run, report_append_summary);

    (void)state;
    assert_string_equal(text, nothing);
    free(text);
    /* One mail, and that failed at once. */
    performance_run_mail(run, 0, 0, OUTCOME_ERROR, "refused");
    text = performance_run_text(run, report_append_summary);
    assert_matches(text, "N mails:      1\n.*Throughput:   0.00 .*Max:   0.00 .*Average:   0.00 .*"
                         "Error:   1 \\(100.00%\\)\n$");
    free(text);
    performance_run_free(run);
}

static void test_files_in_front(void **state)
{
    struct performance_run *run = new_run();
    char *text;

    (void)state;
    performance_run_file_count = 3;
    run->files[1] = (struct file_record){.slowest = 1500000000, .rejected = 1};
    text = performance_run_text(run, report_append_summary);
    performance_run_file_count = 0;
    assert_true(strncmp(text, " 1.50 (sec): b.eml\n\nRejected mails:\nb.eml\n\nTotal:\n", 49) == 0);
    free(text);
    performance_run_free(run);
}

/* ---- text */

static void test_text(void **state)
{
    struct performance_run *run = new_run();
    char *text = performance_run_text(run, report_append_text);

    (void)state;
    assert_string_equal(
        text,
        "  Recipients: 2 accepted, 2 refused\n"
        " Connections: 7, 1 failed before a mail\n"
        "     Content: 2.00 kB in mails sent (500 bytes/s)\n"
        " On the wire: 12.3 kB out (3.09 kB/s), 800 bytes in (200 bytes/s)\n"
        "\nAnswers          2xx       3xx       4xx       5xx\n"
        "rcpt               1         0         0         2\n"
        "data               0         1         0         0\n"
        "\nMilliseconds     count        min       mean        p50        p90        p99      "
        "p99.9 "
        "       max\n"
        "rcpt                 3      1.000      2.333      3.000      3.000      3.000      3.000 "
        "     3.000\n"
        "data                 1      0.500      0.500      0.500      0.500      0.500      0.500 "
        "     0.500\n"
        "whole-mail           5     20.000     78.000     29.983    210.000    210.000    210.000 "
        "   210.000\n"
        "\nSecond from   mails/s   failed     p50 ms     p99 ms     max ms\n"
        "          0       2.0        0     20.972    210.000    210.000  "
        "####################\n"
        "          1       0.0        0      0.000      0.000      0.000\n"
        "          2       3.0        3     32.506    100.000    100.000  "
        "##############################\n"
        "          3       1.0        1      0.000      0.000      0.000  ##########\n"
        "\nTemporary failures:\n  1 451 later\n"
        "\nRejects:\n  2 550 \\x1b[2Jno\n"
        "\nErrors:\n  1 no answer \\xff\n");
    free(text);
    performance_run_free(run);
}

static void test_text_variants(void **state)
{
    struct performance_run *run = new_run();
    char *text;

    (void)state;
    run->report.stopped = "interrupted";
    run->plan.failure_responses = true; /* the summary has told them */
    run->plan.rate = 5;
    run->measurement.warm_up_mails = 1234567;
    performance_run_mail(run, 3000, 3010, OUTCOME_SENT, NULL);
    text = performance_run_text(run, report_append_text);
    assert_matches(text, "^Stopped: interrupted\n     Warm-up: 1,234,567 mails, not measured\n");
    assert_matches(text, "\nstart-delay          1      0.000 ");
    assert_null(strstr(text, "451 later"));
    free(text);
    performance_run_free(run);
}

static void test_text_of_nothing(void **state)
{
    struct performance_run *run = performance_run_new();
    char *text = performance_run_text(run, report_append_text);

    (void)state;
    assert_string_equal(text, "  Recipients: 0 accepted, 0 refused\n"
                              " Connections: 0, 0 failed before a mail\n"
                              "     Content: 0 bytes in mails sent (0 bytes/s)\n"
                              " On the wire: 0 bytes out (0 bytes/s), 0 bytes in (0 bytes/s)\n");
    free(text);
    performance_run_free(run);
}

/* However long it was, the course of a run is short to read. */
static void test_text_of_a_long_run(void **state)
{
    struct performance_run *run = performance_run_new();
    unsigned rows = 0;
    char *text;

    (void)state;
    for (uint64_t second = 0; second < 100000; second += 50) {
        performance_run_mail(run, second * 1000, second * 1000, OUTCOME_SENT, NULL);
    }
    text = performance_run_text(run, report_append_text);
    for (const char *at = strstr(text, "Second from"); at != NULL; at = strchr(at + 1, '\n')) {
        rows++;
    }
    assert_in_range(rows, 10 + 2, 20 + 2);
    free(text);
    performance_run_free(run);
}

/* ---- ramp */

static void set_step(struct ramp_step *step, double rate, unsigned milliseconds,
                     const char *overload)
{
    step->rate = rate;
    step->started = RUN_BEGUN;
    step->ended = RUN_BEGUN + (uint64_t)2000000000;
    step->sent = 2 * (uint64_t)rate;
    step->overload = overload;
    histogram_record(&step->mail, (uint64_t)milliseconds * 1000000);
}

static void assert_knee(const char *first, const char *second, const char *expected)
{
    struct performance_run *run = performance_run_new();
    char *text;

    performance_run_ramp(run, 2);
    set_step(run->steps, 400, 12, first);
    set_step(run->steps + 1, 450.5, 2300, second);
    text = performance_run_text(run, report_append_text);
    assert_matches(text, "\n +Mails/s   achieved     p50 ms     p99 ms   failed  verdict\n"
                         "     400.0      400.0     12.000     12.000        0  [a-z ]*\n"
                         "     450.5      450.0   2300.000   2300.000        0  [a-z ]*\n\n");
    assert_non_null(strstr(text, expected));
    free(text);
    performance_run_free(run);
}

static void test_knee(void **state)
{
    (void)state;
    assert_knee(
        NULL, "mails piled up",
        "0  keeps up\n     450.5      450.0   2300.000   2300.000        0  mails piled up\n\n"
        "Knee: 400 mails/s (p99 12.0 ms); at 450.5 mails/s p99 was 2.30 s: mails piled up\n");
    assert_knee(NULL, NULL,
                "\nKnee: not reached; the server kept up with 450.5 mails/s (p99 2.30 s)\n");
    assert_knee("mails failed", "mails failed",
                "\nKnee: below the first rate; at 400 mails/s p99 was 12.0 ms: mails failed\n");
}

/* ---- CSV */

static void test_csv(void **state)
{
    struct performance_run *run = new_run();
    char *text = performance_run_text(run, report_append_csv);

    (void)state;
    assert_string_equal(text,
                        "name,count,min,mean,p50,p90,p99,p99.9,max\n"
                        "connect,0,,,,,,,\ntls,0,,,,,,,\nxclient,0,,,,,,,\nauth,0,,,,,,,\n"
                        "helo,0,,,,,,,\nmail,0,,,,,,,\n"
                        "rcpt,3,0.001000000,0.002333333,0.003000000,0.003000000,0.003000000,"
                        "0.003000000,0.003000000\n"
                        "data,1,0.000500000,0.000500000,0.000500000,0.000500000,0.000500000,"
                        "0.000500000,0.000500000\n"
                        "content,0,,,,,,,\nreset,0,,,,,,,\nquit,0,,,,,,,\n"
                        "whole-mail,5,0.020000000,0.078000000,0.029982720,0.210000000,0.210000000,"
                        "0.210000000,0.210000000\n"
                        "session,0,,,,,,,\n");
    free(text);
    run->plan.rate = 1;
    text = performance_run_text(run, report_append_csv);
    assert_non_null(strstr(text, "\nstart-delay,0,,,,,,,\n"));
    free(text);
    performance_run_free(run);
}

/* ---- JSON */

static json_t *parsed(struct performance_run *run)
{
    char *text = performance_run_text(run, report_append_json);
    json_error_t error;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &error);

    assert_non_null(object);
    free(text);
    return object;
}

/* "a/b/0/c" */
static json_t *member(json_t *object, const char *path)
{
    char name[64];

    while (*path != '\0') {
        size_t length = strcspn(path, "/");

        (void)snprintf(name, sizeof(name), "%.*s", (int)length, path);
        object = json_is_array(object) ? json_array_get(object, strtoul(name, NULL, 10))
                                       : json_object_get(object, name);
        assert_non_null(object);
        path += length + (path[length] == '/' ? 1 : 0);
    }
    return object;
}

static void assert_number(json_t *object, const char *path, double expected)
{
    double difference = json_number_value(member(object, path)) - expected;

    assert_true(json_is_number(member(object, path)));
    assert_true(difference < 1e-6 && difference > -1e-6);
}

static void assert_text(json_t *object, const char *path, const char *expected)
{
    assert_string_equal(json_string_value(member(object, path)), expected);
}

static void test_json(void **state)
{
    struct performance_run *run = new_run();
    json_t *object = parsed(run);

    (void)state;
    assert_text(object, "program", "milter-performance-check");
    assert_text(object, "version", MILTER_MANAGER_VERSION);
    assert_text(object, "begun", "2026-11-27T11:00:00Z");
    assert_text(object, "command_line", "milter-performance-check --smtp-server mx.example.net");
    assert_text(object, "options/servers/0", "mx.example.net:25");
    assert_number(object, "options/connections", 10);
    assert_number(object, "options/workers", 2);
    assert_number(object, "elapsed", 4);
    assert_true(json_is_null(member(object, "stopped")));
    assert_true(json_is_null(member(object, "options/rate")));
    assert_true(json_is_null(member(object, "ramp")));
    assert_number(object, "mails/started", 6);
    assert_number(object, "mails/ended", 6);
    assert_number(object, "mails/per_second", 1.5);
    assert_number(object, "mails/sent", 2);
    assert_number(object, "mails/temporary-failure", 1);
    assert_number(object, "mails/reject", 2);
    assert_number(object, "mails/error", 1);
    assert_number(object, "mails/warm_up", 0);
    assert_number(object, "recipients/accepted", 2);
    assert_number(object, "recipients/refused", 2);
    assert_number(object, "connections/tried", 7);
    assert_number(object, "connections/failed", 1);
    assert_number(object, "bytes/content", 2000);
    assert_number(object, "bytes/in", 800);
    assert_number(object, "bytes/out_per_second", 3086.25);
    assert_number(object, "replies/rcpt/5xx", 2);
    assert_number(object, "replies/quit/2xx", 0);
    assert_number(object, "latency/rcpt/count", 3);
    assert_number(object, "latency/rcpt/min", 0.001);
    assert_number(object, "latency/whole-mail/max", 0.21);
    assert_true(json_is_null(member(object, "latency/quit/p50")));
    assert_null(json_object_get(member(object, "latency"), "start-delay"));
    assert_int_equal(json_array_size(member(object, "files")), 0);
    json_decref(object);
    performance_run_free(run);
}

static void test_json_lists(void **state)
{
    struct performance_run *run = new_run();
    json_t *object;

    (void)state;
    performance_run_file_count = 3;
    run->files[1] = (struct file_record){1500000000, 2, 1};
    run->report.stopped = "interrupted";
    run->plan.rate = 2.5; /* of each worker */
    run->plan.mail_limit = 30;
    run->plan.ramp = (struct ramp){400, 450, 50, 5};
    performance_run_ramp(run, 2);
    set_step(run->steps, 400, 12, NULL);
    set_step(run->steps + 1, 450, 2300, "mails piled up");
    object = parsed(run);
    performance_run_file_count = 0;
    assert_text(object, "stopped", "interrupted");
    assert_number(object, "options/rate", 5);
    assert_number(object, "options/mail_limit", 60);
    assert_number(object, "timeline/slot_seconds", 0.125);
    assert_number(object, "timeline/slots/0/sent", 1);
    assert_number(object, "timeline/slots/0/max", 0.02);
    assert_number(object, "timeline/slots/1/start", 0.125);
    assert_true(json_is_null(member(object, "timeline/slots/2/p99")));
    assert_number(object, "timeline/slots/31/error", 1);
    assert_int_equal(json_array_size(member(object, "timeline/slots")), 32);
    assert_number(object, "ramp/knee", 400);
    assert_true(json_is_true(member(object, "ramp/knee_reached")));
    assert_number(object, "ramp/steps/1/rate", 450);
    assert_number(object, "ramp/steps/1/latency/p99", 2.3);
    assert_text(object, "ramp/steps/1/overload", "mails piled up");
    assert_true(json_is_null(member(object, "ramp/steps/0/overload")));
    assert_text(object, "failures/1/outcome", "reject");
    assert_text(object, "failures/1/text", "550 \x1b[2Jno");
    assert_number(object, "failures/1/count", 2);
    assert_text(object, "failures/2/text", "no answer \xef\xbf\xbd");
    assert_text(object, "files/1/name", "b.eml");
    assert_number(object, "files/1/slowest", 1.5);
    assert_number(object, "files/1/rejected", 2);
    assert_number(object, "files/1/temporarily_failed", 1);
    assert_true(json_is_null(member(object, "files/0/slowest")));
    json_decref(object);
    performance_run_free(run);
}

static void test_json_of_nothing(void **state)
{
    struct performance_run *run = performance_run_new();
    json_t *object = parsed(run);

    (void)state;
    assert_number(object, "elapsed", 0);
    assert_number(object, "mails/per_second", 0);
    assert_int_equal(json_array_size(member(object, "timeline/slots")), 0);
    json_decref(object);
    performance_run_free(run);
}

/* ---- verdict */

static void assert_verdict(struct performance_run *run, const char *expected)
{
    struct buffer output = {0};
    bool found = report_append_verdict(&output, &run->report);

    buffer_append_byte(&output, '\0');
    assert_string_equal(buffer_slice(&output).data, expected);
    assert_int_equal(found, expected[0] != '\0');
    buffer_clear(&output);
}

static void test_verdict(void **state)
{
    struct performance_run *run = new_run();

    (void)state;
    assert_verdict(run, "");
    run->plan.fail_on = FAIL_ON_4XX;
    assert_verdict(run, "1 mail failed temporarily (--fail-on 4xx)\n");
    run->plan.fail_on = FAIL_ON_4XX | FAIL_ON_5XX | FAIL_ON_ERROR;
    assert_verdict(run, "1 mail failed temporarily (--fail-on 4xx)\n"
                        "2 mails were rejected (--fail-on 5xx)\n"
                        "1 mail ended with an error (--fail-on error)\n");
    run->plan.fail_on = FAIL_ON_ERROR;
    run->plan.max_p99 = 0.2;
    assert_verdict(run, "1 mail ended with an error (--fail-on error)\n"
                        "p99 of a mail is 210 ms, more than 200 ms (--max-p99)\n");
    run->plan.fail_on = 0;
    run->plan.max_p99 = 0.21;
    assert_verdict(run, "");
    performance_run_free(run);
}

/* A mail that others got: the recipient who did not counts all the same. */
static void test_verdict_on_recipients(void **state)
{
    struct performance_run *run = performance_run_new();

    (void)state;
    performance_run_mail(run, 0, 10, OUTCOME_SENT, NULL);
    run->plan.fail_on = FAIL_ON_4XX | FAIL_ON_5XX | FAIL_ON_ERROR;
    assert_verdict(run, "");
    measurement_reply(&run->measurement, SMTP_PHASE_RCPT, 550, 1, RUN_BEGUN);
    assert_verdict(run, "1 recipient was rejected (--fail-on 5xx)\n");
    measurement_reply(&run->measurement, SMTP_PHASE_CONTENT, 452, 1, RUN_BEGUN);
    measurement_reply(&run->measurement, SMTP_PHASE_RCPT, 452, 1, RUN_BEGUN);
    run->plan.fail_on = FAIL_ON_4XX;
    assert_verdict(run, "2 recipients failed temporarily (--fail-on 4xx)\n");
    run->plan.fail_on = FAIL_ON_ERROR;
    assert_verdict(run, "");
    performance_run_free(run);
}

static void test_verdict_on_nothing(void **state)
{
    struct performance_run *run = performance_run_new();

    (void)state;
    assert_verdict(run, "");
    run->plan.max_p99 = 1;
    assert_verdict(run, "no mail was measured (--max-p99)\n");
    run->plan.fail_on = FAIL_ON_4XX;
    assert_verdict(run, "no mail was measured (--fail-on)\n");
    run->plan.fail_on = 0;
    performance_run_mail(run, 0, 10, OUTCOME_ERROR, "refused");
    assert_verdict(run,
                   "the server did not answer a single mail, so there is no p99 (--max-p99)\n");
    performance_run_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_summary_of_nothing),
        cmocka_unit_test(test_files_in_front),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_text_variants),
        cmocka_unit_test(test_text_of_nothing),
        cmocka_unit_test(test_text_of_a_long_run),
        cmocka_unit_test(test_knee),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_lists),
        cmocka_unit_test(test_json_of_nothing),
        cmocka_unit_test(test_verdict),
        cmocka_unit_test(test_verdict_on_recipients),
        cmocka_unit_test(test_verdict_on_nothing),
    };

    return cmocka_run_group_tests_name("performance_report", tests, NULL, NULL);
}
