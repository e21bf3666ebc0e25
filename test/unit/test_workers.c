/*
 * Tests of workers: all start, the dead are replaced (slowly when they die at
 * once), signals are passed on, nobody outlives the supervisor.
 */
#include "libcore/net/workers.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { WORKERS = 3, STOPPING = -1 };

/* What a worker, or the supervisor that stops, writes to the test. */
struct message {
    int number;
    pid_t pid;
};

static int messages[2];

static void say(int number)
{
    struct message message = {number, getpid()};

    if (write(messages[1], &message, sizeof(message)) != sizeof(message)) {
        _exit(9);
    }
}

static bool hear(struct message *message, int milliseconds)
{
    struct pollfd readable = {.fd = messages[0], .events = POLLIN};

    return poll(&readable, 1, milliseconds) == 1 &&
           read(messages[0], message, sizeof(*message)) == sizeof(*message);
}

typedef void work_fn(void);

static void wait_for_ever(void)
{
    for (;;) {
        pause();
    }
}

static void die_at_once(void)
{
    _exit(1);
}

static volatile sig_atomic_t got_user_signal;

static void on_user_signal(int signal_number)
{
    (void)signal_number;
    got_user_signal = 1;
}

static void wait_for_user_signal(void)
{
    (void)signal(SIGUSR1, on_user_signal);
    say(100); /* ready */
    while (got_user_signal == 0) {
        pause();
    }
    say(200);
    wait_for_ever();
}

static void stopping(void *owner)
{
    (void)owner;
    say(STOPPING);
}

/* The supervisor, in a process of its own; its exit status is the outcome. */
static pid_t supervise(unsigned count, work_fn *work)
{
    static const int passed[] = {SIGUSR1, 0};
    static const struct workers_supervision supervision = {.passed_signals = passed,
                                                           .stopping = stopping};
    struct workers_options options = {.count = count};
    struct error error = {0};
    unsigned number = 0;
    pid_t pid;

    assert_int_equal(pipe(messages), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) {
        return pid;
    }
    switch (workers_run(&options, &supervision, &number, &error)) {
    case WORKERS_WORKER:
        say((int)number);
        work();
        _exit(0);
    case WORKERS_STOPPED:
        _exit(0);
    case WORKERS_FAILED:
        break;
    }
    _exit(error.code == ERROR_NONE ? 8 : 7);
}

/* The exit status; 128 and more: the signal it died of. */
static int end(pid_t pid, int signal_number)
{
    int status = 0;

    if (signal_number != 0) {
        (void)kill(pid, signal_number);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    close(messages[0]);
    close(messages[1]);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void hear_all(pid_t pids[WORKERS])
{
    struct message message = {0};

    for (int i = 0; i < WORKERS; i++) {
        assert_true(hear(&message, 5000));
        assert_in_range(message.number, 0, WORKERS - 1);
        pids[message.number] = message.pid;
    }
}

static bool gone(pid_t pid)
{
    struct timespec moment = {0, 10000000};

    for (int i = 0; i < 500; i++) {
        if (kill(pid, 0) != 0) {
            return true;
        }
        (void)nanosleep(&moment, NULL);
    }
    return false;
}

static void test_start_and_stop(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT};

    (void)state;
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        pid_t supervisor = supervise(WORKERS, wait_for_ever);
        pid_t pids[WORKERS] = {0};
        struct message message = {0};

        hear_all(pids);
        assert_int_equal(getpgid(pids[0]), pids[0]);
        (void)kill(supervisor, signals[i]);
        assert_true(hear(&message, 5000));
        assert_int_equal(message.number, STOPPING);
        assert_int_equal(message.pid, supervisor);
        assert_int_equal(end(supervisor, 0), 0);
        for (int number = 0; number < WORKERS; number++) {
            assert_true(gone(pids[number]));
        }
    }
}

static void test_replacement(void **state)
{
    pid_t supervisor = supervise(WORKERS, wait_for_ever);
    pid_t pids[WORKERS] = {0};
    struct message message = {0};

    (void)state;
    hear_all(pids);
    (void)kill(pids[1], SIGKILL);
    assert_true(hear(&message, 5000));
    assert_int_equal(message.number, 1);
    assert_int_not_equal(message.pid, pids[1]);
    assert_false(hear(&message, 200)); /* the others live */
    assert_int_equal(end(supervisor, SIGTERM), 0);
}

/* 0.1, 0.2, 0.4 ... seconds lie between them. */
static void test_dying_at_once(void **state)
{
    pid_t supervisor = supervise(1, die_at_once);
    struct message message = {0};
    int count = 0;

    (void)state;
    while (count < 4 && hear(&message, 1000)) {
        count++;
    }
    assert_int_equal(count, 4);
    assert_false(hear(&message, 500)); /* the next one waits for 0.8 seconds */
    assert_int_equal(end(supervisor, SIGTERM), 0);
}

static void ignore_the_first(int signal_number)
{
    (void)signal(signal_number, SIG_DFL);
}

static void be_slow_to_stop(void)
{
    (void)signal(SIGTERM, ignore_the_first);
    say(100);
    wait_for_ever();
}

static void test_second_signal(void **state)
{
    pid_t supervisor = supervise(1, be_slow_to_stop);
    struct message message = {0};

    (void)state;
    assert_true(hear(&message, 5000));
    assert_true(hear(&message, 5000));
    assert_int_equal(message.number, 100);
    (void)kill(supervisor, SIGTERM);
    assert_true(hear(&message, 5000));
    assert_int_equal(message.number, STOPPING);
    assert_false(hear(&message, 200));
    assert_int_equal(end(supervisor, SIGTERM), 7);
}

static void test_other_signals_are_passed_on(void **state)
{
    pid_t supervisor = supervise(1, wait_for_user_signal);
    struct message message = {0};

    (void)state;
    assert_true(hear(&message, 5000));
    assert_true(hear(&message, 5000));
    (void)kill(supervisor, SIGUSR1);
    assert_true(hear(&message, 5000));
    assert_int_equal(message.number, 200);
    assert_int_equal(end(supervisor, SIGTERM), 0);
}

/* A pipe ends when the last process that could write to it has. */
static void test_nobody_outlives_the_supervisor(void **state)
{
    pid_t supervisor = supervise(WORKERS, wait_for_ever);
    pid_t pids[WORKERS] = {0};
    struct message message = {0};
    struct pollfd ended = {.fd = messages[0], .events = POLLIN};

    (void)state;
    hear_all(pids);
    close(messages[1]);
    (void)kill(supervisor, SIGKILL);
    assert_int_equal(poll(&ended, 1, 5000), 1);
    assert_int_equal(read(messages[0], &message, sizeof(message)), 0);
    messages[1] = dup(messages[0]);
    assert_int_equal(end(supervisor, 0), 128 + SIGKILL);
}

static unsigned ended_well, ended_otherwise;

static void count_end(void *owner, unsigned number, bool begun)
{
    (void)owner;
    assert_int_equal(number, 0);
    if (begun) {
        ended_well++;
    } else {
        ended_otherwise++;
    }
}

static bool fork_fails;

static pid_t fork_or_fail(void)
{
    return fork_fails ? -1 : fork();
}

/* The steps of a supervisor with a loop of its own; somebody else has waited for the worker. */
static void test_deaths_that_others_have_seen(void **state)
{
    const struct workers_options options = {.count = 1, .fork = fork_or_fail, .ended = count_end};
    struct workers *workers = workers_new(&options);
    unsigned number = 9;
    pid_t pid;

    (void)state;
    if (workers_start(workers, &number)) {
        _exit(0);
    }
    pid = workers_process(workers, 0);
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    workers_bury(workers);
    assert_int_equal(workers_process(workers, 0), 0);
    assert_int_equal(ended_well, 1);
    assert_true(workers_patience(workers) >= 0);
    workers_stop(workers, SIGTERM);
    assert_true(workers_gone(workers));
    workers_free(workers);
}

static void test_a_fork_that_fails(void **state)
{
    const struct workers_options options = {.count = 1, .fork = fork_or_fail, .ended = count_end};
    struct workers *workers = workers_new(&options);
    unsigned number = 9;

    (void)state;
    ended_well = ended_otherwise = 0;
    fork_fails = true;
    assert_false(workers_start(workers, &number));
    fork_fails = false;
    assert_int_equal(ended_well, 0);
    assert_int_equal(ended_otherwise, 1);
    assert_true(workers_patience(workers) > 0);
    workers_free(workers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start_and_stop),
        cmocka_unit_test(test_replacement),
        cmocka_unit_test(test_dying_at_once),
        cmocka_unit_test(test_second_signal),
        cmocka_unit_test(test_other_signals_are_passed_on),
        cmocka_unit_test(test_nobody_outlives_the_supervisor),
        cmocka_unit_test(test_deaths_that_others_have_seen),
        cmocka_unit_test(test_a_fork_that_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
