/*
 * Values of options: what is accepted and the sentences for what is not.
 */
#include "libcore/base/option_value.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void good_numbers(void **state)
{
    struct error error = {0};
    unsigned long value = 7;
    (void)state;
    assert_true(option_parse_unsigned("0", 1000, &value, &error));
    assert_int_equal(value, 0);
    assert_true(option_parse_unsigned("1000", 1000, &value, &error));
    assert_int_equal(value, 1000);
    assert_true(option_parse_unsigned("007", 1000, &value, &error));
    assert_int_equal(value, 7);
    assert_true(option_parse_unsigned("-0", 1000, &value, &error));
    assert_int_equal(value, 0);
    assert_int_equal(error.code, ERROR_NONE);
}

static void bad_numbers(void **state)
{
    static const struct {
        const char *text, *message;
    } CASES[] = {
        {"", "invalid integer value: <>(><)"},
        {"x", "invalid integer value: <x>(>x<)"},
        {"12x45", "invalid integer value: <12x45>(12>x<45)"},
        {"0x10", "invalid integer value: <0x10>(0>x<10)"},
        {" 1", "invalid integer value: < 1>(> <1)"},
        {"-", "invalid integer value: <->(-><)"},
        {"-1", "must be larger than 0 or equal to 0: <-1>"},
        {"1001", "too big: <1001>: parsed=<1001>, max=<1000>"},
        {"99999999999999999999999",
         "too big: <99999999999999999999999>: parsed=<18446744073709551615>, max=<1000>"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct error error = {0};
        unsigned long value = 7;
        assert_false(option_parse_unsigned(CASES[i].text, 1000, &value, &error));
        assert_string_equal(error.message, CASES[i].message);
        assert_int_equal(value, 7);
    }
}

static void seconds(void **state)
{
    static const char *const BAD[] = {"", "1s", "nan", "inf", "0x1p3", " 1", "1e999", "-", "."};
    struct error error = {0};
    double value = 0;
    (void)state;
    assert_true(option_parse_seconds("0.25", &value, &error));
    assert_true(value > 0.249 && value < 0.251);
    assert_true(option_parse_seconds("1e2", &value, &error));
    assert_true(value > 99.9 && value < 100.1);
    assert_true(option_parse_seconds("0", &value, &error));
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        error_clear(&error);
        assert_false(option_parse_seconds(BAD[i], &value, &error));
        assert_non_null(strstr(error.message, "invalid number of seconds: <"));
    }
    error_clear(&error);
    assert_false(option_parse_seconds("-0.5", &value, &error));
    assert_string_equal(error.message, "must be larger than 0 or equal to 0: <-0.5>");
}

static void good_modes(void **state)
{
    static const struct {
        const char *text;
        unsigned mode;
    } CASES[] = {
        {"660", 0660},   {"0660", 0660},  {"0", 0},      {"7", 07},   {"0777", 0777},
        {"ug=rw", 0660}, {"a=rwx", 0777}, {"u=x", 0100}, {"o=r", 04}, {"uu=rr", 0400},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct error error = {0};
        unsigned mode = 01234;
        assert_true(option_parse_mode(CASES[i].text, &mode, &error));
        assert_int_equal(mode, CASES[i].mode);
    }
}

static void bad_modes(void **state)
{
    static const struct {
        const char *text, *message;
    } CASES[] = {
        {"668", "must be 0-7: '8': <668>"},
        {"6x6", "must be 0-7: 'x': <6x6>"},
        {"1660", "must be at most 3 digits: <1660>"},
        {"00660", "must be at most 3 digits: <00660>"},
        {"z=rw", "invalid character: 'z': <z=rw>"},
        {"=rw", "invalid character: '=': <=rw>"},
        {"", "set mode '=' is missing: <>"},
        {"ug", "set mode '=' is missing: <ug>"},
        {"u+rw", "set mode must be '=': '+': <u+rw>"},
        {"u=", "mode 'r', 'w' or 'x' is missing: <u=>"},
        {"u=rq", "mode must be 'r', 'w' or 'x': 'q': <u=rq>"},
        {"u=rw,g=r", "mode must be 'r', 'w' or 'x': ',': <u=rw,g=r>"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct error error = {0};
        unsigned mode = 01234;
        assert_false(option_parse_mode(CASES[i].text, &mode, &error));
        assert_string_equal(error.message, CASES[i].message);
        assert_int_equal(mode, 01234);
    }
}

static void ids(void **state)
{
    struct error error = {0};
    (void)state;
    assert_true(option_check_id("0", "UID", &error));
    assert_true(option_check_id("4294967294", "UID", &error));
    assert_false(option_check_id("4294967295", "UID", &error));
    assert_string_equal(error.message, "invalid UID: <4294967295>(4294967295)");
    error_clear(&error);
    assert_false(option_check_id("-5", "GID", &error));
    assert_string_equal(error.message, "invalid GID: <-5>(-5)");
    error_clear(&error);
    assert_false(option_check_id("12a", "GID", &error));
    assert_string_equal(error.message, "invalid integer value: <12a>(12>a<)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_numbers), cmocka_unit_test(bad_numbers), cmocka_unit_test(seconds),
        cmocka_unit_test(good_modes),   cmocka_unit_test(bad_modes),   cmocka_unit_test(ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
