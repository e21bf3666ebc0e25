/*
 * Tests of failure: every sentence has the peer, the stage, the cause and the
 * bytes; what silence may mean is said only of peers that never said a word.
 */
#include "milter-test-server/failure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_not_connected(void **state)
{
    struct error refused = {ERROR_SYSTEM, "connection to unix:/s refused: Connection refused"};
    struct error late = {ERROR_TIMEOUT, "connection to unix:/s timed out after 3 seconds"};
    struct error error = {0};

    (void)state;
    failure_to_connect(&error, "/s", 3, &refused);
    assert_string_equal(error.message, "Failed to connect to /s: Connection refused");
    assert_int_equal(error.code, ERROR_SYSTEM);
    error_clear(&error);
    failure_to_connect(&error, "/s", 1.5, &late);
    assert_string_equal(error.message,
                        "connection timeout: /s did not take the connection within 1.5 seconds");
    assert_int_equal(error.code, ERROR_TIMEOUT);
}

static void test_silence(void **state)
{
    struct failure failure = {ERROR_TIMEOUT, "unix:/s", "header", 30, 500, 10};
    struct error error = {0};

    (void)state;
    failure_of_silence(&error, &failure, "reading");
    assert_string_equal(error.message, "reading timeout: no answer from unix:/s for 10 seconds "
                                       "(header: 30 bytes read, 500 bytes written)");
    error_clear(&error);
    failure.bytes_read = 0;
    failure_of_silence(&error, &failure, "reading");
    assert_non_null(strstr(error.message, "0 bytes read, 500 bytes written); "));
    assert_non_null(strstr(error.message, "wait for a line"));
}

static void test_hanging_up(void **state)
{
    static const struct {
        enum error_code code;
        size_t read;
        bool explained;
    } rows[] = {
        {ERROR_CLOSED, 0, true},   {ERROR_SYSTEM, 0, true},   {ERROR_CLOSED, 1, false},
        {ERROR_SYSTEM, 17, false}, {ERROR_TIMEOUT, 0, false}, {ERROR_PROTOCOL, 0, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct failure failure = {rows[i].code, "p", "negotiate", rows[i].read, 17, 0};
        struct error error = {0};

        failure_describe(&error, &failure, "connection closed by p");
        assert_int_equal(error.code, rows[i].code);
        assert_true(strncmp(error.message, "connection closed by p (negotiate: ", 35) == 0);
        assert_int_equal(strstr(error.message, "--negotiate-version") != NULL, rows[i].explained);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_not_connected),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_hanging_up),
    };

    return cmocka_run_group_tests_name("failure", tests, NULL, NULL);
}
