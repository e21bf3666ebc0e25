/*
 * Tests of moment: every way of writing a time, and what is refused.
 */
#include "milter-manager-log-analyzer/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const int64_t now = 1714557600; /* 2024-05-01T10:00:00Z */

static void test_good(void **state)
{
    static const struct {
        const char *text;
        int64_t time;
    } cases[] = {
        {"2024-05-01T10:00:00Z", 1714557600},
        {"2024-05-01 10:00Z", 1714557600},
        {"2024-05-01T12:00:00.123456+02:00", 1714557600},
        {"2024-05-01T04:30:00-0530", 1714557600},
        {"2024-05-01T12:00", 1714557600}, /* local: two hours east */
        {"2024-05-01", 1714557600 - 12 * 3600},
        {"2024-02-29T00:00Z", 1709164800},
        {"-30s", 1714557570},
        {"-30m", 1714555800},
        {"-5min", 1714557300},
        {"-1h", 1714554000},
        {"-2d", 1714384800},
        {"-1w", 1713952800},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error = {0};
        int64_t time = 0;

        assert_true(moment_parse(cases[i].text, now, &time, &error));
        assert_int_equal(time, cases[i].time);
    }
}

static void test_bad(void **state)
{
    static const char *const cases[] = {
        "",
        "now",
        "2024",
        "2024-5-1",
        "2024-05-32",
        "2024-02-30",
        "2023-02-29",
        "2024-13-01",
        "2024-05-01T",
        "2024-05-01T25:00",
        "2024-05-01T10",
        "2024-05-01T10:60",
        "2024-05-01T10:00+",
        "2024-05-01T10:00Zulu",
        "2024-05-01Z",
        "2024-05-01T10:00+25:00",
        "-",
        "-1",
        "-h",
        "-1y",
        "--1h",
        "-1h30m",
        "-9999999h",
        "1h",
        "-999999w",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error = {0};
        int64_t time = 0;

        if (moment_parse(cases[i], now, &time, &error)) {
            fail_msg("<%s> was taken", cases[i]);
        }
        assert_non_null(strstr(error.message, "right would be"));
    }
}

static void test_text(void **state)
{
    char text[MOMENT_TEXT];

    (void)state;
    assert_string_equal(moment_text(now, text), "2024-05-01T10:00:00Z");
    assert_string_equal(moment_text(0, text), "1970-01-01T00:00:00Z");
    assert_string_equal(moment_text(INT64_MAX, text), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_text),
    };

    setenv("TZ", "EAST-2", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
