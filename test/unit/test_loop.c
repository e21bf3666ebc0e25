/*
 * The event loop: lazy timers, tasks that are never lost, descriptors and
 * signals, and watchers freed from inside their own callbacks.  Once by itself
 * and, where that is built in, once driven by GLib.
 */
#include "libcore/net/loop.h"

#include "libcore/net/loop_glib.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *(*make_loop)(void) = loop_new;
static struct loop *loop;
static struct loop_timer *guard;
static char trace[64];

static void note(char mark)
{
    size_t length = strlen(trace);
    if (length + 1 < sizeof(trace)) {
        trace[length] = mark;
        trace[length + 1] = '\0';
    }
}

static void on_guard(void *owner)
{
    (void)owner;
    fail_msg("nothing happened for 10 seconds");
}

static void stop(void *owner)
{
    (void)owner;
    loop_stop(loop);
}

static void run(void)
{
    loop_timer_start(guard, 10);
    double start = loop_now(loop);
    loop_run(loop);
    loop_timer_stop(guard);
    /* What was slept over comes to light when the guard wakes the loop up. */
    assert_true(loop_now(loop) - start < 9);
}

static int set_up(void **state)
{
    (void)state;
    trace[0] = '\0';
    loop = make_loop();
    guard = loop_timer_new(loop, on_guard, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    loop_timer_free(guard);
    loop_free(loop);
    return 0;
}

/* Timers. */

static void note_owner(void *owner)
{
    note(*(const char *)owner);
}

static void timers_fire_in_order_of_their_deadlines(void **state)
{
    (void)state;
    struct loop_timer *a = loop_timer_new(loop, note_owner, "a");
    struct loop_timer *b = loop_timer_new(loop, note_owner, "b");
    struct loop_timer *c = loop_timer_new(loop, note_owner, "c");
    struct loop_timer *end = loop_timer_new(loop, stop, NULL);
    loop_timer_start(a, 0.01);
    loop_timer_start(b, 5);
    loop_timer_start(c, 0.02);
    loop_timer_start(end, 0.12);
    loop_timer_start(a, 0.08); /* later: the libev timer fires early and is set again */
    loop_timer_start(b, 0.05); /* earlier: must not wait for the former deadline */
    loop_timer_stop(c);
    assert_true(loop_timer_active(a));
    assert_false(loop_timer_active(c));
    run();
    assert_string_equal(trace, "ba");
    assert_false(loop_timer_active(a));
    loop_timer_free(a);
    loop_timer_free(b);
    loop_timer_free(c);
    loop_timer_free(end);
}

static void a_moved_timer_fires_no_earlier_than_its_deadline(void **state)
{
    (void)state;
    struct loop_timer *timer = loop_timer_new(loop, stop, NULL);
    loop_timer_start(timer, 0.01);
    loop_timer_start(timer, 0.1);
    double start = loop_now(loop);
    run();
    assert_true(loop_now(loop) - start >= 0.098);
    assert_true(loop_now(loop) - start < 5);
    loop_timer_free(timer);
}

static void a_stopped_timer_can_be_started_again(void **state)
{
    (void)state;
    struct loop_timer *timer = loop_timer_new(loop, stop, NULL);
    loop_timer_start(timer, 0.01);
    loop_timer_stop(timer);
    loop_timer_start(timer, 0.02);
    run();
    loop_timer_free(timer);
}

static struct loop_timer *own_timer;

static void free_own_timer(void *owner)
{
    (void)owner;
    loop_timer_free(own_timer);
    own_timer = NULL;
    loop_stop(loop);
}

static void a_timer_may_free_itself(void **state)
{
    (void)state;
    own_timer = loop_timer_new(loop, free_own_timer, NULL);
    loop_timer_start(own_timer, 0);
    run();
    assert_null(own_timer);
}

/* Tasks. */

static void tasks_run_once_in_order_of_posting(void **state)
{
    (void)state;
    struct loop_task a = {.callback = note_owner, .owner = "a"};
    struct loop_task b = {.callback = note_owner, .owner = "b"};
    struct loop_task c = {.callback = note_owner, .owner = "c"};
    struct loop_task end = {.callback = stop};
    loop_task_post(loop, &a);
    loop_task_post(loop, &b);
    loop_task_post(loop, &a);
    loop_task_post(loop, &c);
    loop_task_post(loop, &end);
    loop_task_cancel(&b);
    loop_task_cancel(&b);
    run();
    assert_string_equal(trace, "ac");
    assert_null(a.link);
}

static struct loop_task chained;
static int chain_left;

static void chain(void *owner)
{
    (void)owner;
    if (--chain_left == 0) {
        loop_stop(loop);
    } else {
        loop_task_post(loop, &chained);
    }
}

static void a_task_that_posts_itself_never_lets_the_loop_sleep(void **state)
{
    (void)state;
    chained = (struct loop_task){.callback = chain};
    chain_left = 1000;
    loop_task_post(loop, &chained);
    run();
    assert_int_equal(chain_left, 0);
}

static struct loop_task victim;

static void cancel_victim(void *owner)
{
    (void)owner;
    loop_task_cancel(&victim);
}

static void a_task_may_cancel_the_next_one(void **state)
{
    (void)state;
    struct loop_task first = {.callback = cancel_victim};
    struct loop_task end = {.callback = stop};
    victim = (struct loop_task){.callback = note_owner, .owner = "v"};
    loop_task_post(loop, &first);
    loop_task_post(loop, &victim);
    loop_task_post(loop, &end);
    run();
    assert_string_equal(trace, "");
}

static struct loop_task late;

static void post_late(void *owner)
{
    (void)owner;
    if (trace[0] == '\0') {
        note('h');
        loop_task_post(loop, &late);
    }
}

static void a_task_posted_by_a_hook_runs_without_any_event(void **state)
{
    (void)state;
    late = (struct loop_task){.callback = stop};
    loop_before_sleep(loop, post_late, NULL);
    run();
    assert_string_equal(trace, "h");
}

static void note_sleep(void *owner)
{
    (void)owner;
    if (trace[0] == '\0' || trace[strlen(trace) - 1] != 'h') {
        note('h');
    }
}

static void note_and_stop(void *owner)
{
    note_owner(owner);
    loop_stop(loop);
}

/* The log is written then: it must not wait for the next event. */
static void hooks_run_after_the_last_callback_and_before_the_loop_sleeps(void **state)
{
    (void)state;
    struct loop_timer *first = loop_timer_new(loop, note_owner, "a");
    struct loop_timer *second = loop_timer_new(loop, note_and_stop, "b");
    loop_before_sleep(loop, note_sleep, NULL);
    loop_timer_start(first, 0.02);
    loop_timer_start(second, 0.2);
    run();
    assert_string_equal(trace, "hahb");
    loop_timer_free(first);
    loop_timer_free(second);
}

static void stopping_before_running_counts(void **state)
{
    (void)state;
    struct loop_task task = {.callback = note_owner, .owner = "x"};
    loop_task_post(loop, &task);
    loop_stop(loop);
    run();
    assert_string_equal(trace, "");
    loop_task_cancel(&task);
}

/* Descriptors and signals. */

struct reader {
    int fd;
    struct loop_io *io;
    int calls;
};

static void read_one_and_stop(void *owner, unsigned events)
{
    struct reader *reader = owner;
    char byte;
    assert_int_equal(events, LOOP_READ);
    assert_int_equal(read(reader->fd, &byte, 1), 1);
    reader->calls++;
    loop_stop(loop);
}

static void read_one_and_free(void *owner, unsigned events)
{
    struct reader *reader = owner;
    read_one_and_stop(owner, events);
    loop_io_free(reader->io);
    reader->io = NULL;
}

static void descriptors_are_watched_as_told(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct reader reader = {.fd = ends[0]};
    struct loop_timer *timer = loop_timer_new(loop, stop, NULL);
    reader.io = loop_io_new(loop, ends[0], read_one_and_stop, &reader);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    loop_timer_start(timer, 0.02);
    run();
    assert_int_equal(reader.calls, 0);
    loop_io_watch(reader.io, LOOP_READ);
    run();
    assert_int_equal(reader.calls, 1);
    loop_io_watch(reader.io, 0);
    loop_timer_start(timer, 0.02);
    run();
    assert_int_equal(reader.calls, 1);
    loop_io_watch(reader.io, LOOP_READ);
    loop_io_watch(reader.io, LOOP_READ);
    run();
    assert_int_equal(reader.calls, 2);
    loop_io_free(reader.io);
    loop_timer_free(timer);
    close(ends[0]);
    close(ends[1]);
}

static void a_descriptor_watcher_may_free_itself(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct reader reader = {.fd = ends[0]};
    reader.io = loop_io_new(loop, ends[0], read_one_and_free, &reader);
    loop_io_watch(reader.io, LOOP_READ);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    run();
    assert_int_equal(reader.calls, 1);
    close(ends[0]);
    close(ends[1]);
}

/* A child that forgets the loop keeps no connection open, and the parent's loop goes on. */
static void an_abandoned_loop_lets_go_of_its_descriptors(void **state)
{
    int ends[2], freed[2], status = 0;
    char byte;
    struct reader reader = {0};
    struct loop_io *other;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pipe(freed), 0);
    reader.fd = ends[0];
    reader.io = loop_io_new(loop, ends[0], read_one_and_stop, &reader);
    loop_io_watch(reader.io, LOOP_READ);
    other = loop_io_new(loop, freed[0], read_one_and_stop, NULL);
    loop_io_free(other);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        loop_abandon(loop);
        /* /dev/null has an end; a pipe whose other end is open does not. */
        _exit(read(ends[0], &byte, 1) == 0 && write(freed[1], "x", 1) == 1 &&
                      read(freed[0], &byte, 1) == 1
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(write(ends[1], "y", 1), 1);
    run();
    assert_int_equal(reader.calls, 1);
    loop_io_free(reader.io);
    for (int i = 0; i < 2; i++) {
        (void)close(ends[i]);
        (void)close(freed[i]);
    }
}

static void on_signal(void *owner, int signal_number)
{
    *(int *)owner = signal_number;
    loop_stop(loop);
}

static void signals_arrive_in_the_loop(void **state)
{
    (void)state;
    int seen = 0;
    struct loop_signal *watcher = loop_signal_new(loop, SIGUSR1, on_signal, &seen);
    raise(SIGUSR1);
    run();
    assert_int_equal(seen, SIGUSR1);
    loop_signal_free(watcher);
}

/* Signals that come at any moment, also just before the loop sleeps, are noticed at once. */

enum { ALARMS = 2000 };

static int alarms;

static void set_alarm(void)
{
    struct itimerval when = {.it_value.tv_usec = 1 + (alarms * 37) % 211};

    assert_int_equal(setitimer(ITIMER_REAL, &when, NULL), 0);
}

static void on_alarm(void *owner, int signal_number)
{
    (void)owner;
    assert_int_equal(signal_number, SIGALRM);
    if (++alarms == ALARMS) {
        loop_stop(loop);
    } else {
        set_alarm();
    }
}

static void no_signal_is_slept_over(void **state)
{
    (void)state;
    struct loop_signal *watcher = loop_signal_new(loop, SIGALRM, on_alarm, NULL);
    alarms = 0;
    set_alarm();
    run();
    assert_int_equal(alarms, ALARMS);
    loop_signal_free(watcher);
}

static unsigned sleeps;

static void count_sleeps(void *owner)
{
    (void)owner;
    sleeps++;
}

static void a_loop_with_nothing_to_do_sleeps(void **state)
{
    (void)state;
    struct loop_timer *end = loop_timer_new(loop, stop, NULL);
    struct loop_timer *far = loop_timer_new(loop, stop, NULL);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct loop_io *io = loop_io_new(loop, ends[0], NULL, NULL);
    loop_io_watch(io, LOOP_READ);
    loop_before_sleep(loop, count_sleeps, NULL);
    loop_timer_start(far, 1e7);
    loop_timer_start(end, 0.2);
    sleeps = 0;
    run();
    assert_in_range(sleeps, 1, 20);
    loop_io_free(io);
    loop_timer_free(end);
    loop_timer_free(far);
    close(ends[0]);
    close(ends[1]);
}

static void read_three(void *owner, unsigned events)
{
    struct reader *reader = owner;
    char byte;
    assert_int_equal(events, LOOP_READ);
    assert_int_equal(read(reader->fd, &byte, 1), 1);
    if (++reader->calls == 3) {
        loop_stop(loop);
    }
}

static void files_are_always_ready(void **state)
{
    (void)state;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct reader reader = {.fd = fd};
    reader.io = loop_io_new(loop, fd, read_three, &reader);
    loop_io_watch(reader.io, LOOP_READ);
    run();
    assert_int_equal(reader.calls, 3);
    loop_io_free(reader.io);
    close(fd);
}

static void watch_reader(void *owner)
{
    loop_io_watch(((struct reader *)owner)->io, LOOP_READ);
}

static void what_a_callback_watches_is_noticed_before_the_loop_sleeps(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct reader reader = {.fd = ends[0]};
    struct loop_timer *timer = loop_timer_new(loop, watch_reader, &reader);
    reader.io = loop_io_new(loop, ends[0], read_one_and_stop, &reader);
    assert_int_equal(write(ends[1], "a", 1), 1);
    loop_timer_start(timer, 0.02);
    run();
    assert_int_equal(reader.calls, 1);
    loop_io_free(reader.io);
    loop_timer_free(timer);
    close(ends[0]);
    close(ends[1]);
}

static void run_within(void *owner)
{
    struct loop_timer *inner = loop_timer_new(loop, stop, NULL);
    (void)owner;
    note('(');
    loop_timer_start(inner, 0.02);
    loop_run(loop);
    loop_timer_free(inner);
    note(')');
}

static void a_callback_may_run_the_loop(void **state)
{
    (void)state;
    struct loop_timer *outer = loop_timer_new(loop, run_within, NULL);
    struct loop_timer *within = loop_timer_new(loop, note_owner, "x");
    struct loop_timer *end = loop_timer_new(loop, stop, NULL);
    loop_timer_start(outer, 0);
    loop_timer_start(within, 0.01);
    loop_timer_start(end, 0.1);
    run();
    assert_string_equal(trace, "(x)");
    loop_timer_free(outer);
    loop_timer_free(within);
    loop_timer_free(end);
}

static void give_up(void *owner)
{
    (void)owner;
    _exit(2);
}

/* Parent and child go on with the same watchers, each with signals and descriptors of its own. */
static void a_loop_goes_on_after_a_fork(void **state)
{
    (void)state;
    int ends[2], ready[2], seen = 0, status = 0;
    char byte;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pipe(ready), 0);
    struct reader reader = {.fd = ends[0]};
    struct loop_signal *watcher = loop_signal_new(loop, SIGUSR1, on_signal, &seen);
    struct loop_timer *end = loop_timer_new(loop, stop, NULL);
    reader.io = loop_io_new(loop, ends[0], read_one_and_stop, &reader);
    loop_io_watch(reader.io, LOOP_READ);
    loop_timer_start(end, 0.01);
    run();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct loop_timer *patience = loop_timer_new(loop, give_up, NULL);
        loop_after_fork(loop);
        loop_timer_start(patience, 8);
        double start = loop_now(loop);
        loop_run(loop);
        int first = reader.calls;
        if (write(ready[1], "r", 1) != 1) {
            _exit(3);
        }
        loop_run(loop);
        _exit(first == 1 && seen == SIGUSR1 && loop_now(loop) - start < 7 ? 0 : 1);
    }
    close(ready[1]);
    assert_int_equal(write(ends[1], "c", 1), 1);
    loop_io_watch(reader.io, 0);
    loop_timer_start(end, 0.05);
    run();
    /* Until it has a loop of its own the signal would be the parent's. */
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(kill(child, SIGUSR1), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(seen, 0);
    raise(SIGUSR1);
    run();
    assert_int_equal(seen, SIGUSR1);
    loop_signal_free(watcher);
    loop_timer_free(end);
    loop_io_free(reader.io);
    close(ends[0]);
    close(ends[1]);
    close(ready[0]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

/* Descriptors that become ready in one turn: first come, first served. */

enum { WAITING = 6 };

struct waiting {
    int ends[2];
    struct loop_io *io;
    char mark;
};

static struct waiting waiting[WAITING];
static void on_served(void *owner, unsigned events)
{
    struct waiting *one = owner;

    assert_int_equal(events, LOOP_READ);
    note(one->mark);
    loop_io_watch(one->io, 0);
    if (one->mark == 'c') {
        /* 'd' is told already, and goes away; 'e' is not wanted any more. */
        loop_io_free(waiting[3].io);
        waiting[3].io = NULL;
        loop_io_watch(waiting[4].io, 0);
    }
    if (one->mark == 'f') {
        loop_stop(loop);
    }
}

static void descriptors_are_served_in_the_order_they_became_ready(void **state)
{
    (void)state;
    for (int i = 0; i < WAITING; i++) {
        struct waiting *one = &waiting[i];

        assert_int_equal(pipe(one->ends), 0);
        one->mark = (char)('a' + i);
        one->io = loop_io_new(loop, one->ends[0], on_served, one);
        loop_io_watch(one->io, LOOP_READ);
    }
    /* Once round, so that all are registered before the first becomes ready. */
    struct loop_timer *timer = loop_timer_new(loop, stop, NULL);
    loop_timer_start(timer, 0);
    run();
    loop_timer_free(timer);
    for (int i = 0; i < WAITING; i++) {
        assert_int_equal(write(waiting[i].ends[1], "x", 1), 1);
    }
    run();
    assert_string_equal(trace, "abcf");
    for (int i = 0; i < WAITING; i++) {
        loop_io_free(waiting[i].io);
        close(waiting[i].ends[0]);
        close(waiting[i].ends[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(timers_fire_in_order_of_their_deadlines),
        TEST(a_moved_timer_fires_no_earlier_than_its_deadline),
        TEST(a_stopped_timer_can_be_started_again),
        TEST(a_timer_may_free_itself),
        TEST(tasks_run_once_in_order_of_posting),
        TEST(a_task_that_posts_itself_never_lets_the_loop_sleep),
        TEST(a_task_may_cancel_the_next_one),
        TEST(a_task_posted_by_a_hook_runs_without_any_event),
        TEST(hooks_run_after_the_last_callback_and_before_the_loop_sleeps),
        TEST(stopping_before_running_counts),
        TEST(descriptors_are_served_in_the_order_they_became_ready),
        TEST(descriptors_are_watched_as_told),
        TEST(a_descriptor_watcher_may_free_itself),
        TEST(an_abandoned_loop_lets_go_of_its_descriptors),
        TEST(signals_arrive_in_the_loop),
        TEST(no_signal_is_slept_over),
        TEST(a_loop_with_nothing_to_do_sleeps),
        TEST(files_are_always_ready),
        TEST(what_a_callback_watches_is_noticed_before_the_loop_sleeps),
        TEST(a_callback_may_run_the_loop),
        TEST(a_loop_goes_on_after_a_fork),
    };
    int failed = cmocka_run_group_tests_name("libev", tests, NULL, NULL);

    if (loop_glib_available()) {
        make_loop = loop_glib_new;
        failed += cmocka_run_group_tests_name("glib", tests, NULL, NULL);
    }
    return failed;
}
