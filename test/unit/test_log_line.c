/*
 * Tests of log_line: every form of header, years, summer time, clocks that are set, and lines that
 * are nobody's or no lines.
 */
#include "milter-manager-log-analyzer/log_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { HOUR = 3600, DAY = 86400 };

static const int64_t may_1_2024 = 1714557600; /* 2024-05-01T10:00:00Z */

static struct log_clock clock_of_source;

static void set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static int begin_in_utc(void **state)
{
    (void)state;
    set_zone("UTC0");
    log_clock_begin(&clock_of_source, may_1_2024 + HOUR);
    return 0;
}

static int end_clock(void **state)
{
    (void)state;
    log_clock_clear(&clock_of_source);
    return 0;
}

static enum log_line_kind read_line(const char *line, struct log_record *record)
{
    return log_line_read(&clock_of_source, slice_from_string(line), record);
}

static int64_t time_of(const char *line)
{
    struct log_record record;

    assert_int_equal(read_line(line, &record), LOG_LINE_RECORD);
    return record.time;
}

struct form {
    const char *line;
    bool statistics;
    const char *text;
    const char *child; /* NULL: none */
};

#define END      "[session][end][quit][pass][1](7)"
#define LISTEN   "[client][listen][start] <inet:1>"
#define LOCATION "milter-manager/session/statistics.c:60: statistics_session_end(): "

/* All at 2024-05-01T10:00:00Z. */
static const struct form forms[] = {
    {"May  1 10:00:00 mail milter-manager[1]: [statistics] " END, true, END, NULL},
    {"May 1 10:00:00 mail milter-manager[1]: [statistics] " END, true, END, NULL},
    {"May 01 10:00:00 mail.example.com milter-manager: [statistics] " END, true, END, NULL},
    {"May  1 10:00:00 2001:db8::1 milter-manager[1]: [statistics] " END, true, END, NULL},
    {"May  1 10:00:00 a_b-c milter-manager[1]: [ID 702911 mail.notice] [statistics] " END, true,
     END, NULL},
    {"<21>May  1 10:00:00 mail milter-manager[1]: " LISTEN, false, LISTEN, NULL},
    /* Without the word it is no statistics line, whatever it looks like (tools.md 5.1). */
    {"May  1 10:00:00 mail milter-manager[1]: " END, false, END, NULL},
    {"2024-05-01T12:00:00.123456+02:00 mail milter-manager[1]: [statistics] " END, true, END, NULL},
    {"2024-05-01T10:00:00Z mail milter-manager[1]: [statistics] " END, true, END, NULL},
    {"2024-05-01T10:00:00 mail milter-manager[1]: [statistics] " END, true, END, NULL},
    {"2024-05-01T04:30:00-0530 mail milter-manager[1]: " LISTEN, false, LISTEN, NULL},
    {"2024-05-01T12:00:00+02 mail milter-manager[1]: " LISTEN, false, LISTEN, NULL},
    {"<21>1 2024-05-01T10:00:00.1Z mail milter-manager 1 - - [statistics] " END, true, END, NULL},
    {"1 2024-05-01T10:00:00Z - milter-manager - - - \xef\xbb\xbf[statistics] " END, true, END,
     NULL},
    {"<21>1 2024-05-01T10:00:00Z mail milter-manager 1 ID [a b=\"]\\\"\\\\\" c=\"\"][d] " LISTEN,
     false, LISTEN, NULL},
    /* The manager's own file; statistics lines are known by their look when levels are not there.
     */
    {"[2024-05-01T10:00:00.123456Z]: " END, true, END, NULL},
    {"[2024-05-01T10:00:00.123456Z]: " LISTEN, false, LISTEN, NULL},
    {"[2024-05-01T10:00:00.123456Z]: [session][error] [1] x", false, "[session][error] [1] x",
     NULL},
    {"[statistics][2024-05-01T10:00:00.123456Z]: " END, true, END, NULL},
    {"[info][2024-05-01T10:00:00.123456Z]: " END, false, END, NULL},
    {"[milter-manager][2024-05-01T10:00:00.123456Z] [milter-manager][4711]: " END, true, END, NULL},
    {"[2024-05-01T10:00:00.123456Z] [4711]: " END, true, END, NULL},
    {"[2024-05-01T10:00:00.123456Z] " LOCATION END, true, END, NULL},
    {"[statistics][milter-manager][2024-05-01T10:00:00.123456Z] [milter-manager][4711] " LOCATION
         END,
     true, END, NULL},
    {"\033[1;34m[statistics][2024-05-01T10:00:00.123456Z]: " END "\033[0m", true, END, NULL},
    /* ... and its JSON */
    {"{\"time\":\"2024-05-01T10:00:00.123456Z\",\"level\":\"statistics\",\"pid\":1,\"message\":"
     "\"" END "\",\"session\":7,\"child\":\"a: b\"}",
     true, END, "a: b"},
    {"{\"time\":\"2024-05-01T10:00:00Z\",\"level\":\"error\",\"message\":\"" END "\"}", false, END,
     NULL},
    {"{ \"message\" : \"a\\n\\\"\\u00e9\\ud83d\\ude00\\/\\\\\" , \"x\" : [1, {\"y\": \"]\"}], "
     "\"time\" : "
     "\"2024-05-01T10:00:00Z\", \"z\": {\"time\": \"no\"}, \"child\": \"\\u0061\" }",
     false, "a\n\"\xc3\xa9\xf0\x9f\x98\x80/\\", "a"},
    {"{\"time\":\"2024-05-01T10:00:00Z\",\"message\":\"\\ud83d \\udc00\"}", false,
     "\xef\xbf\xbd \xef\xbf\xbd", NULL},
    /* journalctl -o json */
    {"{\"__REALTIME_TIMESTAMP\":\"1714557600123456\",\"SYSLOG_IDENTIFIER\":\"milter-manager\","
     "\"MESSAGE\":\"[statistics] " END "\"}",
     true, END, NULL},
    {"{\"MESSAGE\":[91,99, 93,255],\"_COMM\":\"milter-manager\",\"__REALTIME_TIMESTAMP\":"
     "\"1714557600123456\"}",
     false, "[c]\xff", NULL},
    {"{\"MESSAGE\":[\"first\",\"second\"],\"_COMM\":\"milter-manager\",\"__REALTIME_TIMESTAMP\":"
     "\"1714557600123456\"}",
     false, "first", NULL},
    /* What the manager writes to standard output, in the journal */
    {"May  1 10:00:09 mail milter-manager[1]: [statistics][2024-05-01T10:00:00.5Z]: " END, true,
     END, NULL},
    {"May  1 10:00:09 mail milter-manager[1]: [2024-05-01T10:00:00.5Z]: " END, true, END, NULL},
    {"May  1 10:00:09 mail milter-manager[1]: {\"time\":\"2024-05-01T10:00:00Z\",\"level\":"
     "\"statistics\",\"message\":\"" END "\"}",
     true, END, NULL},
    {"{\"_COMM\":\"milter-manager\",\"__REALTIME_TIMESTAMP\":\"1714557609000000\",\"MESSAGE\":"
     "\"{\\\"time\\\":\\\"2024-05-01T10:00:00Z\\\",\\\"message\\\":\\\"\\\\u00e9\\\"}\"}",
     false, "\xc3\xa9", NULL},
};

static void test_every_form_is_understood(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const struct form *form = &forms[i];
        struct log_record record;

        /* Twice: the second time what the minute came to is remembered. */
        for (int pass = 0; pass < 2; pass++) {
            if (read_line(form->line, &record) != LOG_LINE_RECORD) {
                fail_msg("not understood: %s", form->line);
            }
            if (record.time != may_1_2024 || record.statistics != form->statistics ||
                !slice_equal_string(record.text, form->text) ||
                !slice_equal_string(record.child, form->child == NULL ? "" : form->child)) {
                fail_msg("%s: %lld, %d, <%.*s>", form->line, (long long)record.time,
                         record.statistics, (int)record.text.length, record.text.data);
            }
        }
    }
}

static void test_levels_that_repeat_others_are_marked(void **state)
{
    struct log_record record;

    (void)state;
    assert_int_equal(read_line("[debug][2024-05-01T10:00:00Z]: x", &record), LOG_LINE_RECORD);
    assert_true(record.debug);
    assert_int_equal(read_line("{\"time\":\"2024-05-01T10:00:00Z\",\"level\":\"error\",\"message\":"
                               "\"x\"}",
                               &record),
                     LOG_LINE_RECORD);
    assert_false(record.debug);
}

static void test_others_and_nonsense_are_told_apart(void **state)
{
    static const char *const foreign[] = {
        "",
        "May  1 10:00:00 mail postfix/smtpd[1]: [statistics] " END,
        "May  1 10:00:00 mail milter-manager-check[1]: [statistics] " END,
        "May  1 10:00:00 mail /usr/sbin/milter-manager[1]: [statistics] " END,
        "May  1 10:00:00 mail milter-manager/worker[1]: [statistics] " END,
        "May  1 10:00:00 mail last message repeated 2 times",
        "2024-05-01T10:00:00Z mail systemd[1]: Started milter-manager.service",
        "<21>1 2024-05-01T10:00:00Z mail dovecot 1 - - milter-manager: x",
        "-- Boot 0123456789abcdef --",
        "{\"__REALTIME_TIMESTAMP\":\"1714557600123456\",\"SYSLOG_IDENTIFIER\":\"kernel\","
        "\"_COMM\":\"milter-manager\",\"MESSAGE\":\"x\"}",
        "{\"ts\":1,\"message\":\"x\"}",
        "{\"time\":\"2024-05-01T10:00:00Z\"}",
    };
    static const char *const broken[] = {
        "[session][end][quit][pass][1](7)",
        "[statistics] [session][end][quit][pass][1](7)",
        "[milter-manager][4711]: x",
        "[statistics]: x",
        "[2024-05-01T10:00:00.12",
        "[2024-05-01T10:00:00Z] [47",
        "[2024-05-01T10:00:00Z] no location",
        "[2024-13-01T10:00:00Z]: x",
        "[2024-02-30T10:00:00Z]: x",
        "[2024-05-01T24:00:00Z]: x",
        "milter-manager/server.c:1: server_open(): x",
        "May  1 10:00",
        "May  1 10:00:0",
        "May  1 10:00:00",
        "May  1 10:00:00 mail",
        "May  1 10:00:00 mail milter-man",
        "May  1 10:00:00 mail milter-manager[47",
        "May  0 10:00:00 mail milter-manager[1]: x",
        "Apr 31 10:00:00 mail milter-manager[1]: x",
        "Mai  1 10:00:00 mail milter-manager[1]: x",
        "May  1 10:60:00 mail milter-manager[1]: x",
        "2024-05-01T10:00:00+2 mail milter-manager[1]: x",
        "<21>1 2024-05-01T10:00:00Z mail milter-manager 1 - [a b=\"]",
        "<21",
        "{",
        "{\"time\":\"2024-05-01T10:00:00Z\",\"message\":\"x",
        "{\"time\":\"2024-05-01T10:00:00Z\",\"message\":\"x\"",
        "{\"time\":\"yesterday\",\"message\":\"x\"}",
        "{\"time\":\"2024-05-01T10:00:00Z \",\"message\":\"x\"}",
        "{\"_COMM\":\"milter-manager\",\"__REALTIME_TIMESTAMP\":\"x\",\"MESSAGE\":\"x\"}",
        "{\"_COMM\":\"milter-manager\",\"__REALTIME_TIMESTAMP\":\"1\",\"MESSAGE\":null}",
        "-",
        " ",
        "\xff\xfe",
    };
    struct log_record record;

    (void)state;
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        if (read_line(foreign[i], &record) != LOG_LINE_FOREIGN) {
            fail_msg("not foreign: %s", foreign[i]);
        }
    }
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        if (read_line(broken[i], &record) != LOG_LINE_BROKEN) {
            fail_msg("not broken: %s", broken[i]);
        }
    }
}

/* Any beginning of a line is read without a byte behind it. */
static void test_lines_may_end_anywhere(void **state)
{
    struct log_record record;

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        size_t length = strlen(forms[i].line);

        for (size_t end = 1; end < length; end++) {
            char *part = malloc(end);

            memcpy(part, forms[i].line, end);
            (void)log_line_read(&clock_of_source, slice_of(part, end), &record);
            free(part);
        }
    }
}

#define LINE(stamp) stamp " mail milter-manager[1]: x"

static void test_the_year_is_the_latest_that_can_be(void **state)
{
    (void)state;
    log_clock_begin(&clock_of_source, 1704103200); /* 2024-01-01T10:00:00Z */
    assert_int_equal(time_of(LINE("Dec 31 23:59:59")), 1704067199);
    assert_int_equal(time_of(LINE("Jan  1 00:00:00")), 1704067200);
    /* A clock that is ahead a little. */
    assert_int_equal(time_of(LINE("Jan  2 09:00:00")), 1704186000);
    assert_int_equal(time_of(LINE("Jan  2 10:01:00")), 1704186000 + 3660 - 365 * DAY);
    /* No year but 2020 had that day. */
    assert_int_equal(time_of(LINE("Feb 29 12:00:00")), 1582977600);
    /* Who follows a log over New Year moves the clock on. */
    log_clock_begin(&clock_of_source, 1735689000); /* 2024-12-31T23:50:00Z */
    assert_int_equal(time_of(LINE("Dec 31 23:49:59")), 1735688999);
    clock_of_source.latest = 1735689700; /* 2025-01-01T00:01:40Z */
    assert_int_equal(time_of(LINE("Jan  1 00:00:01")), 1735689601);
}

/* At 2024-10-27T01:00:00Z clocks in Berlin go from 03:00 back to 02:00. */
static void test_the_repeated_hour_is_passed_twice(void **state)
{
    static const int64_t back = 1729990800;

    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    log_clock_begin(&clock_of_source, back + DAY);
    assert_int_equal(time_of(LINE("Oct 27 01:59:59")), back - HOUR - 1);
    assert_int_equal(time_of(LINE("Oct 27 02:00:00")), back - HOUR);
    assert_int_equal(time_of(LINE("Oct 27 02:40:00")), back - 1200);
    /* The clock is set back a little. */
    assert_int_equal(time_of(LINE("Oct 27 02:30:00")), back - 1800);
    assert_int_equal(time_of(LINE("Oct 27 02:59:59")), back - 1);
    assert_int_equal(time_of(LINE("Oct 27 02:00:01")), back + 1);
    assert_int_equal(time_of(LINE("Oct 27 02:10:00")), back + 600);
    /* ... and in the second pass again, and a line comes late. */
    assert_int_equal(time_of(LINE("Oct 27 02:05:00")), back + 300);
    assert_int_equal(time_of(LINE("Oct 27 02:50:00")), back + 3000);
    assert_int_equal(time_of(LINE("Oct 27 03:00:10")), back + HOUR + 10);
    assert_int_equal(time_of(LINE("Oct 27 02:59:58")), back + HOUR - 2);
    /* Lines of others tell the time as well. */
    log_clock_begin(&clock_of_source, back + DAY);
    struct log_record record;
    assert_int_equal(read_line("Oct 27 02:50:00 mail cron[1]: x", &record), LOG_LINE_FOREIGN);
    assert_int_equal(time_of(LINE("Oct 27 02:01:00")), back + 60);
}

/* On Lord Howe Island it is half an hour: at 2024-04-06T15:00:00Z from 02:00 back to 01:30. */
static void test_the_repeated_half_hour_is_passed_twice(void **state)
{
    static const int64_t back = 1712415600;

    (void)state;
    set_zone("LHST-10:30LHDT-11,M10.1.0,M4.1.0");
    log_clock_begin(&clock_of_source, back + DAY);
    assert_int_equal(time_of(LINE("Apr  7 01:58:00")), back - 120);
    assert_int_equal(time_of(LINE("Apr  7 01:55:00")), back - 300);
    assert_int_equal(time_of(LINE("Apr  7 01:31:00")), back + 60);
    assert_int_equal(time_of(LINE("Apr  7 01:59:00")), back + 1740);
    assert_int_equal(time_of(LINE("Apr  7 02:00:00")), back + 1800);
}

/* Who reads on in the middle says what came before. */
static void test_the_second_pass_is_remembered_by_the_previous_time(void **state)
{
    static const int64_t back = 1729990800;

    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    log_clock_begin(&clock_of_source, back + DAY);
    clock_of_source.previous = back + 60;
    assert_int_equal(time_of(LINE("Oct 27 02:55:00")), back + 3300);
    log_clock_begin(&clock_of_source, back + DAY);
    clock_of_source.previous = back - 60;
    assert_int_equal(time_of(LINE("Oct 27 02:59:30")), back - 30);
}

static void test_clocks_that_are_set_back_elsewhere_do_not_matter(void **state)
{
    static const int64_t forth = 1711846800; /* 2024-03-31T01:00:00Z: from 02:00 to 03:00 */

    (void)state;
    set_zone("CET-1CEST,M3.5.0,M10.5.0/3");
    log_clock_begin(&clock_of_source, may_1_2024);
    assert_int_equal(time_of(LINE("Mar 31 01:59:59")), forth - 1);
    assert_int_equal(time_of(LINE("Mar 31 03:00:00")), forth);
    assert_int_equal(time_of(LINE("Mar 31 02:30:00")), forth + 1800); /* there is no such time */
    assert_int_equal(time_of(LINE("Apr  1 12:50:00")), forth + DAY + 35400);
    assert_int_equal(time_of(LINE("Apr  1 12:10:00")), forth + DAY + 33000);
    assert_int_equal(time_of(LINE("Mar  1 12:00:00")), 1709290800);
}

static void test_leap_seconds_are_seconds(void **state)
{
    (void)state;
    assert_int_equal(time_of(LINE("Dec 31 23:59:60")), 1704067200);
    assert_int_equal(time_of(LINE("2016-12-31T23:59:60Z")), 1483228800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_in_utc, end_clock)
        TEST(test_every_form_is_understood),
        TEST(test_levels_that_repeat_others_are_marked),
        TEST(test_others_and_nonsense_are_told_apart),
        TEST(test_lines_may_end_anywhere),
        TEST(test_the_year_is_the_latest_that_can_be),
        TEST(test_the_repeated_hour_is_passed_twice),
        TEST(test_the_repeated_half_hour_is_passed_twice),
        TEST(test_the_second_pass_is_remembered_by_the_previous_time),
        TEST(test_clocks_that_are_set_back_elsewhere_do_not_matter),
        TEST(test_leap_seconds_are_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
