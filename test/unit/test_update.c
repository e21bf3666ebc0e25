/*
 * Tests of update: each line of a log counts once, however the log is rotated; what is left out.
 */
#include "milter-manager-log-analyzer/update.h"

#include "libcore/base/memory.h"
#include "milter-manager-log-analyzer/moment.h"
#include "milter-manager-log-analyzer/progress.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/test-update-XXXXXX";
static char home[4096];
static struct store *store;
static struct update_report report;
static struct buffer complaints;
static int64_t start; /* a whole minute, an hour ago */

static int set_up(void **state)
{
    struct error error = {0};

    (void)state;
    memcpy(directory + strlen(directory) - 6, "XXXXXX", 6);
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chdir(directory), 0);
    start = (time(NULL) - 3600) / 60 * 60;
    store = store_open(".", false, &error);
    assert_non_null(store);
    return 0;
}

static int tear_down(void **state)
{
    char *command = memory_format("rm -rf %s", directory);

    (void)state;
    store_close(store);
    buffer_clear(&complaints);
    assert_int_equal(chdir(home), 0);
    assert_int_equal(system(command), 0);
    free(command);
    return 0;
}

/* Appends lines of that minute; count sessions that passed. */
static void add_lines(const char *path, int minute, int count)
{
    FILE *file = fopen(path, "a");
    char stamp[MOMENT_TEXT];

    assert_non_null(file);
    for (int i = 0; i < count; i++) {
        fprintf(file, "%s mx milter-manager[1]: [statistics] [session][end][quit][pass][0.1](%d)\n",
                moment_text(start + minute * 60, stamp), i);
    }
    assert_int_equal(fclose(file), 0);
}

static void complain(void *owner, const char *sentence)
{
    buffer_append_string(owner, sentence);
}

static void run_with(const char *patterns_text, int64_t since, int64_t until)
{
    char *copy = memory_copy_string(patterns_text);
    char *rest = NULL;
    struct option_strings patterns = {0};
    struct error error = {0};
    const struct update_options options = {.patterns = &patterns,
                                           .since = since,
                                           .until = until,
                                           .complain = complain,
                                           .owner = &complaints};

    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        option_strings_add(&patterns, word);
    }
    buffer_reset(&complaints);
    if (!update_run(store, &options, &report, &error)) {
        fail_msg("%s", error.message);
    }
    option_strings_clear(&patterns);
    free(copy);
}

static void run(const char *patterns)
{
    run_with(patterns, 0, 0);
}

static void append_row(void *owner, const struct store_row *row)
{
    if (row->item == 0) {
        buffer_append_format(owner, "%lld:%llu ", (long long)(row->time - start) / 60,
                             (unsigned long long)row->value);
    }
}

/* "MINUTE:SESSIONS " */
static void assert_sessions(const char *expected)
{
    struct buffer rows = {0};
    struct error error = {0};

    assert_true(store_read(store, STORE_MINUTE, SERIES_STATUS, NULL, 0, INT64_MAX, append_row,
                           &rows, &error));
    buffer_append_byte(&rows, '\0');
    assert_string_equal(buffer_slice(&rows).data, expected);
    buffer_clear(&rows);
}

static void shell(const char *command)
{
    assert_int_equal(system(command), 0);
}

static void test_growing(void **state)
{
    FILE *file;

    (void)state;
    add_lines("log", 0, 2);
    run("log");
    assert_sessions("0:2 ");
    run("log");
    assert_int_equal(report.lines, 0);
    add_lines("log", 0, 1);
    add_lines("log", 1, 5);
    run("log");
    assert_sessions("0:3 1:5 ");
    /* A line that is not whole waits for its rest. */
    file = fopen("log", "a");
    fputs("2024-05-01T10:00", file);
    fclose(file);
    run("log");
    assert_int_equal(report.lines, 0);
    file = fopen("log", "a");
    fputs(":00Z mx other[1]: rest\n", file);
    fclose(file);
    run("log");
    assert_int_equal(report.foreign, 1);
    assert_int_equal(report.broken, 0);
}

/* The head is shorter than what is hashed, and grows. */
static void test_rename(void **state)
{
    (void)state;
    add_lines("log", 0, 1);
    run("log*");
    shell("mv log log.1");
    add_lines("log.1", 1, 20);
    add_lines("log", 2, 3);
    run("log*");
    assert_sessions("0:1 1:20 2:3 ");
    shell("mv log.1 log.2; mv log log.1");
    add_lines("log.1", 2, 1);
    add_lines("log", 3, 1);
    run("log*");
    run("log*");
    assert_sessions("0:1 1:20 2:4 3:1 ");
}

static void test_packing(void **state)
{
    (void)state;
    add_lines("log", 0, 30);
    run("log*");
    add_lines("log", 1, 2);
    shell("gzip -c log >log.1.gz && rm log");
    add_lines("log", 2, 1);
    run("log*");
    run("log*");
    assert_sessions("0:30 1:2 2:1 ");
}

/* Unpacked once, not each time: damage behind its beginning would be noticed. */
static void test_packed_once(void **state)
{
    (void)state;
    add_lines("log", 0, 5000);
    shell("gzip log");
    run("log*");
    shell("touch -r log.gz age && printf %050d 0 | dd of=log.gz bs=1 conv=notrunc status=none "
          "seek=$(($(stat -c %s log.gz) - 60)) && touch -r age log.gz");
    run("log*");
    assert_int_equal(report.unread, 0);
    shell("touch -d '1 minute ago' log.gz");
    run("log*");
    assert_int_equal(report.unread, 1);
    assert_sessions("0:5000 ");
}

static void test_copying(void **state)
{
    (void)state;
    add_lines("log", 0, 3);
    run("log*");
    add_lines("log", 1, 2);
    shell("cp log log.1 && : >log");
    run("log*");
    assert_sessions("0:3 1:2 ");
    /* More than it held before, so that its size does not give it away. */
    add_lines("log", 2, 50);
    run("log*");
    run("log");
    assert_sessions("0:3 1:2 2:50 ");
}

static void test_older_copy(void **state)
{
    (void)state;
    add_lines("log", 0, 30);
    shell("cp log old");
    add_lines("log", 1, 1);
    run("log");
    run("old");
    run("old log");
    shell("gzip old");
    run("old.gz log");
    assert_int_equal(report.unread, 0);
    assert_sessions("0:30 1:1 ");
}

static void test_range(void **state)
{
    (void)state;
    for (int minute = 0; minute < 5; minute++) {
        add_lines("log", minute, minute + 1);
    }
    run_with("log", start + 60, start + 180);
    assert_sessions("1:2 2:3 ");
    assert_int_equal(report.out_of_range, 1);
    /* What was too young is still there. */
    run("log");
    assert_sessions("1:2 2:3 3:4 4:5 ");
}

/* What is old is dropped when there is something newer, whatever the clock says. */
static void test_retention(void **state)
{
    const struct event_count passed = {.kind = SERIES_STATUS, .name = {"", 0}, .value = 1};
    const int64_t then = start - 20 * 86400;
    struct error error = {0};

    (void)state;
    assert_true(store_begin(store, then, &error));
    store_count(store, then, &passed);
    assert_true(store_commit(store, &error));
    run("");
    assert_sessions("-28800:1 ");
    add_lines("log", 0, 2);
    run("log");
    assert_sessions("0:2 ");
}

static void test_one_cannot_be_read(void **state)
{
    (void)state;
    add_lines("log", 0, 1);
    shell("printf '\\037\\213\\010\\000 damaged' >damaged.gz");
    run("damaged.gz nowhere log");
    assert_int_equal(report.unread, 2);
    buffer_append_byte(&complaints, '\0');
    assert_non_null(strstr(buffer_slice(&complaints).data, "damaged.gz"));
    assert_non_null(strstr(buffer_slice(&complaints).data, "nowhere"));
    assert_sessions("0:1 ");
}

static void test_stopping(void **state)
{
    const volatile sig_atomic_t stop = 1;
    const char *item = "log";
    const struct option_strings patterns = {.items = &item, .count = 1};
    const struct update_options options = {
        .patterns = &patterns, .follow = true, .stop = &stop, .complain = complain};
    struct error error = {0};

    (void)state;
    add_lines("log", 0, 1);
    assert_true(update_run(store, &options, &report, &error));
}

/* A pipe as standard input. */
static void pipe_in(const char *path)
{
    char *command = memory_format("cat %s", path);
    FILE *pipe = popen(command, "r");
    int saved = dup(STDIN_FILENO);

    free(command);
    assert_non_null(pipe);
    assert_true(dup2(fileno(pipe), STDIN_FILENO) >= 0);
    run("-");
    assert_true(dup2(saved, STDIN_FILENO) >= 0);
    close(saved);
    pclose(pipe);
}

static void test_pipes(void **state)
{
    (void)state;
    add_lines("log", 0, 2);
    add_lines("log", 1, 1);
    pipe_in("log");
    assert_int_equal(report.counted, 3);
    add_lines("log", 2, 4);
    pipe_in("log");
    assert_int_equal(report.repeated, 3);
    assert_sessions("0:2 1:1 2:4 ");
    /* The same log as a file. */
    add_lines("log", 3, 1);
    run("log");
    assert_int_equal(report.repeated, 7);
    assert_sessions("0:2 1:1 2:4 3:1 ");
    pipe_in("log");
    assert_int_equal(report.repeated, 8);
    assert_sessions("0:2 1:1 2:4 3:1 ");
}

static void test_unripe(void **state)
{
    int minute = (int)((time(NULL) - start) / 60);

    (void)state;
    add_lines("log", 0, 1);
    add_lines("log", minute + 1, 7); /* also where a minute ends just now */
    pipe_in("log");
    assert_int_equal(report.unripe, 7);
    assert_sessions("0:1 ");
}

/* ---- what is said */

static void assert_skipped(const struct update_report *skipped, const char *expected)
{
    struct buffer text = {0};

    update_say_skipped(skipped, &text);
    buffer_append_byte(&text, '\0');
    assert_string_equal(buffer_slice(&text).data, expected);
    buffer_clear(&text);
}

static void test_skipped(void **state)
{
    (void)state;
    assert_skipped(&(struct update_report){0}, "");
    assert_skipped(&(struct update_report){.lines = 5, .counted = 1, .foreign = 4}, "");
    assert_skipped(&(struct update_report){.lines = 9, .counted = 1, .broken = 1, .unripe = 7},
                   "not counted: 1 line not understood, 7 lines of the minute that is not over.");
    assert_skipped(&(struct update_report){.lines = 9, .foreign = 9},
                   "none of 9 lines is of milter-manager: is it the log it writes to?");
    assert_skipped(&(struct update_report){.lines = 9, .foreign = 7, .broken = 2},
                   "not counted: 2 lines not understood. "
                   "None of 9 lines is of milter-manager: is it the log it writes to?");
}

static void test_progress(void **state)
{
    struct progress progress = {0};
    struct buffer text = {0};

    (void)state;
    progress_line(&progress, &(struct update_report){.lines = 1000, .seconds = 1}, 0.5, &text);
    buffer_append_string(&text, "|");
    progress_line(&progress, &(struct update_report){.lines = 5000, .seconds = 3}, 0.75, &text);
    buffer_append_string(&text, "|");
    progress_line(&progress, &(struct update_report){.lines = 6000, .seconds = 4}, -1, &text);
    buffer_append_byte(&text, '\0');
    assert_string_equal(buffer_slice(&text).data,
                        " 50%, 1000 lines, 1000/s| 75%, 5000 lines, 2000/s, ready in 0:02|"
                        "6000 lines, 1000/s");
    buffer_clear(&text);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_growing),
        CASE(test_rename),
        CASE(test_packing),
        CASE(test_packed_once),
        CASE(test_copying),
        CASE(test_older_copy),
        CASE(test_range),
        CASE(test_retention),
        CASE(test_one_cannot_be_read),
        CASE(test_stopping),
        CASE(test_pipes),
        CASE(test_unripe),
        cmocka_unit_test(test_skipped),
        cmocka_unit_test(test_progress),
    };

    if (getcwd(home, sizeof(home)) == NULL) {
        return EXIT_FAILURE;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
