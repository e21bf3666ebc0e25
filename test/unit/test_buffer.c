/*
 * Tests of buffer: a queue of bytes that reuses its memory.
 */
#include "libcore/base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_content(const struct buffer *buffer, const char *bytes, size_t length)
{
    struct slice content = buffer_slice(buffer);

    assert_int_equal(content.length, length);
    assert_int_equal(buffer_length(buffer), length);
    assert_memory_equal(content.data, bytes, length);
}

static void test_zero_is_an_empty_buffer(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    assert_int_equal(buffer_length(&buffer), 0);
    assert_int_equal(buffer_slice(&buffer).length, 0);
    assert_non_null(buffer_slice(&buffer).data);
    buffer_consume(&buffer, 0);
    buffer_append(&buffer, NULL, 0);
    buffer_reset(&buffer);
    buffer_clear(&buffer);
    buffer_clear(&buffer);
    assert_int_equal(buffer_length(&buffer), 0);
}

static void test_first_in_first_out(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    buffer_append(&buffer, "one\0", 4);
    buffer_append_string(&buffer, "two");
    buffer_append_slice(&buffer, slice_of("three and more", 5));
    buffer_append_byte(&buffer, '\0');
    assert_content(&buffer, "one\0twothree\0", 13);
    buffer_consume(&buffer, 4);
    assert_content(&buffer, "twothree\0", 9);
    buffer_append_string(&buffer, "four");
    assert_content(&buffer, "twothree\0four", 13);
    buffer_consume(&buffer, 13);
    assert_content(&buffer, "", 0);
    buffer_append_string(&buffer, "again");
    assert_content(&buffer, "again", 5);
    buffer_clear(&buffer);
}

static void test_numbers_in_network_order(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    buffer_append_uint32(&buffer, 0x01020384U);
    buffer_append_uint16(&buffer, 0xfe05U);
    buffer_append_uint32(&buffer, UINT32_MAX);
    buffer_append_uint16(&buffer, 0);
    assert_content(&buffer, "\x01\x02\x03\x84\xfe\x05\xff\xff\xff\xff\0\0", 12);
    buffer_clear(&buffer);
}

static void test_format_adds_no_nul(void **state)
{
    struct buffer buffer = {0};
    char wide[1500];

    (void)state;
    buffer_append_format(&buffer, "%s=%d", "size", 42);
    buffer_append_format(&buffer, "%s", "");
    buffer_append_string(&buffer, ";");
    assert_content(&buffer, "size=42;", 8);
    buffer_reset(&buffer);

    /* Longer than the room there is. */
    memset(wide, 'w', sizeof(wide) - 1);
    wide[sizeof(wide) - 1] = '\0';
    buffer_append_format(&buffer, "<%s>", wide);
    assert_int_equal(buffer_length(&buffer), sizeof(wide) + 1);
    assert_memory_equal(buffer_slice(&buffer).data + 1, wide, sizeof(wide) - 1);
    assert_int_equal(buffer_slice(&buffer).data[sizeof(wide)], '>');
    buffer_clear(&buffer);
}

static void test_reserve_keeps_the_content(void **state)
{
    struct buffer buffer = {0};
    char *room;

    (void)state;
    assert_non_null(buffer_reserve(&buffer, 0));
    buffer_append_string(&buffer, "kept");
    for (size_t length = 1; length < 100000; length = length * 3 + 1) {
        room = buffer_reserve(&buffer, length);
        memset(room, 'r', length);
        assert_content(&buffer, "kept", 4);
    }
    room = buffer_reserve(&buffer, 6);
    memcpy(room, " and 1", 6);
    buffer_commit(&buffer, 4);
    assert_content(&buffer, "kept and", 8);
    buffer_clear(&buffer);
}

/* A connection in steady state must not allocate. */
static void test_steady_state_reuses_the_memory(void **state)
{
    struct buffer buffer = {0};
    char packet[100];
    size_t capacity;

    (void)state;
    memset(packet, 'p', sizeof(packet));
    buffer_append(&buffer, packet, sizeof(packet));
    capacity = buffer.capacity;
    for (int i = 0; i < 1000; i++) {
        /* Always something left, so that the start moves through the block. */
        buffer_append(&buffer, packet, sizeof(packet));
        buffer_consume(&buffer, sizeof(packet));
        assert_int_equal(buffer.capacity, capacity);
    }
    assert_content(&buffer, packet, sizeof(packet));
    buffer_reset(&buffer);
    assert_int_equal(buffer.capacity, capacity);
    buffer_clear(&buffer);
    assert_int_equal(buffer.capacity, 0);
    assert_null(buffer.data);
}

/* Against a plain array, with lengths around every limit. */
static void test_agrees_with_a_plain_queue(void **state)
{
    static char model[1 << 17];
    struct buffer buffer = {0};
    size_t model_start = 0, model_end = 0;
    unsigned random = 1;

    (void)state;
    for (int step = 0; step < 2000; step++) {
        size_t length;

        random = random * 1103515245U + 12345U;
        length = (random >> 16) % 600;
        if (model_end - model_start > 2000 || model_end + length > sizeof(model)) {
            length = length < model_end - model_start ? length : model_end - model_start;
            buffer_consume(&buffer, length);
            model_start += length;
        } else {
            for (size_t i = 0; i < length; i++) {
                model[model_end + i] = (char)(step + (int)i);
            }
            buffer_append(&buffer, model + model_end, length);
            model_end += length;
        }
        assert_content(&buffer, model + model_start, model_end - model_start);
    }
    assert_true(model_end > 10000);
    buffer_clear(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zero_is_an_empty_buffer),
        cmocka_unit_test(test_first_in_first_out),
        cmocka_unit_test(test_numbers_in_network_order),
        cmocka_unit_test(test_format_adds_no_nul),
        cmocka_unit_test(test_reserve_keeps_the_content),
        cmocka_unit_test(test_steady_state_reuses_the_memory),
        cmocka_unit_test(test_agrees_with_a_plain_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
