/*
 * Tests of error: the first one wins, long ones are cut, errno survives.
 */
#include "libcore/base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_set_formats_a_sentence(void **state)
{
    struct error error = {0};

    (void)state;
    error_set(&error, ERROR_USAGE, "port number should be less than %d: %s", 65536, "inet:70000");
    assert_int_equal(error.code, ERROR_USAGE);
    assert_string_equal(error.message, "port number should be less than 65536: inet:70000");
}

static void test_the_first_error_wins(void **state)
{
    struct error error = {0};

    (void)state;
    error_set(&error, ERROR_TIMEOUT, "cause");
    error_set(&error, ERROR_CLOSED, "consequence");
    errno = ENOENT;
    error_set_errno(&error, "another consequence");
    assert_int_equal(error.code, ERROR_TIMEOUT);
    assert_string_equal(error.message, "cause");

    error_clear(&error);
    assert_int_equal(error.code, ERROR_NONE);
    assert_string_equal(error.message, "");
    error_set(&error, ERROR_CLOSED, "later");
    assert_int_equal(error.code, ERROR_CLOSED);
    assert_string_equal(error.message, "later");
}

static void test_errno_is_told_and_kept(void **state)
{
    struct error error = {0};

    (void)state;
    errno = EACCES;
    error_set_errno(&error, "failed to open %s", "/etc/shadow");
    assert_int_equal(errno, EACCES);
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_string_equal(error.message, "failed to open /etc/shadow: Permission denied");
}

static void test_nobody_asked_for_the_error(void **state)
{
    (void)state;
    errno = EPERM;
    error_set(NULL, ERROR_USAGE, "%s", "nobody reads this");
    error_set_errno(NULL, "%s", "nor this");
    assert_int_equal(errno, EPERM);
}

static void test_long_sentences_are_cut(void **state)
{
    /* A guard behind the error shows a write past its end. */
    struct {
        struct error error;
        char guard[64];
    } cut = {0};
    char text[2 * sizeof(cut.error.message)];

    (void)state;
    memset(text, 't', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memset(cut.guard, 'g', sizeof(cut.guard));
    error_set(&cut.error, ERROR_PROTOCOL, "%s", text);
    assert_int_equal(strlen(cut.error.message), sizeof(cut.error.message) - 1);

    for (size_t length = sizeof(cut.error.message) - 8; length < sizeof(text); length++) {
        error_clear(&cut.error);
        text[length] = '\0';
        errno = ENOENT;
        error_set_errno(&cut.error, "%s", text);
        assert_int_equal(strlen(cut.error.message), sizeof(cut.error.message) - 1);
        text[length] = 't';
        for (size_t i = 0; i < sizeof(cut.guard); i++) {
            assert_int_equal(cut.guard[i], 'g');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_formats_a_sentence),
        cmocka_unit_test(test_the_first_error_wins),
        cmocka_unit_test(test_errno_is_told_and_kept),
        cmocka_unit_test(test_nobody_asked_for_the_error),
        cmocka_unit_test(test_long_sentences_are_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
