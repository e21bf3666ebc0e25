/*
 * Tests of the tally: slots of several processes, their sums, names of children,
 * and reply times.
 */
#include "milter-manager/control/tally.h"

#include "libcore/base/log.h"
#include "milter-manager/control/sums.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A process that counts in a slot and is gone. */
static void in_a_process(unsigned slot, void (*counts)(void))
{
    pid_t pid = fork();
    int status = 0;

    assert_true(pid >= 0);
    if (pid == 0) {
        tally_enter(slot);
        counts();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static const struct sums_child *child_named(const struct sums *sums, const char *name)
{
    for (size_t i = 0; i < sums->child_count; i++) {
        if (strcmp(sums->children[i].name, name) == 0) {
            return &sums->children[i];
        }
    }
    fail_msg("no child is called %s", name);
    return NULL;
}

static void counts_a_session(void)
{
    counter_increment(&tally()->sessions);
    counter_increment(&tally()->sessions_open);
    counter_add(&tally()->replies[COMMAND_MAIL][VERDICT_REJECT], 2);
    counter_increment(&tally_child("b", 0)->messages);
    counter_increment(&tally_child("a", 1)->messages);
    counter_increment(&tally_child("a", 1)->connections_open);
}

static void counts_the_other_way_round(void)
{
    counter_add(&tally_child("a", 0)->messages, 10);
    counter_add(&tally_child("b", 1)->messages, 20);
    tally_reply_time(tally_child("c", 0), COMMAND_HELO, 0.25);
}

/* The children stand at different places in the slots. */
static void test_sums_are_over_processes(void **state)
{
    struct sums sums;

    (void)state;
    tally_open(4);
    for (unsigned slot = 1; slot < 3; slot++) {
        in_a_process(slot, counts_a_session);
    }
    in_a_process(3, counts_the_other_way_round);
    sums_take(&sums);
    assert_int_equal(counter_read(&sums.totals.sessions), 2);
    assert_int_equal(counter_read(&sums.totals.sessions_open), 2);
    assert_int_equal(counter_read(&sums.totals.replies[COMMAND_MAIL][VERDICT_REJECT]), 4);
    assert_int_equal(sums_of(sums.totals.replies, sizeof(sums.totals.replies)), 4);
    assert_int_equal(sums.child_count, 3);
    assert_string_equal(sums.children[0].name, "a");
    assert_string_equal(sums.children[1].name, "b");
    assert_string_equal(sums.children[2].name, "c");
    assert_int_equal(counter_read(&sums.children[0].counted.messages), 12);
    assert_int_equal(counter_read(&sums.children[1].counted.messages), 22);
    assert_int_equal(sums_times_count(&sums.children[2].counted.replies[COMMAND_HELO]), 1);
    sums_clear(&sums);
}

static void test_who_takes_a_slot_over_goes_on_counting(void **state)
{
    struct sums sums;

    (void)state;
    tally_open(2);
    for (unsigned life = 1; life <= 3; life++) {
        in_a_process(1, counts_a_session);
        assert_true(counter_read(&tally_slot(1)->pid) > 0);
        sums_take(&sums);
        assert_int_equal(counter_read(&sums.totals.sessions), life);
        assert_int_equal(counter_read(&sums.totals.sessions_open), 1); /* it died with one open */
        assert_int_equal(sums.child_count, 2);
        assert_int_equal(counter_read(&child_named(&sums, "a")->counted.connections_open), 1);
        assert_int_equal(counter_read(&child_named(&sums, "b")->counted.messages), life);
        sums_clear(&sums);
    }
    tally_leave(1);
    sums_take(&sums);
    assert_int_equal(counter_read(&tally_slot(1)->pid), 0);
    assert_int_equal(counter_read(&sums.totals.sessions_open), 0);
    assert_int_equal(counter_read(&child_named(&sums, "a")->counted.connections_open), 0);
    assert_int_equal(counter_read(&sums.totals.sessions), 3);
    sums_clear(&sums);
}

static void test_names_that_cannot_be_told_are_counted_together(void **state)
{
    char name[TALLY_NAME + 10];
    struct sums sums;

    (void)state;
    log_set_levels(0);
    tally_open(1);
    memset(name, 'x', TALLY_NAME);
    name[TALLY_NAME] = '\0';
    counter_increment(&tally_child(name, 0)->messages);
    name[TALLY_NAME - 1] = '\0'; /* that still fits */
    counter_increment(&tally_child(name, 0)->messages);
    counter_increment(&tally_child("no \xff text", 0)->messages);
    for (unsigned i = 0; i < TALLY_CHILDREN + 2; i++) {
        (void)snprintf(name, sizeof(name), "child %u", i);
        counter_increment(&tally_child(name, i)->messages);
    }
    counter_increment(&tally_child("child 0", 99)->messages);
    sums_take(&sums);
    assert_int_equal(sums.child_count, TALLY_CHILDREN + 1);
    assert_int_equal(counter_read(&child_named(&sums, TALLY_OTHERS)->counted.messages), 2 + 3);
    assert_int_equal(counter_read(&child_named(&sums, "child 0")->counted.messages), 2);
    assert_int_equal(counter_read(&child_named(&sums, "child 126")->counted.messages), 1);
    sums_clear(&sums);
    counter_increment(&tally_child("one more", 0)->connections_open);
    tally_leave(0);
    sums_take(&sums);
    assert_int_equal(counter_read(&child_named(&sums, TALLY_OTHERS)->counted.connections_open), 0);
    assert_int_equal(counter_read(&child_named(&sums, TALLY_OTHERS)->counted.messages), 2 + 3);
    sums_clear(&sums);
}

static void test_a_number_never_goes_below_nothing(void **state)
{
    struct counter counter = {0};

    (void)state;
    counter_decrement(&counter);
    assert_int_equal(counter_read(&counter), 0);
    counter_add(&counter, UINT64_C(1) << 40);
    counter_decrement(&counter);
    assert_int_equal(counter_read(&counter), (UINT64_C(1) << 40) - 1);
}

static void assert_near(double actual, double expected)
{
    if (!(actual > expected - 1e-9 && actual < expected + 1e-9)) {
        fail_msg("%.12g is not %.12g", actual, expected);
    }
}

static void test_percentiles_of_reply_times(void **state)
{
    static const double times[] = {0, 0.0002, 0.0005, 0.0005, 0.003, 0.003, 0.004, 0.005};
    struct tally_child child = {0};
    struct tally_times *helo = &child.replies[COMMAND_HELO];

    (void)state;
    assert_near(sums_times_percentile(helo, 50), 0);
    assert_near(sums_times_mean(helo), 0);
    for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        tally_reply_time(&child, COMMAND_HELO, times[i]);
    }
    /* A bound belongs to the bucket below it. */
    assert_int_equal(counter_read(&helo->buckets[0]), 4);
    assert_int_equal(counter_read(&helo->buckets[3]), 4);
    assert_int_equal(sums_times_count(helo), 8);
    assert_near(sums_times_mean(helo), 0.0162 / 8);
    assert_near(sums_times_percentile(helo, 25), 0.00025);
    assert_near(sums_times_percentile(helo, 50), 0.0005);
    assert_near(sums_times_percentile(helo, 75), 0.00375);
    assert_near(sums_times_percentile(helo, 100), 0.005);
}

static void test_times_above_the_last_bound(void **state)
{
    struct tally_child child = {0};
    struct tally_times *end = &child.replies[COMMAND_END_OF_MESSAGE];

    (void)state;
    tally_reply_time(&child, COMMAND_END_OF_MESSAGE, 500);
    tally_reply_time(&child, COMMAND_END_OF_MESSAGE, 120);
    tally_reply_time(&child, COMMAND_END_OF_MESSAGE, -1); /* a clock that was set back */
    assert_int_equal(counter_read(&end->buckets[TALLY_BOUNDS]), 1);
    assert_int_equal(counter_read(&end->buckets[TALLY_BOUNDS - 1]), 1);
    assert_int_equal(counter_read(&end->buckets[0]), 1);
    assert_near(sums_times_percentile(end, 99), 120);
    assert_near(sums_times_mean(end), 620.0 / 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_are_over_processes),
        cmocka_unit_test(test_who_takes_a_slot_over_goes_on_counting),
        cmocka_unit_test(test_names_that_cannot_be_told_are_counted_together),
        cmocka_unit_test(test_a_number_never_goes_below_nothing),
        cmocka_unit_test(test_percentiles_of_reply_times),
        cmocka_unit_test(test_times_above_the_last_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
