/*
 * test_size_distribution - sizes and weights as they are written, and what is
 * taken of them.
 */
#include "milter-performance-check/size_distribution.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MAILS = 10000 };

static void ranges_and_weights_are_read(void **state)
{
    struct size_distribution distribution;
    struct error error = {0};

    (void)state;
    assert_true(
        size_distribution_parse(&distribution, "2k:70,10K-100k:25,5m:5,0,7-8,9M:0", &error));
    assert_int_equal(distribution.count, 6);
    assert_int_equal(distribution.total_weight, 102);
    assert_int_equal(distribution.ranges[0].minimum, 2048);
    assert_int_equal(distribution.ranges[0].maximum, 2048);
    assert_int_equal(distribution.ranges[0].weight, 70);
    assert_int_equal(distribution.ranges[1].minimum, 10240);
    assert_int_equal(distribution.ranges[1].maximum, 102400);
    assert_int_equal(distribution.ranges[2].minimum, 5242880);
    assert_int_equal(distribution.ranges[3].maximum, 0);
    assert_int_equal(distribution.ranges[4].maximum, 8);
    assert_int_equal(distribution.ranges[4].weight, 1);
    /* What is never taken needs no memory. */
    assert_int_equal(size_distribution_largest(&distribution), 5242880);
    size_distribution_clear(&distribution);
    assert_true(size_distribution_parse(&distribution, "1024m-1073741824", &error));
    assert_int_equal(size_distribution_largest(&distribution), 1073741824);
    size_distribution_clear(&distribution);
}

static void mistakes_are_named(void **state)
{
    static const char *const mistakes[][2] = {
        {"", "size not understood: : a size is a number"},
        {"x", "size not understood: x: a size is a number"},
        {"1k,", "size not understood: : a size is a number"},
        {"1k,,2k", "size not understood: : a size is a number"},
        {"-1", "size not understood: -1: a size is a number"},
        {"1025m,2k", "size not understood: 1025m: a size is a number"},
        {"99999999999999999999999999", "up to 1024m"},
        {"2k,1-", "size not understood: 1-: behind the '-' belongs a size"},
        {"1-2000m", "size not understood: 1-2000m: behind the '-' belongs a size"},
        {"2k-1k", "size not understood: 2k-1k: the first size of a range is the smaller one"},
        {"1k:", "size not understood: 1k:: a weight is a number"},
        {"1k:-1", "size not understood: 1k:-1: a weight is a number"},
        {"1k:1000001", "size not understood: 1k:1000001: a weight is a number"},
        {"1kb", "size not understood: 1kb: it is SIZE"},
        {"1g", "size not understood: 1g: it is SIZE"},
        {"1 k", "size not understood: 1 k: it is SIZE"},
        {"1k:1:1", "size not understood: 1k:1:1: it is SIZE"},
        {"1k:0,2k-3k:0", "all weights are 0, so no size is ever taken: 1k:0,2k-3k:0"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        struct size_distribution distribution;
        struct error error = {0};

        if (size_distribution_parse(&distribution, mistakes[i][0], &error)) {
            fail_msg("accepted: %s", mistakes[i][0]);
        }
        assert_int_equal(error.code, ERROR_USAGE);
        if (strstr(error.message, mistakes[i][1]) == NULL) {
            fail_msg("%s: %s", mistakes[i][0], error.message);
        }
        size_distribution_clear(&distribution);
    }
}

static void sizes_come_as_often_as_their_weights_say(void **state)
{
    struct size_distribution distribution;
    struct error error = {0};
    unsigned counts[3] = {0};
    uint64_t sum = 0, smallest = UINT64_MAX, largest = 0;

    (void)state;
    assert_true(size_distribution_parse(&distribution, "1:70,100-199:25,5:5,6:0", &error));
    for (uint64_t i = 0; i < MAILS; i++) {
        uint64_t size = size_distribution_take(&distribution, 1, i);

        counts[size == 1 ? 0 : size == 5 ? 1 : 2]++;
        if (size != 1 && size != 5) {
            sum += size;
            smallest = size < smallest ? size : smallest;
            largest = size > largest ? size : largest;
        }
    }
    assert_in_range(counts[0], 6800, 7200);
    assert_in_range(counts[1], 400, 600);
    assert_in_range(counts[2], 2300, 2700);
    assert_int_equal(smallest, 100);
    assert_int_equal(largest, 199);
    assert_in_range(sum / counts[2], 146, 153);
    size_distribution_clear(&distribution);
}

static void a_seed_stands_for_the_same_sizes(void **state)
{
    struct size_distribution distribution;
    struct error error = {0};
    unsigned same = 0;

    (void)state;
    assert_true(size_distribution_parse(&distribution, "0-1m", &error));
    for (uint64_t i = MAILS; i-- > 0;) {
        uint64_t size = size_distribution_take(&distribution, 7, i);

        assert_int_equal(size, size_distribution_take(&distribution, 7, i));
        same += size == size_distribution_take(&distribution, 8, i) ? 1 : 0;
        same += size == size_distribution_take(&distribution, 7, i + 1) ? 1 : 0;
    }
    assert_in_range(same, 0, 3);
    size_distribution_clear(&distribution);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_and_weights_are_read),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(sizes_come_as_often_as_their_weights_say),
        cmocka_unit_test(a_seed_stands_for_the_same_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
