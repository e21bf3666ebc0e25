/*
 * Tests of histogram: percentiles of random and of nasty data against exact
 * ones, the ends of the range, merging.
 */
#include "libcore/base/histogram.h"

#include "libcore/base/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 20000 };

static const double percents[] = {0, 0.001, 1, 10, 25, 50, 75, 90, 99, 99.9, 99.99, 100};
static const double relative_error = 0.002;

static uint64_t random_state;

static uint64_t random_number(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* Sorts values. */
static void check(uint64_t *values, size_t count)
{
    struct histogram *histogram = NEW(struct histogram);
    double sum = 0;

    for (size_t i = 0; i < count; i++) {
        histogram_record(histogram, values[i]);
        sum += (double)values[i];
    }
    qsort(values, count, sizeof(*values), compare);
    assert_true(histogram->count == count);
    assert_true(histogram->minimum == values[0]);
    assert_true(histogram->maximum == values[count - 1]);
    assert_true(fabs(histogram_mean(histogram) - sum / (double)count) <=
                1e-9 * sum / (double)count);
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        /* Whole numbers: percents have three decimals. */
        uint64_t scaled = (uint64_t)(percents[i] * 1000 + 0.5);
        uint64_t rank = (scaled * count + 99999) / 100000;
        double exact = (double)values[rank > 0 ? rank - 1 : 0];
        double measured = (double)histogram_percentile(histogram, percents[i]);

        assert_true(fabs(measured - exact) <= relative_error * exact);
    }
    free(histogram);
}

static void test_random(void **state)
{
    uint64_t *values = memory_new(MANY, sizeof(*values));

    (void)state;
    random_state = 88172645463325252U;
    for (unsigned bits = 1; bits <= HISTOGRAM_VALUE_BITS; bits++) { /* uniform */
        for (size_t i = 0; i < MANY; i++) {
            values[i] = random_number() >> (64 - bits);
        }
        check(values, MANY);
    }
    for (size_t i = 0; i < MANY; i++) { /* every order of magnitude alike often */
        values[i] = random_number() >> (64 - HISTOGRAM_VALUE_BITS + random_number() % 44);
    }
    check(values, MANY);
    for (size_t count = 1; count < 300; count++) { /* few values, so every rank matters */
        for (size_t i = 0; i < count; i++) {
            values[i] = random_number() >> 30;
        }
        check(values, count);
    }
    free(values);
}

static void test_nasty(void **state)
{
    uint64_t *values = memory_new(MANY, sizeof(*values));

    (void)state;
    for (size_t i = 0; i < MANY; i++) { /* one value, and one outlier */
        values[i] = i == 77 ? HISTOGRAM_MAXIMUM : 150000;
    }
    check(values, MANY);
    for (size_t i = 0; i < MANY; i++) { /* two humps, six orders apart */
        values[i] = i % 100 == 0 ? 500000000 + i : 300 + i % 7;
    }
    check(values, MANY);
    for (unsigned bits = 0, i = 0; bits < HISTOGRAM_VALUE_BITS; bits++) { /* edges of buckets */
        values[i++] = ((uint64_t)1 << bits) - 1;
        values[i++] = (uint64_t)1 << bits;
        values[i++] = ((uint64_t)1 << bits) + 1;
    }
    check(values, (size_t)HISTOGRAM_VALUE_BITS * 3);
    for (size_t i = 0; i < 1024; i++) {
        values[i] = i;
    }
    check(values, 1024);
    for (size_t i = 0; i < MANY; i++) {
        values[i] = 0;
    }
    check(values, MANY);
    free(values);
}

/* Every value, whatever its rank, comes back as itself or nearly so. */
static void test_each_value(void **state)
{
    (void)state;
    random_state = 362436069362436069U;
    for (int i = 0; i < 500; i++) {
        struct histogram *histogram = NEW(struct histogram);
        uint64_t value = random_number() >> (64 - HISTOGRAM_VALUE_BITS + random_number() % 44);
        double measured;

        /* The neighbours keep minimum and maximum out of the way. */
        histogram_record(histogram, 0);
        histogram_record(histogram, value);
        histogram_record(histogram, HISTOGRAM_MAXIMUM);
        measured = (double)histogram_percentile(histogram, 50);
        assert_true(fabs(measured - (double)value) <= relative_error * (double)value);
        free(histogram);
    }
}

static void test_above_the_range(void **state)
{
    struct histogram *histogram = NEW(struct histogram);

    (void)state;
    histogram_record(histogram, 1);
    histogram_record(histogram, HISTOGRAM_MAXIMUM * 4);
    histogram_record(histogram, UINT64_MAX);
    assert_true(histogram->maximum == UINT64_MAX);
    assert_true(histogram_percentile(histogram, 100) == UINT64_MAX);
    assert_true(histogram_percentile(histogram, 50) >= HISTOGRAM_MAXIMUM / 500 * 499);
    assert_true(histogram_percentile(histogram, 1) == 1);
    free(histogram);
}

static void test_empty(void **state)
{
    struct histogram *histogram = NEW(struct histogram);

    (void)state;
    assert_true(histogram_percentile(histogram, 50) == 0);
    assert_true(histogram_percentile(histogram, 100) == 0);
    assert_true(histogram_mean(histogram) == 0);
    free(histogram);
}

static void test_merge(void **state)
{
    struct histogram *parts = memory_new(3, sizeof(*parts));
    struct histogram *whole = NEW(struct histogram);
    struct histogram *empty = NEW(struct histogram);

    (void)state;
    random_state = 1234567;
    for (int i = 0; i < MANY; i++) {
        uint64_t value = 1000 + (random_number() >> (20 + i % 20));

        histogram_record(parts + i % 2, value); /* the third stays empty */
        histogram_record(whole, value);
    }
    histogram_merge(parts + 2, parts);
    histogram_merge(parts + 2, parts + 1);
    histogram_merge(parts + 2, empty); /* changes nothing */
    assert_true(parts[2].count == whole->count);
    assert_true(parts[2].minimum == whole->minimum);
    assert_true(parts[2].maximum == whole->maximum);
    assert_true(fabs(histogram_mean(parts + 2) / histogram_mean(whole) - 1) < 1e-12);
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        assert_true(histogram_percentile(parts + 2, percents[i]) ==
                    histogram_percentile(whole, percents[i]));
    }
    free(parts);
    free(whole);
    free(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),     cmocka_unit_test(test_nasty),
        cmocka_unit_test(test_each_value), cmocka_unit_test(test_above_the_range),
        cmocka_unit_test(test_empty),      cmocka_unit_test(test_merge),
    };

    return cmocka_run_group_tests_name("histogram", tests, NULL, NULL);
}
