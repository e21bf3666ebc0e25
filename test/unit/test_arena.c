/*
 * Tests of arena: alignment, zeroed memory, copies, and giving back as a whole.
 */
#include "libcore/base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_empty_arena_owns_nothing(void **state)
{
    struct arena arena = {0};

    (void)state;
    arena_clear(&arena);
    assert_null(arena.blocks);
}

static void test_memory_is_zeroed_and_aligned(void **state)
{
    struct arena arena = {0};

    (void)state;
    for (size_t size = 1; size < 10000; size = size * 2 + 1) {
        unsigned char *memory = arena_new(&arena, size);

        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(memory[i], 0);
        }
        memset(memory, 0xff, size);
    }
    arena_clear(&arena);
}

/* Nothing moves and nothing overlaps, whatever comes later. */
static void test_objects_stay_where_they_are(void **state)
{
    enum { COUNT = 500 };
    struct arena arena = {0};
    unsigned char *objects[COUNT];
    size_t sizes[COUNT];

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        /* Every tenth is larger than a block. */
        sizes[i] = i % 10 == 9 ? 3000 + i : i % 97;
        objects[i] = arena_new(&arena, sizes[i]);
        memset(objects[i], (int)(i % 251), sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t j = 0; j < sizes[i]; j++) {
            assert_int_equal(objects[i][j], i % 251);
        }
    }
    arena_clear(&arena);
}

static void test_copy_ends_in_nul_and_is_independent(void **state)
{
    struct arena arena = {0};
    char text[] = "text\0tail";
    struct slice copy = arena_copy(&arena, slice_of(text, 9));
    struct slice empty = arena_copy(&arena, slice_of(NULL, 0));

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_int_equal(copy.length, 9);
    assert_memory_equal(copy.data, "text\0tail\0", 10);
    assert_int_equal(empty.length, 0);
    assert_string_equal(empty.data, "");
    arena_clear(&arena);
}

static void test_usable_after_clear(void **state)
{
    struct arena arena = {0};

    (void)state;
    for (int round = 0; round < 3; round++) {
        struct slice copy = arena_copy(&arena, slice_from_string("next message"));

        assert_string_equal(copy.data, "next message");
        (void)arena_new(&arena, 5000);
        arena_clear(&arena);
        assert_null(arena.blocks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty_arena_owns_nothing),
        cmocka_unit_test(test_memory_is_zeroed_and_aligned),
        cmocka_unit_test(test_objects_stay_where_they_are),
        cmocka_unit_test(test_copy_ends_in_nul_and_is_independent),
        cmocka_unit_test(test_usable_after_clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
