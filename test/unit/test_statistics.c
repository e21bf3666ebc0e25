/*
 * Tests of statistics: rows of several workers in one file, in order; a disk that is full.
 */
#include "milter-performance-check/statistics.h"

#include "libcore/base/clock.h"
#include "libcore/base/file.h"
#include "libcore/base/memory.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/test_statistics.XXXXXX";
static char path[64];

static int set_up(void **state)
{
    (void)state;
    /* Half an hour beside the whole ones, and nothing that changes in summer. */
    (void)setenv("TZ", "<+0530>-05:30", 1);
    tzset();
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    (void)setenv("TMPDIR", directory, 1);
    (void)snprintf(path, sizeof(path), "%s/statistics.csv", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory); /* fails when a temporary file was left */
}

static char *content(void)
{
    struct buffer buffer = {0};
    struct error error = {0};
    char *text;

    assert_true(file_read(path, "statistics", &buffer, &error));
    text = memory_copy_bytes(buffer_slice(&buffer).data, buffer_length(&buffer));
    buffer_clear(&buffer);
    return text;
}

/* The time of day in a row, in seconds, by other means than the program's. */
static double time_of(const char *row)
{
    struct tm local = {0};
    const char *fraction = strptime(row, "%Y-%m-%dT%H:%M:%S", &local);

    assert_non_null(fraction);
    assert_int_equal(fraction - row, 19);
    assert_int_equal(row[26], '+');
    assert_memory_equal(row + 26, "+05:30,", 7);
    return (double)mktime(&local) + strtod(fraction, NULL);
}

static void test_format(void **state)
{
    struct error error = {0};
    struct statistics *statistics = statistics_new(path, 1, &error);
    struct timespec now;
    double difference;
    char *text;

    (void)state;
    assert_non_null(statistics);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    statistics_add(statistics, 0, clock_nanoseconds(), 1234567890, 4096);
    assert_true(statistics_flush(statistics, 0, &error));
    assert_true(statistics_write(statistics, &error));
    statistics_free(statistics);
    text = content();
    assert_memory_equal(text, "wall clock time,response time,message size\n", 43);
    assert_string_equal(text + 43 + 32, ",1.234568,4096\n");
    difference = time_of(text + 43) - ((double)now.tv_sec + (double)now.tv_nsec / 1e9);
    assert_true(difference > -5 && difference < 60);
    free(text);
}

/* Rows that differ in size, so that they can be told apart; more of them than fit in memory. */
static void test_workers_are_merged(void **state)
{
    enum { WORKERS = 3, ROWS = 5000 };
    struct error error = {0};
    struct statistics *statistics = statistics_new(path, WORKERS, &error);
    uint64_t begin = clock_nanoseconds();
    char *text;
    const char *row;

    (void)state;
    assert_non_null(statistics);
    for (unsigned worker = 0; worker < WORKERS; worker++) {
        pid_t child = fork();
        int status;

        assert_true(child >= 0);
        if (child == 0) {
            for (unsigned i = worker; i < WORKERS * ROWS; i += WORKERS) {
                statistics_add(statistics, worker, begin + i * (uint64_t)1000000, 1000, i);
            }
            _exit(statistics_flush(statistics, worker, &error) ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    assert_true(statistics_write(statistics, &error));
    statistics_free(statistics);
    text = content();
    row = strchr(text, '\n') + 1;
    for (unsigned i = 0; i < WORKERS * ROWS; i++) {
        assert_memory_equal(row + 32, ",0.000001,", 10);
        assert_int_equal(strtoul(row + 42, NULL, 10), i);
        row = strchr(row, '\n') + 1;
    }
    assert_int_equal(*row, '\0');
    free(text);
}

/* An old file stays until there is something to write; then nothing of it is left. */
static void test_old_file(void **state)
{
    struct error error = {0};
    struct statistics *statistics;
    FILE *file = fopen(path, "w");
    char *text;

    (void)state;
    assert_non_null(file);
    for (int i = 0; i < 100; i++) {
        fputs("an old row\n", file);
    }
    assert_int_equal(fclose(file), 0);
    statistics = statistics_new(path, 1, &error);
    assert_non_null(statistics);
    text = content();
    assert_int_equal(strlen(text), 1100);
    free(text);
    assert_true(statistics_write(statistics, &error));
    statistics_free(statistics);
    text = content();
    assert_string_equal(text, "wall clock time,response time,message size\n");
    free(text);
}

static void test_cannot_be_written(void **state)
{
    struct error error = {0};

    (void)state;
    assert_null(statistics_new("/nonexistent/x.csv", 1, &error));
    assert_string_equal(error.message,
                        "cannot open /nonexistent/x.csv to write statistics: No such "
                        "file or directory");
    error_clear(&error);
    (void)setenv("TMPDIR", "/nonexistent", 1);
    assert_null(statistics_new(path, 2, &error));
    (void)setenv("TMPDIR", directory, 1);
    assert_non_null(strstr(error.message, "temporary file in /nonexistent"));
    assert_non_null(strstr(error.message, "TMPDIR"));
    error_clear(&error);
}

/* As on a full disk, but without one. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_no_room(void **state)
{
    struct error error = {0};
    struct statistics *statistics = statistics_new(path, 1, &error);
    char *text;

    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_non_null(statistics);
    for (unsigned i = 0; i < 100; i++) {
        statistics_add(statistics, 0, clock_nanoseconds(), 1, 1);
    }
    limit_files(100); /* four rows and a part of one */
    assert_false(statistics_flush(statistics, 0, &error));
    limit_files(RLIM_INFINITY);
    assert_non_null(strstr(error.message, "cannot keep all statistics in a temporary file in "));
    assert_non_null(strstr(error.message, ": File too large"));
    error_clear(&error);
    assert_true(statistics_write(statistics, &error)); /* what there is */
    statistics_free(statistics);
    text = content();
    assert_int_equal(strlen(text),
                     43 + 4 * strlen("2026-11-27T12:00:00.000000+05:30,0.000000,1\n"));
    free(text);

    statistics = statistics_new(path, 1, &error);
    assert_non_null(statistics);
    statistics_add(statistics, 0, clock_nanoseconds(), 1, 1);
    assert_true(statistics_flush(statistics, 0, &error));
    limit_files(50);
    assert_false(statistics_write(statistics, &error));
    limit_files(RLIM_INFINITY);
    assert_non_null(strstr(error.message, "cannot write statistics to /tmp/"));
    assert_non_null(strstr(error.message, ": File too large"));
    statistics_free(statistics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),   cmocka_unit_test(test_workers_are_merged),
        cmocka_unit_test(test_old_file), cmocka_unit_test(test_cannot_be_written),
        cmocka_unit_test(test_no_room),
    };

    return cmocka_run_group_tests_name("statistics", tests, set_up, tear_down);
}
