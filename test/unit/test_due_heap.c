/*
 * The heap of what is due: the first is always the earliest, whatever comes, goes
 * and moves.
 */
#include "libcore/net/due_heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { OBJECTS = 50, STEPS = 20000 };

static const struct due *least(const struct due *objects)
{
    const struct due *found = NULL;

    for (int i = 0; i < OBJECTS; i++) {
        if (objects[i].place != 0 && (found == NULL || objects[i].when < found->when)) {
            found = &objects[i];
        }
    }
    return found;
}

static void the_first_is_the_earliest(void **state)
{
    struct due_heap heap = {0};
    struct due objects[OBJECTS] = {{0}};
    unsigned seed = 7;

    (void)state;
    assert_null(due_heap_first(&heap));
    for (int step = 0; step < STEPS; step++) {
        struct due *object = &objects[rand_r(&seed) % OBJECTS];
        const struct due *expected;

        if (rand_r(&seed) % 3 == 0) {
            due_heap_remove(&heap, object);
            assert_int_equal(object->place, 0);
        } else {
            due_heap_put(&heap, object, rand_r(&seed) % 100);
            assert_int_not_equal(object->place, 0);
        }
        expected = least(objects);
        if (expected == NULL) {
            assert_null(due_heap_first(&heap));
        } else {
            assert_true(due_heap_first(&heap)->when <= expected->when);
        }
    }
    due_heap_clear(&heap);
}

static void they_come_out_in_order(void **state)
{
    struct due_heap heap = {0};
    struct due objects[OBJECTS] = {{0}};
    double last = -1;
    unsigned seed = 3, count = 0;

    (void)state;
    for (int i = 0; i < OBJECTS; i++) {
        due_heap_put(&heap, &objects[i], rand_r(&seed) % 1000);
    }
    while (due_heap_first(&heap) != NULL) {
        struct due *first = &objects[due_heap_first(&heap) - objects];

        assert_true(first->when >= last);
        last = first->when;
        due_heap_remove(&heap, first);
        count++;
    }
    assert_int_equal(count, OBJECTS);
    due_heap_clear(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_the_earliest),
        cmocka_unit_test(they_come_out_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
