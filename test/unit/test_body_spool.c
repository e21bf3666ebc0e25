/*
 * test_body_spool - the body in memory, in a file and on its way between them.
 */
#include "libcore/base/memory.h"
#include "libcore/mail/body_spool.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static struct slice s(const char *text)
{
    return slice_from_string(text);
}

/* A byte that differs between neighbours and between blocks; NUL, CR and LF occur. */
static char pattern(uint64_t offset)
{
    return (char)((offset * 7 + offset / 251) & 0xff);
}

static void append_pattern(struct body_spool *spool, size_t length)
{
    char *bytes = memory_new(length, 1);
    struct error error = {0};
    uint64_t start = body_spool_size(spool);

    for (size_t i = 0; i < length; i++) {
        bytes[i] = pattern(start + i);
    }
    assert_true(body_spool_append(spool, slice_of(bytes, length), &error));
    free(bytes);
}

/* Reads to the end in chunks; every chunk but the last is full. */
static void assert_reads_pattern(struct body_reader *reader, size_t limit)
{
    struct error error = {0};
    struct slice chunk;

    do {
        uint64_t start = reader->offset;
        uint64_t left = body_spool_size(reader->spool) - start;

        assert_true(body_reader_next(reader, limit, &chunk, &error));
        assert_int_equal(chunk.length, left < limit ? left : limit);
        assert_int_equal(reader->offset, start + chunk.length);
        for (size_t i = 0; i < chunk.length; i++) {
            if (chunk.data[i] != pattern(start + i)) {
                fail_msg("byte %llu differs", (unsigned long long)(start + i));
            }
        }
    } while (chunk.length > 0);
    assert_true(body_reader_at_end(reader));
}

static void assert_body(const struct body_spool *spool, const char *expected)
{
    char bytes[64];
    size_t length;
    struct error error = {0};

    assert_true(body_spool_read(spool, 0, bytes, sizeof(bytes), &length, &error));
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(bytes, expected, length);
    assert_int_equal(body_spool_size(spool), length);
}

static int open_files(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory);
    return count;
}

static void an_empty_body(void **state)
{
    struct body_spool spool;
    struct body_reader reader;
    struct slice chunk;
    struct error error = {0};

    (void)state;
    body_spool_init(&spool, 0);
    assert_true(body_spool_append(&spool, s(""), &error));
    assert_true(body_spool_append(&spool, slice_of(NULL, 0), &error));
    assert_body(&spool, "");
    assert_false(body_spool_in_file(&spool));
    body_reader_init(&reader, &spool);
    assert_true(body_reader_at_end(&reader));
    assert_true(body_reader_next(&reader, 10, &chunk, &error));
    assert_int_equal(chunk.length, 0);
    body_reader_clear(&reader);
    body_spool_clear(&spool);
}

static void the_threshold_is_the_last_size_in_memory(void **state)
{
    struct body_spool spool;
    int files = open_files();

    (void)state;
    body_spool_init(&spool, 1000);
    append_pattern(&spool, 999);
    append_pattern(&spool, 1);
    assert_false(body_spool_in_file(&spool));
    assert_int_equal(open_files(), files);
    append_pattern(&spool, 1);
    assert_true(body_spool_in_file(&spool));
    assert_int_equal(open_files(), files + 1);
    assert_int_equal(spool.memory.capacity, 0);
    assert_int_equal(body_spool_size(&spool), 1001);
    body_spool_clear(&spool);
    assert_int_equal(open_files(), files);
}

static void one_append_beyond_the_threshold(void **state)
{
    struct body_spool spool;
    struct body_reader reader;

    (void)state;
    body_spool_init(&spool, 100);
    append_pattern(&spool, 5000);
    assert_true(body_spool_in_file(&spool));
    body_reader_init(&reader, &spool);
    assert_reads_pattern(&reader, 999);
    body_reader_clear(&reader);
    body_spool_clear(&spool);
}

static void the_default_threshold(void **state)
{
    struct body_spool spool;
    struct body_reader reader;

    (void)state;
    body_spool_init(&spool, BODY_SPOOL_THRESHOLD);
    for (int i = 0; i < 80; i++) {
        append_pattern(&spool, 65535);
    }
    assert_false(body_spool_in_file(&spool));
    append_pattern(&spool, 65535);
    assert_true(body_spool_in_file(&spool));
    body_reader_init(&reader, &spool);
    assert_reads_pattern(&reader, 65535);
    body_reader_clear(&reader);
    body_spool_clear(&spool);
}

static void readers_are_independent_and_follow_a_growing_body(void **state)
{
    struct body_spool spool;
    struct body_reader first, second;
    struct slice chunk;
    struct error error = {0};

    (void)state;
    body_spool_init(&spool, 3000);
    body_reader_init(&first, &spool);
    body_reader_init(&second, &spool);
    append_pattern(&spool, 1000);
    assert_reads_pattern(&first, 300);
    assert_true(body_reader_next(&second, 100, &chunk, &error));
    assert_int_equal(chunk.length, 100);
    append_pattern(&spool, 1000);
    assert_false(body_reader_at_end(&first));
    assert_reads_pattern(&first, 4096);
    append_pattern(&spool, 2000); /* now a file */
    assert_true(body_spool_in_file(&spool));
    assert_int_equal(second.offset, 100);
    assert_reads_pattern(&second, 77);
    assert_reads_pattern(&first, 1);
    append_pattern(&spool, 5);
    assert_reads_pattern(&first, 65535);
    body_reader_clear(&first);
    body_reader_clear(&second);
    body_spool_clear(&spool);
}

static void chunks_in_memory_are_not_copied(void **state)
{
    struct body_spool spool;
    struct body_reader reader;
    struct slice chunk;
    struct error error = {0};

    (void)state;
    body_spool_init(&spool, 1000);
    append_pattern(&spool, 500);
    body_reader_init(&reader, &spool);
    assert_true(body_reader_next(&reader, 100, &chunk, &error));
    assert_true(body_reader_next(&reader, 100, &chunk, &error));
    assert_ptr_equal(chunk.data, spool.memory.data + 100);
    assert_null(reader.chunk);
    body_reader_clear(&reader);
    body_spool_clear(&spool);
}

static void reading_at_an_offset(void **state)
{
    static const size_t thresholds[] = {0, 1000};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct body_spool spool;
        struct error error = {0};
        char bytes[8];
        size_t length = 99;

        body_spool_init(&spool, thresholds[i]);
        assert_true(body_spool_append(&spool, s("0123456789"), &error));
        assert_true(body_spool_read(&spool, 3, bytes, 4, &length, &error));
        assert_int_equal(length, 4);
        assert_memory_equal(bytes, "3456", 4);
        assert_true(body_spool_read(&spool, 8, bytes, 8, &length, &error));
        assert_int_equal(length, 2);
        assert_memory_equal(bytes, "89", 2);
        assert_true(body_spool_read(&spool, 10, bytes, 8, &length, &error));
        assert_int_equal(length, 0);
        assert_true(body_spool_read(&spool, UINT64_MAX, bytes, 8, &length, &error));
        assert_int_equal(length, 0);
        body_spool_clear(&spool);
    }
}

static void reset_starts_a_new_message(void **state)
{
    struct body_spool spool;
    struct error error = {0};
    int files = open_files();

    (void)state;
    body_spool_init(&spool, 200000);
    append_pattern(&spool, 150000);
    body_spool_reset(&spool);
    assert_int_equal(spool.memory.capacity, 0);
    append_pattern(&spool, 300000);
    body_spool_reset(&spool);
    assert_int_equal(open_files(), files);
    assert_false(body_spool_in_file(&spool));
    assert_body(&spool, "");
    assert_true(body_spool_append(&spool, s("small"), &error));
    assert_body(&spool, "small");
    body_spool_reset(&spool);
    assert_true(body_spool_append(&spool, s("next"), &error));
    assert_body(&spool, "next");
    body_spool_clear(&spool);
}

static void a_small_body_takes_little_memory(void **state)
{
    struct body_spool spool;

    (void)state;
    body_spool_init(&spool, BODY_SPOOL_THRESHOLD);
    append_pattern(&spool, 3000);
    assert_true(spool.memory.capacity <= 8192);
    body_spool_clear(&spool);
}

static void a_body_moves_as_a_whole(void **state)
{
    struct body_spool small, large;
    struct body_reader reader;
    struct error error = {0};
    int files = open_files();

    (void)state;
    body_spool_init(&small, 100);
    body_spool_init(&large, 50);
    append_pattern(&large, 5000);
    assert_true(body_spool_append(&small, s("old"), &error));
    body_spool_move(&small, &large);
    assert_int_equal(body_spool_size(&small), 5000);
    assert_int_equal(small.threshold, 100);
    assert_body(&large, "");
    assert_int_equal(large.threshold, 50);
    body_reader_init(&reader, &small);
    assert_reads_pattern(&reader, 4000);
    body_reader_clear(&reader);
    assert_true(body_spool_append(&large, s("new"), &error));
    body_spool_move(&small, &large);
    assert_body(&small, "new");
    body_spool_move(&small, &small);
    assert_body(&small, "new");
    assert_int_equal(open_files(), files);
    body_spool_clear(&small);
    body_spool_clear(&large);
}

static void the_temporary_file_has_no_name(void **state)
{
    char path[] = "/tmp/test-body-spool.XXXXXX";
    struct body_spool spool;

    (void)state;
    assert_non_null(mkdtemp(path));
    assert_int_equal(setenv("TMPDIR", path, 1), 0);
    body_spool_init(&spool, 0);
    append_pattern(&spool, 10);
    assert_true(body_spool_in_file(&spool));
    assert_int_equal(rmdir(path), 0); /* only an empty directory goes */
    body_spool_clear(&spool);
    assert_int_equal(unsetenv("TMPDIR"), 0);
}

static void no_temporary_directory_is_an_error(void **state)
{
    struct body_spool spool;
    struct error error = {0};

    (void)state;
    assert_int_equal(setenv("TMPDIR", "/nonexistent/directory", 1), 0);
    body_spool_init(&spool, 3);
    assert_true(body_spool_append(&spool, s("abc"), &error));
    assert_false(body_spool_append(&spool, s("d"), &error));
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_non_null(strstr(error.message, "/nonexistent/directory"));
    assert_body(&spool, "abc");
    assert_int_equal(unsetenv("TMPDIR"), 0);
    error_clear(&error);
    assert_true(body_spool_append(&spool, s("d"), &error));
    assert_body(&spool, "abcd");
    body_spool_clear(&spool);
}

/* A limit on the size of files stands for the full disk. */
static void a_full_disk_is_an_error_and_loses_nothing(void **state)
{
    struct body_spool spool;
    struct body_reader reader;
    struct rlimit old, small;
    struct error error = {0};
    char bytes[4096] = {0};

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    body_spool_init(&spool, 6000);
    append_pattern(&spool, 6000);
    small = (struct rlimit){.rlim_cur = 5000, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_false(body_spool_append(&spool, slice_of(bytes, 1), &error));
    assert_false(body_spool_in_file(&spool)); /* the move itself failed */
    small.rlim_cur = 8000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    error_clear(&error);
    assert_false(body_spool_append(&spool, slice_of(bytes, sizeof(bytes)), &error));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_int_equal(body_spool_size(&spool), 6000);
    append_pattern(&spool, 3000);
    body_reader_init(&reader, &spool);
    assert_reads_pattern(&reader, 65535);
    body_reader_clear(&reader);
    body_spool_clear(&spool);
}

static void a_file_that_became_shorter_is_an_error(void **state)
{
    struct body_spool spool;
    struct body_reader reader;
    struct error error = {0};
    struct slice chunk;

    (void)state;
    body_spool_init(&spool, 0);
    append_pattern(&spool, 100);
    body_reader_init(&reader, &spool);
    assert_int_equal(ftruncate(spool.file, 50), 0);
    assert_false(body_reader_next(&reader, 100, &chunk, &error));
    assert_int_equal(error.code, ERROR_SYSTEM);
    assert_int_equal(reader.offset, 0);
    assert_int_equal(chunk.length, 0);
    body_reader_clear(&reader);
    body_spool_clear(&spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_body),
        cmocka_unit_test(the_threshold_is_the_last_size_in_memory),
        cmocka_unit_test(one_append_beyond_the_threshold),
        cmocka_unit_test(the_default_threshold),
        cmocka_unit_test(readers_are_independent_and_follow_a_growing_body),
        cmocka_unit_test(chunks_in_memory_are_not_copied),
        cmocka_unit_test(reading_at_an_offset),
        cmocka_unit_test(reset_starts_a_new_message),
        cmocka_unit_test(a_small_body_takes_little_memory),
        cmocka_unit_test(a_body_moves_as_a_whole),
        cmocka_unit_test(the_temporary_file_has_no_name),
        cmocka_unit_test(no_temporary_directory_is_an_error),
        cmocka_unit_test(a_full_disk_is_an_error_and_loses_nothing),
        cmocka_unit_test(a_file_that_became_shorter_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
