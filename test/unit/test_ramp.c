/*
 * Tests of ramp: what is understood, which step is too much, where the knee is.
 */
#include "milter-performance-check/ramp.h"

#include "libcore/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double step_seconds = 5;

static void test_parse(void **state)
{
    struct ramp ramp = {.step_seconds = 7};
    struct error error = {0};

    (void)state;
    assert_true(ramp_parse("100:450:50", &ramp, &error));
    assert_true(ramp.from == 100 && ramp.to == 450 && ramp.step == 50 && ramp.step_seconds == 7);
    assert_int_equal(ramp_step_count(&ramp), 8);
    assert_true(ramp_rate(&ramp, 0) == 100 && ramp_rate(&ramp, 7) == 450);
    assert_true(ramp_parse("0.1:1:0.1", &ramp, &error)); /* tenths do not add up exactly */
    assert_int_equal(ramp_step_count(&ramp), 10);
    assert_true(ramp_parse("10:25:10", &ramp, &error)); /* never beyond TO */
    assert_int_equal(ramp_step_count(&ramp), 2);
    assert_true(ramp_parse("10:10:5", &ramp, &error));
    assert_int_equal(ramp_step_count(&ramp), 1);
    assert_true(ramp_parse("1:1000:1", &ramp, &error));
    assert_int_equal(ramp_step_count(&ramp), RAMP_STEPS);
}

static void test_parse_mistakes(void **state)
{
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"", "FROM:TO:STEP"},
        {"100", "FROM:TO:STEP"},
        {"100:200", "FROM:TO:STEP"},
        {"1:2:3:4", "FROM:TO:STEP"},
        {"0:10:1", "FROM:TO:STEP"},
        {"1:10:0", "FROM:TO:STEP"},
        {"-1:10:1", "FROM:TO:STEP"},
        {"1:inf:1", "FROM:TO:STEP"},
        {"nan:1:1", "FROM:TO:STEP"},
        {"1: 2:1", "FROM:TO:STEP"},
        {"1:2:1x", "FROM:TO:STEP"},
        {"1:1e999:1", "FROM:TO:STEP"},
        {"1::1", "FROM:TO:STEP"},
        {"20:10:1", "20 mails/s or more"},
        {"1:1001:1", "more than 1000 steps"},
        {"1:1e300:1e-300", "more than 1000 steps"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ramp ramp = {.from = 3};
        struct error error = {0};

        assert_false(ramp_parse(rows[i].text, &ramp, &error));
        assert_int_equal(error.code, ERROR_USAGE);
        assert_non_null(strstr(error.message, rows[i].part));
        assert_true(ramp.from == 3);
    }
}

/*
 * Mails at a rate for five seconds; each takes `latency' milliseconds, and those of the last
 * queue up until all is over after `took' seconds.
 */
static struct ramp_step *step_of(double rate, double latency, double took, uint64_t failed)
{
    struct ramp_step *step = NEW(struct ramp_step);
    unsigned mails = (unsigned)(rate * step_seconds);

    step->rate = rate;
    step->started = 1000;
    step->ended = 1000 + (uint64_t)(took * 1e9);
    step->sent = mails - failed;
    step->failed = failed;
    for (unsigned i = 0; i < mails; i++) {
        double queued = took > step_seconds ? (took - step_seconds) * 1000 * i / mails : 0;

        histogram_record(&step->mail, (uint64_t)((latency + queued) * 1e6));
    }
    return step;
}

static const char *judged(struct ramp_step *step, const struct ramp_step *first, double max_p99)
{
    ramp_judge(step, first != NULL ? first : step, step_seconds, max_p99);
    return step->overload != NULL ? step->overload : "";
}

static void test_judge(void **state)
{
    struct ramp_step *first = step_of(100, 4, 5, 0);
    struct ramp_step *step;

    (void)state;
    assert_string_equal(judged(first, NULL, 0), "");
    assert_true(ramp_achieved(first) == 100);

    step = step_of(200, 90, 5.01, 0); /* more than ten times as slow, but nobody minds 90 ms */
    assert_string_equal(judged(step, first, 0), "");
    assert_string_equal(judged(step, first, 0.05), "mails took too long");
    free(step);
    step = step_of(200, 150, 5.01, 0);
    assert_string_equal(judged(step, first, 0), "mails took too long");
    assert_string_equal(judged(step, first, 0.2), "");
    free(step);
    step = step_of(500, 4, 8, 0);
    assert_string_equal(judged(step, first, 0), "mails piled up");
    assert_string_equal(judged(step, NULL, 0), "mails piled up"); /* the first may be too much */
    assert_true(ramp_achieved(step) == 312.5);
    free(step);
    step = step_of(100, 4, 5, 5); /* one in a hundred may be refused */
    assert_string_equal(judged(step, first, 0), "");
    free(step);
    step = step_of(100, 4, 5, 6);
    assert_string_equal(judged(step, first, 0), "mails failed");
    free(step);
    free(first);
}

/* Two mails that somebody lets wait are no queue. */
static void test_slow_mails_are_no_queue(void **state)
{
    struct ramp_step *step = step_of(100, 4, 5, 0);

    (void)state;
    histogram_record(&step->mail, 20000000000);
    histogram_record(&step->mail, 20000000000);
    step->ended += 20000000000;
    assert_string_equal(judged(step, NULL, 0), "");
    free(step);
}

static void test_nothing_ended(void **state)
{
    struct ramp_step step = {.rate = 10, .started = 5, .ended = 5};

    (void)state;
    assert_true(ramp_achieved(&step) == 0);
    ramp_judge(&step, &step, step_seconds, 0);
    assert_string_equal(step.overload, "no mail ended");
}

static void test_knee(void **state)
{
    struct ramp_step *steps = memory_new(3, sizeof(*steps));

    (void)state;
    assert_null(ramp_knee(steps, 0));
    assert_ptr_equal(ramp_knee(steps, 3), steps + 2);
    ramp_interrupt(steps + 2); /* of which nothing is known */
    assert_int_equal(ramp_judged(steps, 3), 2);
    assert_int_equal(ramp_judged(steps, 2), 2);
    assert_int_equal(ramp_judged(steps, 0), 0);
    assert_ptr_equal(ramp_knee(steps, ramp_judged(steps, 3)), steps + 1);
    steps[1].overload = "mails failed"; /* what comes behind does not count */
    assert_ptr_equal(ramp_knee(steps, 3), steps);
    steps[0].overload = "mails failed";
    assert_null(ramp_knee(steps, 3));
    free(steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),         cmocka_unit_test(test_parse_mistakes),
        cmocka_unit_test(test_judge),         cmocka_unit_test(test_slow_mails_are_no_queue),
        cmocka_unit_test(test_nothing_ended), cmocka_unit_test(test_knee),
    };

    return cmocka_run_group_tests_name("ramp", tests, NULL, NULL);
}
