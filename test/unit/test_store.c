/*
 * Tests of store: what counts come to in each span, what a batch is, names, versions, damage.
 */
#include "milter-manager-log-analyzer/store.h"

#include "libcore/base/buffer.h"
#include "libcore/base/file.h"
#include "libcore/base/memory.h"
#include "milter-manager-log-analyzer/store_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A day begins here. */
static const int64_t midnight = 1700006400; /* 2023-11-15 */

static char directory[] = "/tmp/test-store-XXXXXX";
static char *database;

static int set_up(void **state)
{
    (void)state;
    memcpy(directory + strlen(directory) - 6, "XXXXXX", 6);
    assert_non_null(mkdtemp(directory));
    database = memory_format("%s/milter-manager.sqlite", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(database);
    assert_int_equal(rmdir(directory), 0); /* nothing else was left there */
    free(database);
    return 0;
}

static struct store *open_store(bool reads_only)
{
    struct error error = {0};
    struct store *store = store_open(directory, reads_only, &error);

    assert_string_equal(error.message, "");
    assert_non_null(store);
    return store;
}

static void begin(struct store *store, int64_t now)
{
    struct error error = {0};

    assert_true(store_begin(store, now, &error));
}

static void commit(struct store *store)
{
    struct error error = {0};

    assert_true(store_commit(store, &error));
    assert_int_equal(error.code, ERROR_NONE);
}

static void count(struct store *store, int64_t time, enum series_kind kind, const char *name,
                  const char *item, uint64_t value)
{
    struct event_count counted = {.kind = kind, .name = slice_from_string(name), .value = value};

    assert_true(series_item_find(kind, slice_from_string(item), &counted.item));
    store_count(store, time, &counted);
}

static void smtp(struct store *store, int64_t time, uint64_t value)
{
    count(store, time, SERIES_SESSION, "", "smtp", value);
}

static void append_row(void *owner, const struct store_row *row)
{
    buffer_append_format(owner, "%lld %s/%s/%u %llu %llu\n", (long long)(row->time - midnight),
                         series_info(row->kind)->name, row->name, row->item,
                         (unsigned long long)row->value, (unsigned long long)row->peak);
}

static void assert_rows_of(struct store *store, enum store_span span, enum series_kind kind,
                           const char *name, const char *expected)
{
    struct buffer rows = {0};
    struct error error = {0};

    assert_true(store_read(store, span, kind, name, 0, INT64_MAX, append_row, &rows, &error));
    buffer_append_byte(&rows, '\0');
    assert_string_equal(buffer_slice(&rows).data, expected);
    buffer_clear(&rows);
}

static void assert_rows(struct store *store, enum store_span span, const char *expected)
{
    assert_rows_of(store, span, SERIES_KINDS, NULL, expected);
}

static void test_spans(void **state)
{
    struct store *store = open_store(false);

    (void)state;
    begin(store, midnight + 86400);
    smtp(store, midnight + 59, 1);
    smtp(store, midnight + 60, 2);
    smtp(store, midnight, 4);
    smtp(store, midnight + 300, 9);
    commit(store);
    assert_rows(store, STORE_MINUTE, "0 session//0 5 5\n60 session//0 2 2\n300 session//0 9 9\n");
    /* The peak is that of the whole minute, of which a part was there before. */
    begin(store, midnight + 86400);
    smtp(store, midnight + 30, 3);
    smtp(store, midnight + 3600, 1);
    smtp(store, midnight - 1, 1);
    commit(store);
    assert_rows(store, STORE_MINUTE,
                "-60 session//0 1 1\n0 session//0 8 8\n60 session//0 2 2\n"
                "300 session//0 9 9\n3600 session//0 1 1\n");
    assert_rows(
        store, STORE_FIVE_MINUTES,
        "-300 session//0 1 1\n0 session//0 10 8\n300 session//0 9 9\n3600 session//0 1 1\n");
    assert_rows(store, STORE_HOUR,
                "-3600 session//0 1 1\n0 session//0 19 9\n3600 session//0 1 1\n");
    assert_rows(store, STORE_DAY, "-86400 session//0 1 1\n0 session//0 20 9\n");
    store_close(store);
}

static void test_gauge(void **state)
{
    struct store *store = open_store(false);
    static const uint64_t values[] = {3, 7, 5};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        begin(store, midnight + 600);
        count(store, midnight, SERIES_SESSION, "", "concurrent", values[i]);
        count(store, midnight + 60, SERIES_SESSION, "", "concurrent", 4);
        commit(store);
    }
    assert_rows(store, STORE_MINUTE, "0 session//3 7 7\n60 session//3 4 4\n");
    assert_rows(store, STORE_DAY, "0 session//3 7 7\n");
    store_close(store);
}

static void test_batch_is_whole(void **state)
{
    struct store *store = open_store(false);
    struct store *reader = open_store(true);
    struct error error = {0};
    int64_t time = 1;

    (void)state;
    assert_true(store_newest(reader, &time, &error));
    assert_int_equal(time, 0);
    begin(store, midnight);
    smtp(store, midnight, 1);
    count(store, midnight, SERIES_MILTER_STATUS, "one", "pass", 1);
    assert_true(store_pending(store) >= 2);
    assert_rows(reader, STORE_MINUTE, "");
    commit(store);
    assert_rows(reader, STORE_MINUTE, "0 milter-status/one/0 1 1\n0 session//0 1 1\n");
    assert_rows_of(reader, STORE_MINUTE, SERIES_SESSION, NULL, "0 session//0 1 1\n");
    assert_rows_of(reader, STORE_DAY, SERIES_KINDS, "one", "0 milter-status/one/0 1 1\n");
    store_close(reader);
    store_close(store);
}

static void test_abandon(void **state)
{
    struct store *store = open_store(false);
    struct error error = {0};
    struct store_pipes pipes = {.begin = 60, .until = midnight};

    (void)state;
    begin(store, midnight);
    smtp(store, midnight, 1);
    assert_true(store_set_pipes(store, &pipes, &error));
    store_abandon(store);
    assert_int_equal(store_pending(store), 8); /* the name is still known, the count is not */
    assert_true(store_pipes(store, &pipes, &error));
    assert_int_equal(pipes.begin, 0);
    assert_int_equal(pipes.until, 0);
    assert_int_equal(pipes.files, 0);
    begin(store, midnight);
    smtp(store, midnight, 2);
    pipes.begin = 120;
    pipes.until = midnight + 60;
    assert_true(store_set_pipes(store, &pipes, &error));
    commit(store);
    assert_rows(store, STORE_MINUTE, "0 session//0 2 2\n");
    assert_true(store_pipes(store, &pipes, &error));
    assert_int_equal(pipes.begin, 120);
    assert_int_equal(pipes.until, midnight + 60);
    store_close(store);
}

static void test_part_of_a_batch(void **state)
{
    struct store *store = open_store(false);
    struct error error = {0};

    (void)state;
    begin(store, midnight + 600);
    smtp(store, midnight, 1);
    smtp(store, midnight + 60, 2);
    smtp(store, midnight + 120, 4);
    assert_true(store_commit_before(store, midnight + 60, &error));
    assert_rows(store, STORE_MINUTE, "0 session//0 1 1\n");
    smtp(store, midnight + 120, 8);
    store_forget_before(store, midnight + 120);
    begin(store, midnight + 600);
    commit(store);
    assert_rows(store, STORE_MINUTE, "0 session//0 1 1\n120 session//0 12 12\n");
    store_close(store);
}

static void test_names(void **state)
{
    struct store *store = open_store(false);
    struct option_strings names = {0};
    struct error error = {0};
    char long_name[2000];

    (void)state;
    memset(long_name, 'z', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    begin(store, midnight);
    count(store, midnight, SERIES_MILTER_STATUS, "gr\xc3\xbcn", "pass", 1);
    count(store, midnight, SERIES_MILTER_STATUS, "b\xff\x1b[31m", "pass", 1);
    count(store, midnight, SERIES_MILTER_STATUS, "a'; DROP TABLE series", "stop", 1);
    count(store, midnight, SERIES_MILTER_STATUS, long_name, "pass", 1);
    count(store, midnight, SERIES_MILTER_LATENCY, "a'; DROP TABLE series", "b103", 5);
    commit(store);
    assert_true(store_children(store, &names, &error));
    assert_int_equal(names.count, 4);
    assert_string_equal(names.items[0], "a'; DROP TABLE series");
    assert_string_equal(names.items[1], "b\\xff\\x1b[31m");
    assert_string_equal(names.items[2], "gr\xc3\xbcn");
    assert_int_equal(strlen(names.items[3]), PENDING_NAME);
    assert_rows_of(store, STORE_MINUTE, SERIES_KINDS, names.items[0],
                   "0 milter-latency/a'; DROP TABLE series/103 5 5\n"
                   "0 milter-status/a'; DROP TABLE series/8 1 1\n");
    for (size_t i = 0; i < names.count; i++) {
        free((char *)(uintptr_t)names.items[i]);
    }
    option_strings_clear(&names);
    store_close(store);
}

/* More than anybody has: memory stays bounded, nothing is mixed up. */
static void add_up(void *owner, const struct store_row *row)
{
    *(uint64_t *)owner += row->value;
}

static void test_many_names(void **state)
{
    uint64_t sum = 0;
    struct store *store = open_store(false);
    struct option_strings names = {0};
    struct error error = {0};

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        begin(store, midnight);
        for (unsigned i = 0; i < 3000; i++) {
            char name[16];

            snprintf(name, sizeof(name), "n%u", i);
            count(store, midnight + 60 * (i % 7), SERIES_MILTER_STATUS, name, "pass", i + 1);
        }
        commit(store);
        assert_int_equal(store_pending(store), 0);
    }
    assert_true(store_children(store, &names, &error));
    assert_int_equal(names.count, STORE_CHILDREN + 1);
    assert_string_equal(names.items[0], STORE_OTHERS);
    assert_rows_of(store, STORE_MINUTE, SERIES_KINDS, "n5", "300 milter-status/n5/0 12 12\n");
    /* Nothing of the rest is lost. */
    assert_true(
        store_read(store, STORE_DAY, SERIES_KINDS, NULL, 0, INT64_MAX, add_up, &sum, &error));
    assert_int_equal(sum, 3000 * 3001);
    for (size_t i = 0; i < names.count; i++) {
        free((char *)(uintptr_t)names.items[i]);
    }
    option_strings_clear(&names);
    store_close(store);
}

static void test_large_values(void **state)
{
    struct store *store = open_store(false);
    struct buffer rows = {0};
    struct error error = {0};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        begin(store, midnight + 86400);
        for (int64_t minute = 0; minute < 1440; minute++) {
            smtp(store, midnight + minute * 60, UINT64_MAX);
        }
        smtp(store, -5, 1);
        smtp(store, INT64_MAX, 1);
        commit(store);
    }
    assert_true(
        store_read(store, STORE_DAY, SERIES_KINDS, NULL, 0, INT64_MAX, append_row, &rows, &error));
    buffer_append_byte(&rows, '\0');
    assert_string_equal(buffer_slice(&rows).data,
                        "0 session//0 1152921504606846976 1125899906842624\n");
    buffer_clear(&rows);
    store_close(store);
}

static void test_retention(void **state)
{
    const int64_t day = 86400;
    struct store *store = open_store(false);
    struct error error = {0};
    int64_t time = 0;

    (void)state;
    /* Only the spans that are still kept take what is old. */
    begin(store, midnight + 1000 * day);
    smtp(store, midnight, 1);
    smtp(store, midnight + 500 * day, 2);
    smtp(store, midnight + 950 * day, 4);
    smtp(store, midnight + 995 * day, 8);
    commit(store);
    assert_rows(store, STORE_MINUTE, "85968000 session//0 8 8\n");
    assert_rows(store, STORE_FIVE_MINUTES, "82080000 session//0 4 4\n85968000 session//0 8 8\n");
    assert_rows(store, STORE_HOUR,
                "43200000 session//0 2 2\n82080000 session//0 4 4\n85968000 session//0 8 8\n");
    assert_true(store_newest(store, &time, &error));
    assert_int_equal(time, midnight + 995 * day);
    /* And time goes on. */
    begin(store, midnight + 1040 * day);
    assert_true(store_prune(store, midnight + 1040 * day, &error));
    commit(store);
    assert_rows(store, STORE_MINUTE, "");
    assert_rows(store, STORE_FIVE_MINUTES, "85968000 session//0 8 8\n");
    begin(store, midnight + 1300 * day);
    assert_true(store_prune(store, midnight + 1300 * day, &error));
    commit(store);
    assert_rows(store, STORE_FIVE_MINUTES, "");
    assert_rows(store, STORE_HOUR, "82080000 session//0 4 4\n85968000 session//0 8 8\n");
    assert_rows(store, STORE_DAY,
                "0 session//0 1 1\n43200000 session//0 2 2\n"
                "82080000 session//0 4 4\n85968000 session//0 8 8\n");
    assert_true(store_newest(store, &time, &error));
    assert_int_equal(time, midnight + 995 * day);
    assert_true(store_oldest(store, &time, &error));
    assert_int_equal(time, midnight);
    store_close(store);
}

/* ---- positions */

static struct source *write_log(const char *path, const char *text)
{
    struct error error = {0};
    struct source *source;

    assert_true(file_write(path, 0644, slice_from_string(text), &error));
    source = source_open(path, &error);
    assert_non_null(source);
    return source;
}

static void assert_position(struct store *store, const char *path, const char *text,
                            uint64_t offset, int64_t clock)
{
    struct source *source = write_log(path, text);
    struct store_position position = {0};
    struct error error = {0};

    assert_int_equal(store_find_position(store, source, &position, &error), offset > 0);
    assert_int_equal(error.code, ERROR_NONE);
    assert_int_equal(position.offset, offset);
    assert_int_equal(position.clock, clock);
    source_close(source);
}

static void test_positions(void **state)
{
    struct store *store = open_store(false);
    char *path = memory_format("%s/log", directory);
    struct source *source = write_log(path, "first line\n");
    struct source_identity identity = {0};
    struct store_position position = {.offset = 11, .clock = 77};
    struct error error = {0};

    (void)state;
    source_identify(source, &identity);
    /* Emptied and written anew after it was read. */
    source_close(write_log(path, "other line, longer\n"));
    begin(store, midnight);
    assert_true(store_set_position(store, path, &identity, &position, &error));
    commit(store);
    source_close(source);
    begin(store, midnight + 10 * 86400);
    assert_position(store, path, "first line\n", 11, 77);
    assert_position(store, path, "first line\nand more\n", 11, 77);
    assert_position(store, path, "first lin", 0, 0);
    assert_position(store, path, "other line, longer\n", 0, 0);
    assert_position(store, path, "", 0, 0);
    commit(store);
    /* Nothing was read that is of the future. */
    position.clock = midnight + 11 * 86400;
    begin(store, midnight + 10 * 86400);
    assert_true(store_set_position(store, path, &identity, &position, &error));
    commit(store);
    assert_position(store, path, "first line\n", 11, midnight + 10 * 86400);
    position.clock = 77;
    begin(store, midnight + 10 * 86400);
    assert_true(store_set_position(store, path, &identity, &position, &error));
    commit(store);
    /* It was there after ten days, and is remembered for 800 more. */
    begin(store, midnight + 809 * 86400L);
    assert_true(store_prune(store, midnight + 809 * 86400L, &error));
    commit(store);
    assert_position(store, path, "first line\n", 11, 77);
    begin(store, midnight + 811 * 86400L);
    assert_true(store_prune(store, midnight + 811 * 86400L, &error));
    commit(store);
    assert_position(store, path, "first line\n", 0, 0);
    assert_int_equal(unlink(path), 0);
    free(path);
    store_close(store);
}

/* ---- opening */

static void execute(const char *text)
{
    sqlite3 *handle = NULL;

    assert_int_equal(sqlite3_open(database, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
}

static void assert_refused(bool reads_only, const char *sentence)
{
    struct error error = {0};

    assert_null(store_open(directory, reads_only, &error));
    assert_non_null(strstr(error.message, sentence));
    assert_non_null(strstr(error.message, database));
}

static void test_versions(void **state)
{
    (void)state;
    assert_refused(true, "does not exist");
    execute("PRAGMA user_version = 4711");
    assert_refused(false, "newer milter-manager-log-analyzer (schema 4711,");
    assert_refused(true, "newer");
    execute("PRAGMA user_version = 0; CREATE TABLE mine(a)");
    assert_refused(false, "another program");
    execute("DROP TABLE mine");
    assert_refused(true, "no numbers yet");
    store_close(open_store(false));
    store_close(open_store(true));
}

static void test_bringing_up(void **state)
{
    static const char *const steps[] = {"never", "CREATE TABLE second(a)",
                                        "INSERT INTO second VALUES('third')"};
    static const char *const wrong[] = {"", "", "", "CREATE TABLE fourth(a); nonsense"};
    struct store *store = open_store(false);
    struct error error = {0};

    (void)state;
    assert_true(store_bring_up(store, steps, 3, &error));
    assert_true(store_bring_up(store, steps, 3, &error)); /* once is enough */
    assert_false(store_bring_up(store, wrong, 4, &error));
    store_close(store);
    /* A step that failed changed nothing. */
    execute("CREATE TABLE fourth(a); UPDATE second SET a = 5");
    assert_refused(false, "schema 3,");
}

static void test_damage(void **state)
{
    struct buffer content = {0};
    struct error error = {0};

    (void)state;
    for (unsigned i = 0; i < 500; i++) {
        buffer_append_string(&content, "No database, but a letter. ");
    }
    assert_true(file_write(database, 0644, buffer_slice(&content), &error));
    assert_refused(false, "is damaged");
    assert_refused(true, "Move it away");
    struct buffer after = {0};
    assert_true(file_read(database, "database", &after, &error));
    assert_true(slice_equal(buffer_slice(&content), buffer_slice(&after)));
    buffer_clear(&content);
    buffer_clear(&after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_spans, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gauge, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_batch_is_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_abandon, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_part_of_a_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_large_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_retention, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_positions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_versions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bringing_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damage, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
