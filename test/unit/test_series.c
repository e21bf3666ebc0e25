/*
 * Tests of series: names that can be found again, colours, latency buckets and percentiles.
 */
#include "milter-manager-log-analyzer/series.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_every_item_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < SERIES_KINDS; kind++) {
        const struct series_info *info = series_info((enum series_kind)kind);
        unsigned item;

        assert_non_null(info->name);
        assert_non_null(info->title);
        assert_non_null(info->unit);
        for (unsigned i = 0; i < info->item_count; i++) {
            char name[64];

            if (info->items == NULL) {
                (void)snprintf(name, sizeof(name), "b%u", i);
            } else {
                (void)snprintf(name, sizeof(name), "%s", info->items[i].name);
                assert_int_equal(strlen(info->items[i].light), 7);
                assert_int_equal(strlen(info->items[i].dark), 7);
            }
            item = 999;
            assert_true(series_item_find((enum series_kind)kind, slice_from_string(name), &item));
            assert_int_equal(item, i);
        }
    }
}

static void test_names_that_are_none(void **state)
{
    static const char *const names[] = {"",     "passe", "pas", "spam",  "b",
                                        "b104", "b01",   "b-1", "b1000", "bx"};
    unsigned item;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_false(series_item_find(SERIES_STATUS, slice_from_string(names[i]), &item));
        assert_false(series_item_find(SERIES_LATENCY, slice_from_string(names[i]), &item));
    }
    assert_true(series_item_find(SERIES_STATUS, slice_from_string("Temporary-FAILURE"), &item));
    assert_false(series_item_find(SERIES_STATUS, slice_of("pass\0\0\0\0\0\0\0\0", 12), &item));
}

static void test_buckets_hold_what_their_limits_say(void **state)
{
    (void)state;
    assert_int_equal(latency_bucket(0), 0);
    assert_int_equal(latency_bucket(-1), 0);
    assert_int_equal(latency_bucket((double)NAN), 0);
    assert_int_equal(latency_bucket((double)INFINITY), LATENCY_BUCKETS - 1);
    assert_int_equal(latency_bucket(0.001 / 16), 0);
    assert_int_equal(latency_bucket(0.001), 16);
    assert_int_equal(latency_bucket(0.0010001), 17);
    assert_true(latency_bucket_limit(LATENCY_BUCKETS - 1) == 3600);
    for (unsigned i = 0; i < LATENCY_BUCKETS - 1; i++) {
        double limit = latency_bucket_limit(i);

        assert_int_equal(latency_bucket(limit * 0.9999), i);
        assert_int_equal(latency_bucket(limit * 1.0001), i + 1);
        assert_true(limit < latency_bucket_limit(i + 1));
    }
}

static void test_percentiles(void **state)
{
    uint64_t counts[LATENCY_BUCKETS] = {0};

    (void)state;
    assert_true(latency_percentile(counts, 50) == 0);
    counts[16] = 1; /* up to 1 ms */
    assert_true(latency_percentile(counts, 100) == latency_bucket_limit(16));
    assert_true(latency_percentile(counts, 0) == latency_bucket_limit(15));
    counts[20] = 99; /* up to 2 ms */
    double median = latency_percentile(counts, 50);
    assert_true(median > latency_bucket_limit(19) && median < latency_bucket_limit(20));
    assert_true(latency_percentile(counts, 99) > median);
    assert_true(latency_percentile(counts, 1) <= latency_bucket_limit(16));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_item_is_found_by_its_name),
        cmocka_unit_test(test_names_that_are_none),
        cmocka_unit_test(test_buckets_hold_what_their_limits_say),
        cmocka_unit_test(test_percentiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
