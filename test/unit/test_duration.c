/*
 * Tests of duration: every unit, and what is refused.
 */
#include "libcore/base/duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_good(void **state)
{
    static const struct {
        const char *text;
        double seconds;
    } cases[] = {
        {"0", 0},          {"3", 3},           {"1.5", 1.5},      {".5s", 0.5},
        {"500ms", 0.5},    {"250us", 0.00025}, {"2s", 2},         {"2sec", 2},
        {"1second", 1},    {"2seconds", 2},    {"1m", 60},        {"1.5min", 90},
        {"2minutes", 120}, {"1h", 3600},       {"0.5hour", 1800}, {"2hours", 7200},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double seconds = -1;
        struct error error = {0};

        assert_true(duration_parse(slice_from_string(cases[i].text), &seconds, &error));
        assert_true(seconds > cases[i].seconds - 1e-9 && seconds < cases[i].seconds + 1e-9);
    }
}

static void test_bad(void **state)
{
    static const char *const cases[] = {
        "",
        "s",
        ".",
        "1..2",
        "-1",
        "+1",
        "1 s",
        "5x",
        "1e3",
        "0x10",
        "nan",
        "inf",
        "1,5s",
        "1.s.",
        "11111111111111111111111111111111111111111111111111111111111111111111111111111111",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double seconds = -1;
        struct error error = {0};

        assert_false(duration_parse(slice_from_string(cases[i]), &seconds, &error));
        assert_non_null(strstr(error.message, "not a length of time: <"));
        assert_true(seconds < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
