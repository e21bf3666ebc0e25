/*
 * Unit tests: figures and times as people read them.
 */
#include "libcore/base/human.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define DASH "\xe2\x80\x93"

struct row {
    double figure;
    const char *expected;
};

static void assert_rows(struct human (*human)(double), const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(human(rows[i].figure).text, rows[i].expected);
    }
    assert_string_equal(human((double)NAN).text, DASH);
    assert_string_equal(human(-1).text, DASH);
    assert_string_equal(human((double)INFINITY).text, DASH);
    assert_true(human(1e308).text[0] != '\0');
}

static void durations(void **state)
{
    static const struct row rows[] = {
        {0, "0.0 s"},        {0.26, "0.3 s"}, {9.94, "9.9 s"},           {9.96, "9 s"},
        {59.9, "59 s"},      {60, "1 min"},   {200, "3 min 20 s"},       {3599, "59 min 59 s"},
        {7500, "2 h 5 min"}, {86400, "1 d"},  {86400 * 3.5, "3 d 12 h"}, {86400 * 400., "400 d"},
        {1e300, "for ages"},
    };

    (void)state;
    assert_rows(human_duration, rows, sizeof(rows) / sizeof(rows[0]));
}

static void latencies(void **state)
{
    static const struct row rows[] = {
        {0, "0.00 ms"},    {.00042, "0.42 ms"}, {.0128, "12.8 ms"},
        {.640, "640 ms"},  {.9994, "999 ms"},   {.9999, "1.00 s"},
        {2.314, "2.31 s"}, {100, "100 s"},      {300, "5 min"},
    };

    (void)state;
    assert_rows(human_latency, rows, sizeof(rows) / sizeof(rows[0]));
}

static void sizes(void **state)
{
    static const struct row rows[] = {
        {0, "0 B"},         {999, "999 B"},      {1000, "1.00 kB"},        {31457280, "31.5 MB"},
        {999499, "999 kB"}, {999600, "1.00 MB"}, {4123456789., "4.12 GB"}, {1e300, "very many"},
    };

    (void)state;
    assert_rows(human_bytes, rows, sizeof(rows) / sizeof(rows[0]));
}

static void counts(void **state)
{
    static const struct row rows[] = {
        {0, "0"},          {999, "999"},           {1000, "1,000"},
        {12345, "12,345"}, {1234567, "1,234,567"}, {999999999999999., "999,999,999,999,999"},
        {1e18, "1e+18"},
    };
    static const struct row short_rows[] = {
        {0, "0"},       {1, "1"},        {600, "600"},    {1000, "1k"},
        {12000, "12k"}, {1.5e6, "1.5M"}, {1e300, "many"},
    };

    (void)state;
    assert_rows(human_count, rows, sizeof(rows) / sizeof(rows[0]));
    assert_rows(human_short_count, short_rows, sizeof(short_rows) / sizeof(short_rows[0]));
}

static void shares(void **state)
{
    static const struct {
        double part, whole;
        const char *expected;
    } rows[] = {
        {0, 10, "0 %"},
        {10, 10, "100 %"},
        {1, 8, "12.5 %"},
        {1, 100000, "< 0.1 %"},
        {99999, 100000, "> 99.9 %"},
        {1, 0, DASH},
        {2, 1, DASH},
        {-1, 1, DASH},
        {1, -1, DASH},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(human_share(rows[i].part, rows[i].whole).text, rows[i].expected);
    }
    assert_string_equal(human_share((double)NAN, 1).text, DASH);
    assert_string_equal(human_share(1, (double)NAN).text, DASH);
}

static void times_are_parsed(void **state)
{
    static const char *const wrong[] = {
        "",
        "2026-11-27",
        "2026-11-27T11:00:00",
        "2026-11-27 11:00:00Z",
        "2026-11-27T11:00:00Zx",
        "2026-11-27T11:00:00+01:00",
        "2026-13-27T11:00:00Z",
        "2026-00-27T11:00:00Z",
        "2026-11-32T11:00:00Z",
        "2026-11-27T24:00:00Z",
        "2026-11-27T11:60:00Z",
        "2026-11-27T1 :00:00Z",
        "-026-11-27T11:00:00Z",
        "2026-11-27T11:00:00.5",
        "<script>alert(1)</script>",
    };
    time_t time = 0;

    (void)state;
    assert_true(human_parse_time(slice_from_string("1970-01-02T00:00:01Z"), &time));
    assert_int_equal(time, 86401);
    assert_true(human_parse_time(slice_from_string("2026-11-27T12:30:58.123456Z"), &time));
    assert_int_equal(time, 1795782658);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(human_parse_time(slice_from_string(wrong[i]), &time));
    }
}

static void times_are_shown(void **state)
{
    static const struct {
        time_t age;
        const char *time, *ago;
    } rows[] = {
        {0, "12:30:58 UTC", "just now"},
        {59, "12:29:59 UTC", "59 s ago"},
        {200, "12:27:38 UTC", "3 min ago"},
        {7300, "10:29:18 UTC", "2 h ago"},
        {86400, "2026-11-26 12:30 UTC", "1 d ago"},
        {-120, "12:32:58 UTC", "in 2 min"},
        {365 * 86400, "2025-11-27 12:30 UTC", "365 d ago"},
    };
    const time_t now = 1795782658;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(human_time(now - rows[i].age, now).text, rows[i].time);
        assert_string_equal(human_ago(now - rows[i].age, now).text, rows[i].ago);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations),       cmocka_unit_test(latencies),
        cmocka_unit_test(sizes),           cmocka_unit_test(counts),
        cmocka_unit_test(shares),          cmocka_unit_test(times_are_parsed),
        cmocka_unit_test(times_are_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
