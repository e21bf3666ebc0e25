/*
 * What is known of the children and what the log says of them, on a clock of
 * the test's own.
 */
#include "milter-manager/child/health.h"

#include "libcore/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64], path[128], text[64 * 1024];
static unsigned woken;

/* A configuration with one child of that name and endpoint. */
static struct configuration *one_child(const char *name, const char *endpoint)
{
    struct configuration *configuration = configuration_new();
    unsigned index = configuration_define_child(configuration, name, (struct location){0});
    struct value value = value_string(endpoint);
    struct error error = {0};

    if (!configuration_assign_child(configuration, index, "connection_spec", &value,
                                    (struct location){0}, &error)) {
        fail_msg("%s", error.message);
    }
    return configuration;
}

static void adopt(const char *name, const char *endpoint)
{
    struct configuration *configuration = one_child(name, endpoint);

    health_adopt(configuration);
    configuration_release(configuration);
}

static int set_up(void **state)
{
    (void)state;
    (void)strcpy(directory, "/tmp/test-health-XXXXXX");
    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/log", directory);
    (void)setenv("MILTER_LOG_PATH", path, 1);
    (void)setenv("MILTER_LOG_ITEM", "level", 1);
    (void)setenv("MILTER_LOG_LEVEL", "default", 1);
    log_open("test-health");
    adopt("clamav", "unix:/clamav");
    woken = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    health_wake_by(NULL, NULL);
    health_clear();
    log_close();
    (void)unlink(path);
    assert_int_equal(rmdir(directory), 0);
    return 0;
}

/* What was logged since the last call. */
static const char *logged(void)
{
    FILE *file = fopen(path, "r");

    log_flush();
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    (void)fclose(file);
    assert_int_equal(truncate(path, 0), 0);
    return text;
}

static struct health_failure failure_of(const char *child, unsigned session, double now)
{
    struct health_failure failure = {.time = (time_t)(1000000 + now), .session = session};

    (void)snprintf(failure.child, sizeof(failure.child), "%s", child);
    (void)snprintf(failure.endpoint, sizeof(failure.endpoint), "unix:/%s", child);
    (void)strcpy(failure.fallback, "accept");
    return failure;
}

static void cannot_connect(unsigned session, double now)
{
    struct health_failure failure = failure_of("clamav", session, now);

    (void)strcpy(failure.stage, "negotiate");
    (void)strcpy(failure.cause, "connection to unix:/clamav refused: Connection refused");
    health_failed(&failure, "error", true, now, NULL);
}

static void is_late(const char *child, unsigned session, double now)
{
    struct health_failure failure = failure_of(child, session, now);

    (void)strcpy(failure.stage, "body");
    (void)strcpy(failure.cause, "unix:/clamav: no reply for 7 seconds (reading_timeout)");
    health_failed(&failure, "timeout][reading", false, now, NULL);
}

static void answers(double now)
{
    health_reached("clamav", "unix:/clamav", (time_t)(1000000 + now), now);
}

static void down_and_up_are_a_line_each(void **state)
{
    (void)state;
    assert_int_equal(health_of("clamav").state, HEALTH_UNKNOWN);
    answers(1);
    answers(2);
    assert_int_equal(health_of("clamav").state, HEALTH_UP);
    assert_int_equal(health_of("clamav").since, 1000001);
    assert_string_equal(logged(), "");
    for (unsigned i = 0; i < 200; i++) {
        cannot_connect(10 + i, 10 + i / 10.0);
    }
    assert_string_equal(logged(),
                        "[error]: [children][down][negotiate][accept] [10] connection to "
                        "unix:/clamav refused: Connection refused; further failures are counted "
                        "until it answers: clamav\n");
    assert_int_equal(health_of("clamav").state, HEALTH_DOWN);
    assert_int_equal(health_of("clamav").since, 1000010);
    assert_int_equal(health_of("clamav").failures, 200);
    assert_int_equal(health_of("clamav").last.session, 209);
    answers(40.5);
    answers(41);
    assert_string_equal(logged(), "[message]: [children][up] unix:/clamav: answers again after 200 "
                                  "failures in 30.5 seconds: clamav\n");
    assert_int_equal(health_of("clamav").state, HEALTH_UP);
    assert_int_equal(health_of("clamav").failures, 0);
}

static void what_is_left_out_is_there_at_level_debug(void **state)
{
    (void)state;
    cannot_connect(1, 0);
    (void)logged();
    log_set_levels(LOG_LEVEL_ALL);
    cannot_connect(2, 1);
    assert_string_equal(logged(), "[debug]: [children][error][negotiate][accept] [2] connection to "
                                  "unix:/clamav refused: Connection refused: clamav\n");
}

static void down_for_long_is_said_every_hour(void **state)
{
    unsigned lines = 0;

    (void)state;
    cannot_connect(1, 0);
    (void)logged();
    for (unsigned second = 10; second <= 3 * 3600; second += 10) {
        cannot_connect(2, second);
    }
    (void)logged();
    assert_non_null(strstr(text, "[children][down][negotiate][accept] [2] connection to "
                                 "unix:/clamav refused: Connection refused; down for 3600 seconds "
                                 "with 361 failures: clamav\n"));
    for (const char *line = text; (line = strchr(line, '\n')) != NULL; line++) {
        lines++;
    }
    assert_int_equal(lines, 3);
}

static unsigned count_lines(const char *lines)
{
    unsigned count = 0;

    while ((lines = strchr(lines, '\n')) != NULL) {
        count++;
        lines++;
    }
    return count;
}

static void wake(void *owner)
{
    assert_ptr_equal(owner, &woken);
    woken++;
}

static void failures_of_sessions_have_ten_lines_a_minute(void **state)
{
    (void)state;
    health_wake_by(wake, &woken);
    answers(0);
    assert_true(health_due(0) < 0);
    for (unsigned i = 0; i < 37; i++) {
        is_late("clamav", i, 100 + i);
    }
    assert_int_equal(count_lines(logged()), HEALTH_LINES);
    assert_non_null(strstr(text, "[error]: [children][timeout][reading][body][accept] [0] "
                                 "unix:/clamav: no reply for 7 seconds (reading_timeout): "
                                 "clamav\n"));
    assert_int_equal(woken, 1);
    assert_int_equal((int)health_due(136), 24);
    health_tick(159);
    assert_string_equal(logged(), "");
    health_tick(160);
    assert_string_equal(logged(), "[error]: [children][error] unix:/clamav: and 27 more failures "
                                  "in the last minute: clamav\n");
    assert_true(health_due(160) < 0);
    health_tick(300);
    assert_string_equal(logged(), "");
    /* A new minute has lines of its own. */
    is_late("clamav", 50, 400);
    assert_int_equal(count_lines(logged()), 1);
    assert_int_equal(health_of("clamav").state, HEALTH_UP);
}

/* Down and up with every mail would be two lines for every mail. */
static void a_child_that_flaps_is_limited_too(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        cannot_connect(i, i / 100.0);
        answers(i / 100.0);
    }
    assert_int_equal(count_lines(logged()), 2 * HEALTH_LINES);
    health_tick(60);
    assert_string_equal(logged(), "[error]: [children][error] unix:/clamav: and 90 more failures "
                                  "in the last minute: clamav\n");
}

/* One that stays down must be said, however it began. */
static void down_is_said_when_there_is_room_again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        is_late("clamav", i, 1);
    }
    cannot_connect(30, 2);
    cannot_connect(31, 3);
    assert_int_equal(count_lines(logged()), HEALTH_LINES);
    cannot_connect(32, 62);
    cannot_connect(33, 63);
    assert_int_equal(count_lines(logged()), 2);
    assert_non_null(strstr(text, "and 12 more failures in the last minute"));
    assert_non_null(strstr(text, "[children][down][negotiate][accept] [32] "));
}

static void what_was_left_out_is_told_at_the_end(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 11; i++) {
        is_late("clamav", i, 1);
    }
    (void)logged();
    health_clear();
    assert_string_equal(logged(), "[error]: [children][error] unix:/clamav: and 1 more failure "
                                  "in the last minute: clamav\n");
}

static void a_reload_keeps_what_is_the_same(void **state)
{
    (void)state;
    cannot_connect(1, 0);
    (void)logged();
    adopt("clamav", "unix:/clamav");
    assert_int_equal(health_of("clamav").state, HEALTH_DOWN);
    cannot_connect(2, 1);
    assert_string_equal(logged(), "");
    adopt("clamav", "unix:/elsewhere");
    assert_int_equal(health_of("clamav").state, HEALTH_UNKNOWN);
    for (unsigned i = 0; i < 11; i++) {
        struct health_failure failure = failure_of("clamav", i, 1);

        (void)strcpy(failure.endpoint, "unix:/elsewhere");
        health_failed(&failure, "error", false, 1, NULL);
    }
    (void)logged();
    adopt("other", "unix:/clamav");
    assert_string_equal(logged(), "[error]: [children][error] unix:/elsewhere: and 1 more failure "
                                  "in the last minute: clamav\n");
    assert_int_equal(health_of("clamav").state, HEALTH_UNKNOWN);
    assert_int_equal(health_of("other").state, HEALTH_UNKNOWN);
}

/* What a worker would do, in a process of its own, which has its own end of the log. */
static void in_another_process(void (*work)(void))
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        work();
        log_flush();
        health_clear(); /* as a worker that ends */
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void worker_finds_it_down(void)
{
    cannot_connect(1, 10);
    cannot_connect(2, 11);
}

static void worker_reaches_it(void)
{
    answers(20);
}

static void processes_say_a_change_once(void **state)
{
    (void)state;
    health_open();
    adopt("shared", "unix:/shared");
    adopt("clamav", "unix:/clamav");
    answers(1);
    in_another_process(worker_finds_it_down);
    assert_int_equal(count_lines(logged()), 1);
    assert_int_equal(health_of("clamav").state, HEALTH_DOWN);
    cannot_connect(3, 12);
    in_another_process(worker_finds_it_down);
    assert_string_equal(logged(), "");
    assert_int_equal(health_of("clamav").failures, 5);
    /* Even a process that has never seen it down. */
    in_another_process(worker_reaches_it);
    answers(21);
    assert_string_equal(logged(), "[message]: [children][up] unix:/clamav: answers again after 5 "
                                  "failures in 10.0 seconds: clamav\n");
    in_another_process(worker_finds_it_down);
    assert_int_equal(count_lines(logged()), 1);
    /* What a reload takes away is forgotten, by all. */
    adopt("other", "unix:/other");
    adopt("clamav", "unix:/clamav");
    assert_int_equal(health_of("clamav").state, HEALTH_UNKNOWN);
    answers(30);
    assert_string_equal(logged(), "");
}

static void more_children_than_can_be_shared(void **state)
{
    char endpoint[32];

    (void)state;
    health_open();
    for (unsigned i = 0; i < 1100; i++) {
        (void)snprintf(endpoint, sizeof(endpoint), "unix:/%u", i);
        adopt("clamav", endpoint);
    }
    adopt("clamav", "unix:/clamav");
    down_and_up_are_a_line_each(state);
}

/* Old sessions go on with children that a reload has taken away. */
static void children_that_are_not_watched_get_plain_lines(void **state)
{
    (void)state;
    is_late("gone", 1, 0);
    is_late("gone", 2, 0);
    assert_int_equal(count_lines(logged()), 2);
    assert_int_equal(health_of("gone").state, HEALTH_UNKNOWN);
    assert_int_equal(health_failure(0)->session, 2);
}

static void the_last_fifty_failures_are_kept(void **state)
{
    (void)state;
    assert_null(health_failure(0));
    is_late("clamav", 1, 0);
    assert_int_equal(health_failure(0)->session, 1);
    assert_null(health_failure(1));
    for (unsigned i = 2; i <= 130; i++) {
        is_late("clamav", i, i);
    }
    assert_int_equal(health_failure(0)->session, 130);
    assert_string_equal(health_failure(0)->stage, "body");
    assert_int_equal(health_failure(49)->session, 81);
    assert_null(health_failure(50));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(down_and_up_are_a_line_each),
        TEST(what_is_left_out_is_there_at_level_debug),
        TEST(down_for_long_is_said_every_hour),
        TEST(failures_of_sessions_have_ten_lines_a_minute),
        TEST(a_child_that_flaps_is_limited_too),
        TEST(down_is_said_when_there_is_room_again),
        TEST(what_was_left_out_is_told_at_the_end),
        TEST(a_reload_keeps_what_is_the_same),
        TEST(processes_say_a_change_once),
        TEST(more_children_than_can_be_shared),
        TEST(children_that_are_not_watched_get_plain_lines),
        TEST(the_last_fifty_failures_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
