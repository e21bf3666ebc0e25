/*
 * Tests of source: lines across blocks, long ones, growing and shrinking files, compressed and
 * damaged ones, pipes, positions and identity.
 */
#include "milter-manager-log-analyzer/source.h"

#include "libcore/base/buffer.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];
static char path[96];

static int make_directory(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/test_source.XXXXXX");
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/log", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

static void write_at(int flags, const char *data, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, length), length);
    close(fd);
}

static void append(const char *text)
{
    write_at(O_APPEND, text, strlen(text));
}

static struct source *open_source(void)
{
    struct error error = {0};
    struct source *source = source_open(path, &error);

    assert_string_equal(error.message, "");
    assert_non_null(source);
    return source;
}

static void expect_line(struct source *source, const char *wanted)
{
    struct error error = {0};
    struct slice line;
    bool cut;

    assert_int_equal(source_next_line(source, &line, &cut, &error), SOURCE_LINE_READ);
    assert_false(cut);
    assert_int_equal(line.length, strlen(wanted));
    assert_memory_equal(line.data, wanted, line.length);
}

static void expect_end(struct source *source)
{
    struct error error = {0};
    struct slice line;
    bool cut;

    assert_int_equal(source_next_line(source, &line, &cut, &error), SOURCE_END);
}

static void seek_to(struct source *source, uint64_t offset)
{
    struct error error = {0};

    assert_true(source_seek(source, offset, &error));
    assert_int_equal(source_offset(source), offset);
}

/* ---- plain files */

static void test_lines_of_a_file_that_grows(void **state)
{
    struct source *source;
    struct slice line;

    (void)state;
    append("first\nsecond\r\n\n\r\nthi");
    source = open_source();
    assert_true(source_seekable(source));
    assert_string_equal(source_path(source), path);
    assert_int_equal(source_size(source), 20);
    expect_line(source, "first");
    expect_line(source, "second");
    expect_line(source, "");
    expect_line(source, "");
    expect_end(source);
    assert_int_equal(source_offset(source), 17);
    append("rd\nfourth");
    expect_line(source, "third");
    expect_end(source);
    expect_end(source);
    assert_false(source_shrunk(source));
    assert_true(source_last_line(source, &line));
    assert_true(slice_equal_string(line, "fourth"));
    assert_false(source_last_line(source, &line));
    assert_int_equal(source_offset(source), source_size(source));
    assert_int_equal(source_bytes_read(source), source_size(source));
    source_close(source);
}

static void test_any_byte_may_be_in_a_line(void **state)
{
    static const char bytes[] = "a\0b\xff\xfe\rc\n";
    struct error error = {0};
    struct slice line;
    bool cut;

    (void)state;
    write_at(0, bytes, sizeof(bytes) - 1);
    struct source *source = open_source();
    assert_int_equal(source_next_line(source, &line, &cut, &error), SOURCE_LINE_READ);
    assert_int_equal(line.length, sizeof(bytes) - 2);
    assert_memory_equal(line.data, bytes, line.length);
    source_close(source);
}

/* Lines of all lengths, more than a few blocks of them. */
static void write_many(struct buffer *content)
{
    for (unsigned i = 0; buffer_length(content) < 2000000; i++) {
        buffer_append_format(content, "%u %0*u\n", i, 1 + (int)(i * 7919 % 900), i);
    }
    struct slice all = buffer_slice(content);
    write_at(0, all.data, all.length);
}

static void expect_many(struct source *source, struct slice rest)
{
    while (rest.length > 0) {
        const char *found = memchr(rest.data, '\n', rest.length);
        size_t length = (size_t)(found - rest.data);
        struct error error = {0};
        struct slice line;
        bool cut;

        assert_int_equal(source_next_line(source, &line, &cut, &error), SOURCE_LINE_READ);
        assert_int_equal(line.length, length);
        assert_memory_equal(line.data, rest.data, length);
        slice_skip(&rest, length + 1);
    }
    expect_end(source);
}

static void test_lines_across_blocks_and_positions(void **state)
{
    struct buffer content = {0};
    struct error error = {0};

    (void)state;
    write_many(&content);
    struct slice all = buffer_slice(&content);
    struct source *source = open_source();
    expect_many(source, all);
    assert_int_equal(source_offset(source), all.length);
    size_t middle = (size_t)((const char *)memchr(all.data + 900000, '\n', 2000) - all.data) + 1;
    seek_to(source, middle);
    slice_skip(&all, middle);
    expect_many(source, all);
    assert_false(source_seek(source, middle + all.length + 1, &error));
    assert_non_null(strstr(error.message, "ends before byte"));
    source_close(source);
    buffer_clear(&content);
}

static void test_long_lines_are_cut(void **state)
{
    static const size_t lengths[] = {SOURCE_LINE,     SOURCE_LINE + 1,     2 * SOURCE_LINE,
                                     5 * SOURCE_LINE, 5 * SOURCE_LINE + 1, 40 * SOURCE_LINE};
    struct buffer content = {0};
    struct error error = {0};
    struct slice line;
    bool cut;

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        memset(buffer_reserve(&content, lengths[i]), 'a' + (int)i, lengths[i]);
        buffer_commit(&content, lengths[i]);
        buffer_append_string(&content, "\nshort\n");
    }
    struct slice all = buffer_slice(&content);
    write_at(0, all.data, all.length);
    struct source *source = open_source();
    uint64_t offset = 0;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        assert_int_equal(source_next_line(source, &line, &cut, &error), SOURCE_LINE_READ);
        assert_int_equal(cut, lengths[i] > SOURCE_LINE);
        assert_int_equal(line.length, SOURCE_LINE);
        assert_int_equal(line.data[0], 'a' + (int)i);
        assert_int_equal(line.data[SOURCE_LINE - 1], 'a' + (int)i);
        offset += lengths[i] + 1;
        assert_int_equal(source_offset(source), offset);
        expect_line(source, "short");
        offset += 6;
    }
    expect_end(source);
    source_close(source);
    buffer_clear(&content);
}

/* The end of a long line comes after its beginning was looked at. */
static void test_a_long_line_that_grows_is_one_line(void **state)
{
    char *part = malloc(SOURCE_LINE);
    struct error error = {0};
    struct slice line;
    bool cut;

    (void)state;
    memset(part, 'x', SOURCE_LINE);
    write_at(O_APPEND, part, SOURCE_LINE);
    struct source *source = open_source();
    for (int i = 0; i < 8; i++) {
        expect_end(source);
        write_at(O_APPEND, part, SOURCE_LINE);
    }
    expect_end(source);
    assert_int_equal(source_offset(source), 0);
    assert_false(source_shrunk(source));
    append("\nnext\n");
    assert_int_equal(source_next_line(source, &line, &cut, &error), SOURCE_LINE_READ);
    assert_true(cut);
    assert_int_equal(source_offset(source), 9 * SOURCE_LINE + 1);
    expect_line(source, "next");
    source_close(source);
    free(part);
}

static void test_a_file_that_is_emptied(void **state)
{
    (void)state;
    append("one\ntwo\nthr");
    struct source *source = open_source();
    expect_line(source, "one");
    expect_line(source, "two");
    expect_end(source);
    assert_false(source_shrunk(source));
    assert_int_equal(truncate(path, 0), 0);
    expect_end(source);
    assert_true(source_shrunk(source));
    /* Longer than before already when somebody looks: what stands there is not read on. */
    append("another beginning\nof it\n");
    expect_end(source);
    assert_true(source_shrunk(source));
    seek_to(source, 0);
    assert_false(source_shrunk(source));
    expect_line(source, "another beginning");
    expect_line(source, "of it");
    expect_end(source);
    assert_false(source_shrunk(source));
    source_close(source);
}

static void test_a_file_that_was_empty_when_it_was_opened(void **state)
{
    (void)state;
    append("");
    struct source *source = open_source();
    expect_end(source);
    append("one\n");
    expect_line(source, "one");
    expect_end(source);
    assert_int_equal(truncate(path, 0), 0);
    append("two is longer\n");
    expect_end(source);
    assert_true(source_shrunk(source));
    source_close(source);
}

static void test_a_log_is_known_by_its_head(void **state)
{
    struct source_identity early, late, other = {0};
    struct stat status;

    (void)state;
    append("one\n");
    struct source *source = open_source();
    source_identify(source, &early);
    assert_int_equal(early.head_length, 4);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(early.inode, status.st_ino);
    assert_int_equal(early.device, status.st_dev);
    assert_int_equal(source_modified(source), status.st_mtime);
    for (int i = 0; i < 500; i++) {
        append("more\n");
    }
    source_identify(source, &late);
    assert_int_equal(late.head_length, SOURCE_HEAD);
    assert_true(source_begins_like(source, &early));
    assert_true(source_begins_like(source, &late));
    assert_false(source_begins_like(source, &other));
    late.head_hash++;
    assert_false(source_begins_like(source, &late));
    source_close(source);
}

/* ---- compressed ones */

static void pack(int filter, const struct buffer *content)
{
    struct archive *archive = archive_write_new();
    struct archive_entry *entry = archive_entry_new();
    struct slice all = buffer_slice(content);

    assert_int_equal(archive_write_add_filter(archive, filter), ARCHIVE_OK);
    assert_int_equal(archive_write_set_format_raw(archive), ARCHIVE_OK);
    assert_int_equal(archive_write_open_filename(archive, path), ARCHIVE_OK);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_pathname(entry, "log");
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(archive, all.data, all.length), all.length);
    archive_entry_free(entry);
    assert_int_equal(archive_write_free(archive), ARCHIVE_OK);
}

static const int filters[] = {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_XZ,
                              ARCHIVE_FILTER_BZIP2};

static void test_compressed_logs_are_read_as_what_they_hold(void **state)
{
    struct source_identity plain, packed;
    struct buffer content = {0};
    struct error error = {0};

    (void)state;
    write_many(&content);
    struct source *source = open_source();
    source_identify(source, &plain);
    source_close(source);
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        struct slice all = buffer_slice(&content);

        pack(filters[i], &content);
        source = open_source();
        source_identify(source, &packed);
        assert_int_equal(packed.head_length, plain.head_length);
        assert_int_equal(packed.head_hash, plain.head_hash);
        assert_int_equal(packed.inode, 0);
        assert_true(source_begins_like(source, &plain));
        assert_true(source_seekable(source));
        expect_many(source, all);
        assert_int_equal(source_bytes_read(source), source_size(source));
        assert_false(source_shrunk(source));
        size_t middle =
            (size_t)((const char *)memchr(all.data + 900000, '\n', 2000) - all.data) + 1;
        seek_to(source, middle);
        slice_skip(&all, middle);
        expect_many(source, all);
        assert_false(source_seek(source, middle + all.length + 1, &error));
        error_clear(&error);
        source_close(source);
        assert_int_equal(unlink(path), 0);
    }
    buffer_clear(&content);
}

static void test_empty_compressed_logs(void **state)
{
    struct buffer nothing = {0};
    struct slice line;

    (void)state;
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        pack(filters[i], &nothing);
        struct source *source = open_source();
        expect_end(source);
        assert_false(source_last_line(source, &line));
        source_close(source);
        assert_int_equal(unlink(path), 0);
    }
}

/* What could be unpacked is given out, then the failure is said, as often as somebody asks. */
static void expect_damage(size_t at_least)
{
    struct source *source = open_source();
    struct error error = {0};
    struct slice line;
    size_t lines = 0;
    bool cut;

    while (source_next_line(source, &line, &cut, &error) == SOURCE_LINE_READ) {
        lines++;
    }
    assert_true(lines >= at_least);
    assert_non_null(strstr(error.message, path));
    assert_non_null(strstr(error.message, "damaged"));
    error_clear(&error);
    assert_int_equal(source_next_line(source, &line, &cut, &error), SOURCE_FAILED);
    source_close(source);
}

static void test_damaged_compressed_logs(void **state)
{
    struct buffer content = {0};
    struct stat status;

    (void)state;
    write_many(&content);
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        pack(filters[i], &content);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(truncate(path, status.st_size * 3 / 4), 0);
        expect_damage(filters[i] == ARCHIVE_FILTER_BZIP2 ? 0 : 100);
        assert_int_equal(truncate(path, 12), 0);
        expect_damage(0);
        assert_int_equal(unlink(path), 0);
    }
    buffer_clear(&content);
}

/* ---- pipes and what is no log */

/* Standard input is a pipe with that in it while the function runs. */
static void with_pipe(const char *data, size_t length, void (*check)(struct source *source))
{
    struct error error = {0};
    int ends[2], saved = dup(STDIN_FILENO);

    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], data, length), length);
    close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    struct source *source = source_open("-", &error);
    assert_non_null(source);
    check(source);
    source_close(source);
    assert_int_equal(dup2(saved, STDIN_FILENO), STDIN_FILENO);
    close(saved);
}

static void check_pipe(struct source *source)
{
    struct source_identity identity;
    struct error error = {0};

    assert_false(source_seekable(source));
    assert_int_equal(source_size(source), 0);
    expect_line(source, "one");
    expect_line(source, "two");
    expect_end(source);
    source_identify(source, &identity);
    assert_int_equal(identity.head_length, 0);
    assert_false(source_seek(source, 0, &error));
    assert_false(source_shrunk(source));
}

static void test_pipes(void **state)
{
    struct buffer content = {0};
    char packed[256];

    (void)state;
    with_pipe("one\ntwo\n", 8, check_pipe);
    buffer_append_string(&content, "one\ntwo\n");
    pack(ARCHIVE_FILTER_GZIP, &content);
    int fd = open(path, O_RDONLY);
    ssize_t length = read(fd, packed, sizeof(packed));
    close(fd);
    assert_true(length > 0);
    with_pipe(packed, (size_t)length, check_pipe);
    buffer_clear(&content);
}

static void test_what_cannot_be_read(void **state)
{
    struct error error = {0};

    (void)state;
    assert_null(source_open("/nowhere/log", &error));
    assert_non_null(strstr(error.message, "/nowhere/log"));
    error_clear(&error);
    assert_null(source_open(directory, &error));
    assert_non_null(strstr(error.message, "is a directory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)
        TEST(test_lines_of_a_file_that_grows),
        TEST(test_any_byte_may_be_in_a_line),
        TEST(test_lines_across_blocks_and_positions),
        TEST(test_long_lines_are_cut),
        TEST(test_a_long_line_that_grows_is_one_line),
        TEST(test_a_file_that_is_emptied),
        TEST(test_a_file_that_was_empty_when_it_was_opened),
        TEST(test_a_log_is_known_by_its_head),
        TEST(test_compressed_logs_are_read_as_what_they_hold),
        TEST(test_empty_compressed_logs),
        TEST(test_damaged_compressed_logs),
        TEST(test_pipes),
        TEST(test_what_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
