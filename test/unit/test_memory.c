/*
 * Tests of memory: zeroed, copied, and the one sentence when there is none left.
 */
#include "libcore/base/memory.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
    int left;
    char *right;
};

static void test_new_is_zeroed(void **state)
{
    struct pair *one = NEW(struct pair);
    struct pair *many = memory_new(1000, sizeof(*many));

    (void)state;
    assert_int_equal(one->left, 0);
    assert_null(one->right);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(many[i].left, 0);
        assert_null(many[i].right);
    }
    free(one);
    free(many);
}

static void test_nothing_is_something(void **state)
{
    void *a = memory_new(0, 10), *b = memory_new(10, 0), *c = memory_resize(NULL, 0, 10);

    (void)state;
    assert_non_null(a);
    assert_non_null(b);
    assert_non_null(c);
    free(a);
    free(b);
    free(c);
}

static void test_resize_keeps_what_was_there(void **state)
{
    int *numbers = memory_resize(NULL, 10, sizeof(*numbers));

    (void)state;
    for (int i = 0; i < 10; i++) {
        numbers[i] = i;
    }
    numbers = memory_resize(numbers, 100000, sizeof(*numbers));
    for (int i = 0; i < 10; i++) {
        assert_int_equal(numbers[i], i);
    }
    numbers = memory_resize(numbers, 3, sizeof(*numbers));
    assert_int_equal(numbers[2], 2);
    free(numbers);
}

static void test_copies(void **state)
{
    char source[] = "source";
    char *string = memory_copy_string(source);
    char *bytes = memory_copy_bytes("a\0b and more", 3);
    char *nothing = memory_copy_bytes(NULL, 0);
    char *format = memory_format("%s-%03d", "milter", 7);

    (void)state;
    source[0] = 'x';
    assert_string_equal(string, "source");
    assert_memory_equal(bytes, "a\0b\0", 4);
    assert_string_equal(nothing, "");
    assert_string_equal(format, "milter-007");
    free(string);
    free(bytes);
    free(nothing);
    free(format);
}

static void allocate_more_than_counts(void)
{
    (void)memory_resize(NULL, SIZE_MAX / 2, 3);
}

static void allocate_overflowing_product(void)
{
    (void)memory_new(SIZE_MAX / 4, 8);
}

/* Runs it in a child, which has to say why it ends. */
static void assert_ends_with_a_sentence(void (*allocate)(void))
{
    int output[2], status;
    char text[16384] = ""; /* a sanitizer has its own say first */
    ssize_t length;
    size_t used = 0;
    pid_t child;

    assert_int_equal(pipe(output), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0, 0};

        (void)setrlimit(RLIMIT_CORE, &no_core);
        /* cmocka's and a sanitizer's handlers would report the abort as theirs. */
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(output[1], STDERR_FILENO);
        (void)close(output[0]);
        (void)close(output[1]);
        allocate();
        _exit(0);
    }
    (void)close(output[1]);
    while (used < sizeof(text) - 1 &&
           (length = read(output[0], text + used, sizeof(text) - 1 - used)) > 0) {
        used += (size_t)length;
    }
    (void)close(output[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_non_null(strstr(text, "out of memory"));
}

static void test_out_of_memory_ends_the_process(void **state)
{
    (void)state;
    assert_ends_with_a_sentence(allocate_more_than_counts);
    assert_ends_with_a_sentence(allocate_overflowing_product);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_is_zeroed),
        cmocka_unit_test(test_nothing_is_something),
        cmocka_unit_test(test_resize_keeps_what_was_there),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_out_of_memory_ends_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
