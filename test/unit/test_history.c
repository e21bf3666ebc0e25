/*
 * Unit tests: what happened in each of the last sixty minutes.
 */
#include "milter-manager/control/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const time_t start = 1795780800; /* 2026-11-27T12:00:00Z */

/* Sessions as given, messages ten times as many. */
static void add(struct history *history, time_t time, uint64_t sessions)
{
    struct history_counters counters = {{sessions, sessions * 10, 0, 0, 0}};

    history_add(history, time, &counters);
}

static void assert_minute(const struct history *history, size_t index, const char *time,
                          json_int_t sessions)
{
    json_t *minutes = history_json(history);
    const json_t *minute = json_array_get(minutes, index);

    assert_string_equal(json_string_value(json_object_get(minute, "time")), time);
    assert_int_equal(json_integer_value(json_object_get(minute, "sessions")), sessions);
    assert_int_equal(json_integer_value(json_object_get(minute, "messages")), sessions * 10);
    json_decref(minutes);
}

static void assert_size(const struct history *history, size_t size)
{
    json_t *minutes = history_json(history);

    assert_int_equal(json_array_size(minutes), size);
    json_decref(minutes);
}

static void the_first_call_says_where_counting_starts(void **state)
{
    struct history history = {.begun = false};

    (void)state;
    assert_size(&history, 0);
    add(&history, start, 1000);
    assert_size(&history, 0);
    add(&history, start + 60, 1007);
    assert_size(&history, 1);
    assert_minute(&history, 0, "2026-11-27T12:01:00Z", 7);
}

static void every_counter_has_its_name(void **state)
{
    static const char *const names[] = {"sessions", "messages", "rejected", "temporary_failures",
                                        "failures"};
    struct history history = {.begun = false};
    struct history_counters counters = {{0}};
    json_t *minutes;

    (void)state;
    history_add(&history, start, &counters);
    for (unsigned i = 0; i < HISTORY_COUNTERS; i++) {
        counters.values[i] = i + 1;
    }
    history_add(&history, start + 60, &counters);
    minutes = history_json(&history);
    assert_int_equal(json_object_size(json_array_get(minutes, 0)), HISTORY_COUNTERS + 1);
    for (unsigned i = 0; i < HISTORY_COUNTERS; i++) {
        assert_int_equal(json_integer_value(json_object_get(json_array_get(minutes, 0), names[i])),
                         i + 1);
    }
    json_decref(minutes);
}

static void sixty_minutes_are_kept(void **state)
{
    struct history history = {.begun = false};
    uint64_t total = 0;

    (void)state;
    for (unsigned minute = 0; minute <= 100; minute++) {
        total += minute;
        add(&history, start + minute * 60, total);
    }
    assert_size(&history, HISTORY_MINUTES);
    assert_minute(&history, 0, "2026-11-27T12:41:00Z", 41);
    assert_minute(&history, 59, "2026-11-27T13:40:00Z", 100);
}

static void a_counter_that_begins_anew_is_no_huge_number(void **state)
{
    struct history history = {.begun = false};

    (void)state;
    add(&history, start, 5000);
    add(&history, start + 60, 3);
    assert_minute(&history, 0, "2026-11-27T12:01:00Z", 3);
    add(&history, start + 120, 4);
    assert_minute(&history, 1, "2026-11-27T12:02:00Z", 1);
}

static void a_call_too_early_loses_nothing(void **state)
{
    struct history history = {.begun = false};

    (void)state;
    add(&history, start, 0);
    add(&history, start, 2);
    add(&history, start + 29, 5);
    assert_size(&history, 0);
    add(&history, start + 61, 9);
    assert_size(&history, 1);
    assert_minute(&history, 0, "2026-11-27T12:01:01Z", 9);
}

static void missed_minutes_share_what_happened(void **state)
{
    struct history history = {.begun = false};

    (void)state;
    add(&history, start, 0);
    add(&history, start + 181, 9);
    assert_size(&history, 3);
    assert_minute(&history, 0, "2026-11-27T12:01:01Z", 3);
    assert_minute(&history, 2, "2026-11-27T12:03:01Z", 3);
    /* Asleep for a day: the ring is filled once. */
    add(&history, start + 86400, 9 + 600);
    assert_size(&history, HISTORY_MINUTES);
    assert_minute(&history, 0, "2026-11-28T11:01:00Z", 10);
    assert_minute(&history, 59, "2026-11-28T12:00:00Z", 10);
}

static void a_clock_set_back_is_one_minute(void **state)
{
    struct history history = {.begun = false};

    (void)state;
    add(&history, start, 0);
    add(&history, start - 3600, 4);
    assert_size(&history, 1);
    assert_minute(&history, 0, "2026-11-27T11:00:00Z", 4);
    add(&history, start - 3540, 5);
    assert_minute(&history, 1, "2026-11-27T11:01:00Z", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_call_says_where_counting_starts),
        cmocka_unit_test(every_counter_has_its_name),
        cmocka_unit_test(sixty_minutes_are_kept),
        cmocka_unit_test(a_counter_that_begins_anew_is_no_huge_number),
        cmocka_unit_test(a_call_too_early_loses_nothing),
        cmocka_unit_test(missed_minutes_share_what_happened),
        cmocka_unit_test(a_clock_set_back_is_one_minute),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
