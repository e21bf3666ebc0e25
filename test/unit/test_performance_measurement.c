/*
 * Tests of measurement and timeline of milter-performance-check: what is counted, when, and
 * what becomes of it when workers are put together.
 */
#include "milter-performance-check/measurement.h"

#include "libcore/base/memory.h"
#include "milter-performance-check/mails.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t second = 1000000000;
enum { BEGUN = 5000 };

static struct measurement *new_measurement(uint64_t interval)
{
    struct measurement *measurement = NEW(struct measurement);

    measurement_begin(measurement, BEGUN, interval);
    return measurement;
}

static struct mail_result result_at(uint64_t ended, uint64_t elapsed, enum outcome outcome)
{
    return (struct mail_result){.due = BEGUN + ended - elapsed,
                                .started = BEGUN + ended - elapsed,
                                .ended = BEGUN + ended,
                                .outcome = outcome,
                                .file = MAILS_NO_FILE};
}

static void add(struct measurement *measurement, uint64_t ended, uint64_t elapsed,
                enum outcome outcome)
{
    struct mail_result result = result_at(ended, elapsed, outcome);

    (void)measurement_mail(measurement, &result);
}

static void test_names(void **state)
{
    (void)state;
    for (enum measured what = 0; what < MEASURED; what++) {
        assert_non_null(measured_name(what));
        for (enum measured other = 0; other < what; other++) {
            assert_string_not_equal(measured_name(what), measured_name(other));
        }
    }
    assert_string_equal(measured_name((enum measured)SMTP_PHASE_XCLIENT), "xclient");
    assert_string_equal(measured_name(MEASURED_MAIL), "whole-mail");
}

static void test_replies(void **state)
{
    struct measurement *measurement = new_measurement(0);

    (void)state;
    measurement_reply(measurement, SMTP_PHASE_RCPT, 250, 100, BEGUN - 1); /* warm-up */
    assert_int_equal(measurement->histograms[SMTP_PHASE_RCPT].count, 0);
    assert_int_equal(measurement->replies[SMTP_PHASE_RCPT][2], 0);
    assert_true(measurement_seconds(measurement) == 0);
    measurement_reply(measurement, SMTP_PHASE_RCPT, 250, 100, BEGUN);
    measurement_reply(measurement, SMTP_PHASE_RCPT, 550, 300, BEGUN + 2 * second);
    measurement_reply(measurement, SMTP_PHASE_RCPT, 999, 300, BEGUN + second);
    assert_int_equal(measurement->replies[SMTP_PHASE_RCPT][2], 1);
    assert_int_equal(measurement->replies[SMTP_PHASE_RCPT][5], 1);
    assert_int_equal(measurement->histograms[SMTP_PHASE_RCPT].count, 3);
    assert_int_equal(measurement->histograms[SMTP_PHASE_RCPT].maximum, 300);
    assert_true(measurement_seconds(measurement) == 2);
    /* TLS takes as long as the handshake, not as the answer to STARTTLS. */
    measurement_reply(measurement, SMTP_PHASE_TLS, 220, 7, BEGUN + second);
    measurement_phase(measurement, (enum measured)SMTP_PHASE_TLS, 70, BEGUN + second);
    measurement_phase(measurement, (enum measured)SMTP_PHASE_TLS, 70, BEGUN - 1);
    assert_int_equal(measurement->replies[SMTP_PHASE_TLS][2], 1);
    assert_int_equal(measurement->histograms[SMTP_PHASE_TLS].count, 1);
    assert_int_equal(measurement->histograms[SMTP_PHASE_TLS].minimum, 70);
    free(measurement);
}

static void test_mails(void **state)
{
    struct measurement *measurement = new_measurement(0);
    struct mail_result result = result_at(second, 400, OUTCOME_SENT);

    (void)state;
    result.accepted = 2;
    result.refused = 1;
    result.size = 1000;
    result.scheduled = true;
    result.started += 100;
    measurement_mail(measurement, &result);
    result = result_at(second, 500, OUTCOME_REJECT);
    result.size = 1000;
    result.text = "550 no";
    measurement_mail(measurement, &result);
    measurement_mail(measurement, &result);
    result = result_at(second, 60 * second, OUTCOME_ERROR);
    result.due = BEGUN;
    result.text = "no answer";
    measurement_mail(measurement, &result);
    assert_int_equal(measurement_mails_ended(measurement), 4);
    assert_int_equal(measurement->mails[OUTCOME_REJECT], 2);
    assert_int_equal(measurement->recipients_accepted, 2);
    assert_int_equal(measurement->recipients_refused, 1);
    assert_int_equal(measurement->content_bytes, 1000);
    assert_int_equal(measurement->histograms[MEASURED_MAIL].count, 3); /* not the error */
    assert_int_equal(measurement->histograms[MEASURED_MAIL].minimum, 400);
    assert_int_equal(measurement->histograms[MEASURED_DELAY].count, 1);
    assert_int_equal(measurement->histograms[MEASURED_DELAY].maximum, 100);
    assert_int_equal(measurement->texts[OUTCOME_REJECT].items[0].count, 2);
    assert_string_equal(measurement->texts[OUTCOME_ERROR].items[0].text, "no answer");
    free(measurement);
}

/* Due before measuring begins: counted as that, and as nothing else. */
static void test_warm_up(void **state)
{
    struct measurement *measurement = new_measurement(second);
    struct measurement *expected = new_measurement(second);
    struct mail_result result = result_at(second, 400, OUTCOME_REJECT);

    (void)state;
    result.due = BEGUN - 1;
    result.text = "550 no";
    measurement_mail(measurement, &result);
    expected->warm_up_mails = 1;
    assert_memory_equal(measurement, expected, sizeof(*expected));
    free(measurement);
    free(expected);
}

static void test_intervals(void **state)
{
    struct measurement *measurement = new_measurement(second / 2);
    const struct measured_interval *slot = measurement->intervals + 1;

    (void)state;
    add(measurement, second / 2 - 1, 10, OUTCOME_SENT);
    add(measurement, second / 2, 20, OUTCOME_SENT);
    add(measurement, second - 1, 40, OUTCOME_TEMPORARY_FAILURE);
    assert_int_equal(measured_slot_mails(&measurement->intervals[0].slot), 1);
    assert_int_equal(slot->number, 1);
    assert_int_equal(slot->slot.mails[OUTCOME_TEMPORARY_FAILURE], 1);
    assert_int_equal(slot->slot.minimum, 20);
    assert_int_equal(slot->slot.maximum, 40);
    /* The same slot, when the ring has gone round. */
    add(measurement, (1 + INTERVAL_SLOTS) * (second / 2), 80, OUTCOME_ERROR);
    assert_int_equal(slot->number, 1 + INTERVAL_SLOTS);
    assert_int_equal(measured_slot_mails(&slot->slot), 1);
    assert_int_equal(slot->slot.maximum, 0);
    free(measurement);
}

/* ---- slots and time */

static void test_slot_figures(void **state)
{
    struct measured_slot slot = {0};

    (void)state;
    assert_true(measured_slot_mean(&slot) == 0);
    assert_true(measured_slot_percentile(&slot, 50) == 0);
    measured_slot_add(&slot, OUTCOME_ERROR, second);
    assert_true(measured_slot_mean(&slot) == 0);
    assert_true(measured_slot_percentile(&slot, 99) == 0);
    memset(&slot, 0, sizeof(slot));
    measured_slot_add(&slot, OUTCOME_SENT, 0); /* took less than the clock can tell */
    assert_int_equal(slot.minimum, 1);
    memset(&slot, 0, sizeof(slot));
    for (uint64_t i = 1; i <= 1000; i++) {
        measured_slot_add(&slot, OUTCOME_SENT, i * 1000000);
    }
    assert_true(measured_slot_mean(&slot) == 0.5005);
    for (int percent = 1; percent <= 100; percent++) {
        double value = measured_slot_percentile(&slot, percent);

        assert_true(value > percent * 0.01 * 0.9 && value < percent * 0.01 * 1.1);
    }
    assert_true(measured_slot_percentile(&slot, 100) == 1.0);
    /* Beyond both ends. */
    memset(&slot, 0, sizeof(slot));
    measured_slot_add(&slot, OUTCOME_SENT, 10);
    assert_true(measured_slot_percentile(&slot, 50) == 10e-9);
    measured_slot_add(&slot, OUTCOME_SENT, 10000 * second);
    assert_true(measured_slot_percentile(&slot, 100) <= 10000);
}

static uint64_t mails_of(const struct timeline *timeline)
{
    uint64_t mails = 0;

    for (size_t i = 0; i < TIMELINE_SLOTS; i++) {
        mails += measured_slot_mails(timeline->slots + i);
    }
    return mails;
}

static void test_timeline_joins(void **state)
{
    struct timeline *timeline = NEW(struct timeline);
    const uint64_t full = (uint64_t)TIMELINE_SLOTS * TIMELINE_SHORTEST;

    (void)state;
    timeline_begin(timeline);
    assert_int_equal(timeline_length(timeline), 0);
    timeline_add(timeline, 0, OUTCOME_SENT, 5);
    timeline_add(timeline, TIMELINE_SHORTEST, OUTCOME_SENT, 7);
    timeline_add(timeline, full - 1, OUTCOME_REJECT, 9);
    assert_int_equal(timeline->slot_length, TIMELINE_SHORTEST);
    assert_int_equal(timeline_length(timeline), TIMELINE_SLOTS);
    timeline_add(timeline, full, OUTCOME_SENT, 11);
    assert_int_equal(timeline->slot_length, 2 * TIMELINE_SHORTEST);
    assert_int_equal(timeline->slots[0].mails[OUTCOME_SENT], 2);
    assert_int_equal(timeline->slots[0].minimum, 5);
    assert_int_equal(timeline->slots[0].maximum, 7);
    assert_int_equal(timeline->slots[TIMELINE_SLOTS / 2 - 1].mails[OUTCOME_REJECT], 1);
    assert_int_equal(timeline->slots[TIMELINE_SLOTS / 2].mails[OUTCOME_SENT], 1);
    assert_int_equal(timeline_length(timeline), TIMELINE_SLOTS / 2 + 1);
    timeline_add(timeline, 1000 * full, OUTCOME_SENT, 11); /* a long time later */
    assert_int_equal(timeline->slot_length, 1024 * (uint64_t)TIMELINE_SHORTEST);
    assert_int_equal(mails_of(timeline), 5);
    free(timeline);
}

/* Whichever of the two has gone on for longer. */
static void test_timeline_merges(void **state)
{
    const uint64_t full = (uint64_t)TIMELINE_SLOTS * TIMELINE_SHORTEST;

    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        struct timeline *longer = NEW(struct timeline);
        struct timeline *shorter = NEW(struct timeline);
        struct timeline *into = turn == 0 ? longer : shorter;

        timeline_begin(longer);
        timeline_begin(shorter);
        timeline_add(longer, 3 * full, OUTCOME_SENT, 5);
        timeline_add(shorter, full - 1, OUTCOME_REJECT, 5);
        timeline_merge(into, turn == 0 ? shorter : longer);
        assert_int_equal(into->slot_length, 4 * (uint64_t)TIMELINE_SHORTEST);
        assert_int_equal(into->slots[TIMELINE_SLOTS / 4 - 1].mails[OUTCOME_REJECT], 1);
        assert_int_equal(into->slots[TIMELINE_SLOTS * 3 / 4].mails[OUTCOME_SENT], 1);
        free(longer);
        free(shorter);
    }
}

/* A worker that has not begun, or writes just now, misleads nobody. */
static void test_timeline_not_begun(void **state)
{
    struct timeline *timeline = NEW(struct timeline);
    struct timeline *empty = NEW(struct timeline);

    (void)state;
    timeline_merge(timeline, empty);
    assert_int_equal(timeline->slot_length, 0);
    timeline_begin(timeline);
    timeline_add(timeline, 0, OUTCOME_SENT, 5);
    timeline_merge(empty, timeline); /* into one that is {0} */
    assert_int_equal(empty->slot_length, TIMELINE_SHORTEST);
    assert_int_equal(mails_of(empty), 1);
    free(timeline);
    free(empty);
}

static void test_merge(void **state)
{
    struct measurement *all = NEW(struct measurement);
    struct measurement *one = new_measurement(second);
    struct measurement *two = new_measurement(second);
    struct mail_result result = result_at(3 * second, 500, OUTCOME_REJECT);

    (void)state;
    result.text = "550 no";
    result.refused = 1;
    (void)measurement_mail(one, &result);
    (void)measurement_mail(two, &result);
    add(two, 4 * second, 20, OUTCOME_SENT);
    one->started = 1;
    two->started = 2;
    one->connections = two->connections = 3;
    two->connections_failed = 1;
    one->bytes_in = 10;
    two->bytes_out = 20;
    two->warm_up_mails = 4;
    measurement_reply(one, SMTP_PHASE_RCPT, 550, 100, BEGUN + second);
    measurement_reply(two, SMTP_PHASE_RCPT, 550, 100, BEGUN + second);
    measurement_merge(all, one);
    measurement_merge(all, two);
    assert_int_equal(all->begun, BEGUN);
    assert_true(measurement_seconds(all) == 4);
    assert_int_equal(measurement_mails_ended(all), 3);
    assert_int_equal(all->started, 3);
    assert_int_equal(all->connections, 6);
    assert_int_equal(all->connections_failed, 1);
    assert_int_equal(all->bytes_in, 10);
    assert_int_equal(all->bytes_out, 20);
    assert_int_equal(all->warm_up_mails, 4);
    assert_int_equal(all->recipients_refused, 2);
    assert_int_equal(all->replies[SMTP_PHASE_RCPT][5], 2);
    assert_int_equal(all->histograms[MEASURED_MAIL].count, 3);
    assert_int_equal(all->texts[OUTCOME_REJECT].count, 1);
    assert_int_equal(all->texts[OUTCOME_REJECT].items[0].count, 2);
    assert_int_equal(mails_of(&all->timeline), 3);
    assert_int_equal(all->interval, second);
    assert_int_equal(measured_slot_mails(&all->intervals[3].slot), 2);
    assert_int_equal(measured_slot_mails(&all->intervals[4].slot), 1);
    free(all);
    free(one);
    free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_mails),
        cmocka_unit_test(test_warm_up),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_slot_figures),
        cmocka_unit_test(test_timeline_joins),
        cmocka_unit_test(test_timeline_merges),
        cmocka_unit_test(test_timeline_not_begun),
        cmocka_unit_test(test_merge),
    };

    return cmocka_run_group_tests_name("performance_measurement", tests, NULL, NULL);
}
