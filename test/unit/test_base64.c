/*
 * Tests of base64: the vectors of RFC 4648, every byte, and what is refused.
 */
#include "libcore/base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *plain;
    const char *coded;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct buffer coded = {0}, plain = {0};
        struct error error = {0};

        base64_append(&coded, slice_from_string(vectors[i].plain));
        assert_true(slice_equal_string(buffer_slice(&coded), vectors[i].coded));
        assert_true(base64_decode(buffer_slice(&coded), &plain, &error));
        assert_true(slice_equal_string(buffer_slice(&plain), vectors[i].plain));
        buffer_clear(&coded);
        buffer_clear(&plain);
    }
}

static void test_every_byte_at_every_length(void **state)
{
    char bytes[600];

    (void)state;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)(i * 7);
    }
    for (size_t length = 0; length < sizeof(bytes); length++) {
        struct buffer coded = {0}, plain = {0};
        struct error error = {0};

        base64_append(&coded, slice_of(bytes, length));
        assert_int_equal(buffer_length(&coded), (length + 2) / 3 * 4);
        assert_true(base64_decode(buffer_slice(&coded), &plain, &error));
        assert_true(slice_equal(buffer_slice(&plain), slice_of(bytes, length)));
        buffer_clear(&coded);
        buffer_clear(&plain);
    }
}

static void test_liberal(void **state)
{
    struct buffer plain = {0};
    struct error error = {0};

    (void)state;
    assert_true(base64_decode(slice_from_string(" Zm\r\n9v\tYg "), &plain, &error));
    assert_true(slice_equal_string(buffer_slice(&plain), "foob"));
    buffer_clear(&plain);
}

static void test_bad(void **state)
{
    static const char *const cases[] = {"Z", "Zm9vY", "Zm9v!", "Zg==Zg", "=", "Zm9v=", "Zg==="};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer plain = {0};
        struct error error = {0};

        buffer_append_string(&plain, "kept");
        assert_false(base64_decode(slice_from_string(cases[i]), &plain, &error));
        assert_true(slice_equal_string(buffer_slice(&plain), "kept"));
        assert_int_equal(error.code, ERROR_USAGE);
        buffer_clear(&plain);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_byte_at_every_length),
        cmocka_unit_test(test_liberal),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
