/*
 * Tests of watch: the periodic table, and the line on a terminal beside it.
 */
#include "milter-performance-check/watch.h"

#include "file_text.h"
#include "libcore/base/clock.h"
#include "libcore/base/memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

static const uint64_t second = 1000000000;

/* Standard output and error, for the time of a test. */
static int saved[2];

static void redirect(int output, int errors)
{
    (void)fflush(stdout);
    saved[0] = dup(STDOUT_FILENO);
    saved[1] = dup(STDERR_FILENO);
    (void)dup2(output, STDOUT_FILENO);
    (void)dup2(errors, STDERR_FILENO);
}

static void restore(void)
{
    (void)fflush(stdout);
    (void)dup2(saved[0], STDOUT_FILENO);
    (void)dup2(saved[1], STDERR_FILENO);
    (void)close(saved[0]);
    (void)close(saved[1]);
}

static void mail(struct measurement *measurement, uint64_t after, uint64_t milliseconds,
                 enum outcome outcome)
{
    uint64_t begun = measurement->begun;
    const struct mail_result result = {
        .due = begun + after - milliseconds * 1000000,
        .started = begun + after - milliseconds * 1000000,
        .ended = begun + after,
        .outcome = outcome,
        .file = MAILS_NO_FILE,
    };

    assert_true(after >= milliseconds * 1000000);
    (void)measurement_mail(measurement, &result);
}

struct run {
    struct loop *loop;
    struct watch *watch;
    struct loop_timer *timer;
    struct buffer seen; /* of a terminal */
    int terminal;       /* its other side */
    const char *until;
};

static void stop(void *owner)
{
    struct run *run = owner;

    loop_stop(run->loop);
}

/* ---- the table */

static void test_table(void **state)
{
    struct plan plan = {.report_interval = 1};
    struct measurement *measurements = memory_new(2, sizeof(*measurements));
    struct run run = {.loop = loop_new()};
    char path[] = "/tmp/test_watch.XXXXXX";
    int file = mkstemp(path);
    /* Three intervals and a half have passed already. */
    uint64_t begun = clock_nanoseconds() - 7 * second / 2;
    const char *text;

    (void)state;
    assert_true(file >= 0);
    measurement_begin(measurements, begun, second);
    measurement_begin(measurements + 1, begun, second);
    mail(measurements, second / 2, 100, OUTCOME_SENT);
    mail(measurements + 1, second / 2, 300, OUTCOME_SENT);
    mail(measurements + 1, second / 2, 200, OUTCOME_TEMPORARY_FAILURE);
    mail(measurements, 5 * second / 2, 250, OUTCOME_REJECT);
    mail(measurements + 1, 5 * second / 2, 300, OUTCOME_ERROR);
    mail(measurements + 1, 3 * second + 1, 2345, OUTCOME_SENT);
    measurements[1].histograms[MEASURED_MAIL].count++; /* half written: nobody minds */
    redirect(file, file);
    run.watch = watch_new(run.loop, &plan, measurements, 2);
    run.timer = loop_timer_new(run.loop, stop, &run);
    loop_timer_start(run.timer, 0.01);
    loop_run(run.loop);
    loop_timer_free(run.timer);
    restore();
    text = file_text(path);
    assert_true(
        strncmp(text, "    Time  Sent mails/s Max(s) Min(s) Avg(s)   4XX   5XX Error\n", 62) == 0);
    assert_matches(
        text + 62,
        "^[0-9]{2}:[0-9]{2}:[0-9]{2}     2    3.00  0.300  0.100  0.200     1     0     0\n"
        "[0-9]{2}:[0-9]{2}:[0-9]{2}     0    0.00  0.000  0.000  0.000     0     0     0\n"
        "[0-9]{2}:[0-9]{2}:[0-9]{2}     0    2.00  0.250  0.250  0.250     0     1     1\n");
    redirect(file, file);
    watch_free(run.watch);
    restore();
    text = file_text(path);
    /* The last one is not over; what would be zeros is not written. */
    assert_matches(text + 62 + 3 * 62,
                   "^[0-9:]{8}     1 +[0-9.]+  2.345  2.345  2.345     0     0     "
                   "0\n([0-9:]{8}     0[^\n]*\n)*\n$");
    loop_free(run.loop);
    (void)close(file);
    (void)unlink(path);
    free(measurements);
}

/* A run that is over at once has a row as well; warm-up is said in front. */
static void test_table_of_a_short_run(void **state)
{
    struct plan plan = {.report_interval = 60, .warm_up = 2.5};
    struct measurement *measurement = NEW(struct measurement);
    struct loop *loop = loop_new();
    char path[] = "/tmp/test_watch.XXXXXX";
    int file = mkstemp(path);

    (void)state;
    assert_true(file >= 0);
    measurement_begin(measurement, clock_nanoseconds() + 5 * second / 2, 60 * second);
    redirect(file, file);
    watch_free(watch_new(loop, &plan, measurement, 1));
    restore();
    assert_matches(file_text(path),
                   "^Warm-up of 2.5 seconds, which is not measured\n    Time [^\n]*\n"
                   "[0-9:]{8}     0    0.00  0.000  0.000  0.000     0     0     0\n\n$");
    loop_free(loop);
    (void)close(file);
    (void)unlink(path);
    free(measurement);
}

/* No terminal, no table: nothing at all. */
static void test_silence(void **state)
{
    struct plan plan = {.mail_limit = 10};
    struct measurement *measurement = NEW(struct measurement);
    struct loop *loop = loop_new();
    char path[] = "/tmp/test_watch.XXXXXX";
    int file = mkstemp(path);

    (void)state;
    assert_true(file >= 0);
    measurement_begin(measurement, clock_nanoseconds(), 0);
    redirect(file, file);
    watch_free(watch_new(loop, &plan, measurement, 1));
    restore();
    assert_string_equal(file_text(path), "");
    loop_free(loop);
    (void)close(file);
    (void)unlink(path);
    free(measurement);
}

/* ---- a terminal */

static int open_terminal(int *slave)
{
    const struct winsize size = {.ws_row = 24, .ws_col = 200};
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios modes;

    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    *slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(*slave >= 0);
    assert_int_equal(tcgetattr(*slave, &modes), 0);
    modes.c_oflag &= (tcflag_t)~OPOST;
    assert_int_equal(tcsetattr(*slave, TCSANOW, &modes), 0);
    assert_int_equal(ioctl(*slave, TIOCSWINSZ, &size), 0);
    (void)fcntl(master, F_SETFL, O_NONBLOCK);
    return master;
}

static const char *seen(struct run *run)
{
    ssize_t got;

    while ((got = read(run->terminal, buffer_reserve(&run->seen, 4096), 4096)) > 0) {
        buffer_commit(&run->seen, (size_t)got);
    }
    *buffer_reserve(&run->seen, 1) = '\0';
    return buffer_slice(&run->seen).data;
}

static void look(void *owner)
{
    struct run *run = owner;

    if (strstr(seen(run), run->until) != NULL) {
        loop_stop(run->loop);
    } else {
        loop_timer_start(run->timer, 0.02);
    }
}

/* Runs until that is seen on a terminal that is standard output and standard error; free it. */
static char *watched(const struct plan *plan, const struct measurement *measurement,
                     const char *until)
{
    struct run run = {.loop = loop_new(), .until = until};
    char *text;
    int slave;

    run.terminal = open_terminal(&slave);
    redirect(slave, slave);
    run.watch = watch_new(run.loop, plan, measurement, 1);
    run.timer = loop_timer_new(run.loop, look, &run);
    loop_timer_start(run.timer, 0.02);
    loop_run(run.loop);
    loop_timer_free(run.timer);
    watch_free(run.watch);
    restore();
    text = memory_copy_string(seen(&run));
    (void)close(slave);
    (void)close(run.terminal);
    loop_free(run.loop);
    buffer_clear(&run.seen);
    return text;
}

#define CLEAR "\r\033\\[K"

/* The row is written when the line has been cleared, and the line is drawn again behind it. */
static void test_table_and_line(void **state)
{
    struct plan plan = {.mail_limit = 10, .report_interval = 1};
    struct measurement *measurement = NEW(struct measurement);
    char *text;

    (void)state;
    measurement_begin(measurement, clock_nanoseconds() - 2 * second / 5, second);
    mail(measurement, second / 5, 40, OUTCOME_SENT);
    mail(measurement, second / 5, 40, OUTCOME_REJECT);
    text = watched(&plan, measurement, " 0.040  0.040  0.040     0     1     0\n\r");
    assert_matches(text,
                   "^    Time [^\n]*\n(" CLEAR "2 of 10 mails \\(20%\\), [0-9]+/s, ([0-9]+ s left, "
                   ")?1 failed, p99 40.0 ms)+" CLEAR
                   "[0-9:]{8}     1    2.00  0.040  0.040  0.040     0     1     0\n" CLEAR
                   "2 of 10 mails");
    assert_matches(text, CLEAR "\n$");
    free(text);
    free(measurement);
}

static void test_line_of_a_duration(void **state)
{
    struct plan plan = {.duration = 7300};
    struct measurement *measurement = NEW(struct measurement);
    char *text;

    (void)state;
    measurement_begin(measurement, clock_nanoseconds() - 70 * second, 0);
    text = watched(&plan, measurement, "p99");
    assert_matches(text,
                   "^" CLEAR "0 mails in 1 min [0-9]{2} s \\([1-9]%\\), 0/s, 2 h 00 min left, 0 "
                   "failed, p99 0.0 ms" CLEAR "$");
    free(text);
    free(measurement);
}

static void test_line_of_a_warm_up(void **state)
{
    struct plan plan = {.warm_up = 100};
    struct measurement *measurement = NEW(struct measurement);
    char *text;

    (void)state;
    measurement_begin(measurement, clock_nanoseconds() + 100 * second, 0);
    measurement->warm_up_mails = 50;
    text = watched(&plan, measurement, "/s");
    assert_matches(text, "^" CLEAR "warm-up: 1 min [0-9]{2} s left, 50 mails, [0-9]+/s" CLEAR "$");
    free(text);
    free(measurement);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_table_of_a_short_run),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_table_and_line),
        cmocka_unit_test(test_line_of_a_duration),
        cmocka_unit_test(test_line_of_a_warm_up),
    };

    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
