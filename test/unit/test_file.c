/*
 * Tests of file: reading, replacing as a whole, and what stays after a failure.
 */
#include "libcore/base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/test_file.XXXXXX";
static char path[64], missing[64];

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    (void)snprintf(path, sizeof(path), "%s/file", directory);
    (void)snprintf(missing, sizeof(missing), "%s/none/file", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(directory);
}

static unsigned mode(void)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

static void check_content(const char *text)
{
    struct buffer content = {0};
    struct error error = {0};

    assert_true(file_read(path, "test file", &content, &error));
    assert_true(slice_equal_string(buffer_slice(&content), text));
    buffer_clear(&content);
}

static void test_write_and_read(void **state)
{
    struct error error = {0};

    (void)state;
    assert_true(file_may_write(path, &error));
    assert_true(file_write(path, 0600, slice_from_string("one"), &error));
    assert_true(file_may_write(path, &error));
    check_content("one");
    assert_int_equal(mode(), 0600);
    assert_int_equal(chmod(path, 0640), 0);
    assert_true(file_write(path, 0600, slice_from_string(""), &error));
    check_content("");
    assert_int_equal(mode(), 0640);
}

static void test_link(void **state)
{
    struct error error = {0};
    struct stat status;
    char link[64];

    (void)state;
    (void)snprintf(link, sizeof(link), "%s/link", directory);
    assert_int_equal(symlink(path, link), 0);
    assert_true(file_write(path, 0600, slice_from_string("old"), &error));
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 65534, 65534), 0);
    }
    assert_true(file_write(link, 0644, slice_from_string("new"), &error));
    check_content("new");
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_uid, geteuid() == 0 ? 65534 : geteuid());
    assert_int_equal(unlink(link), 0);
}

/* In a directory of many users a link may lead to what root alone may write. */
static void test_link_of_another(void **state)
{
    struct error error = {0};
    struct buffer content = {0};
    struct stat status;
    char link[64];

    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    (void)snprintf(link, sizeof(link), "%s/link", directory);
    assert_true(file_write(path, 0600, slice_from_string("old"), &error));
    assert_int_equal(symlink(path, link), 0);
    assert_false(file_is_foreign_link(link));
    assert_int_equal(lchown(link, 65534, 65534), 0);
    assert_true(file_is_foreign_link(link));
    assert_true(file_may_write(link, &error));
    assert_true(file_write(link, 0644, slice_from_string("new"), &error));
    check_content("old");
    assert_int_equal(lstat(link, &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_int_equal(status.st_mode & 07777, 0644);
    assert_int_equal(status.st_uid, 0);
    assert_true(file_read(link, "link", &content, &error));
    assert_true(slice_equal_string(buffer_slice(&content), "new"));
    buffer_clear(&content);
    assert_int_equal(unlink(link), 0);
}

/* Nobody's /dev/full becomes a file. */
static void test_special_files_stay(void **state)
{
    struct error error = {0};
    struct stat status;
    char fifo[64];
    char bytes[8] = {0};
    int ends;

    (void)state;
    (void)snprintf(fifo, sizeof(fifo), "%s/fifo", directory);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    ends = open(fifo, O_RDWR | O_NONBLOCK);
    assert_true(ends >= 0);
    assert_true(file_write(fifo, 0644, slice_from_string("text"), &error));
    assert_int_equal(read(ends, bytes, sizeof(bytes)), 4);
    assert_string_equal(bytes, "text");
    assert_int_equal(lstat(fifo, &status), 0);
    assert_true(S_ISFIFO(status.st_mode));
    assert_int_equal(close(ends), 0);
    assert_int_equal(unlink(fifo), 0);
}

static void test_failures(void **state)
{
    struct buffer content = {0};
    struct error error = {0};

    (void)state;
    assert_false(file_read(missing, "test file", &content, &error));
    assert_non_null(strstr(error.message, "/none/file does not exist."));
    error = (struct error){0};
    assert_false(file_read(directory, "test file", &content, &error));
    assert_non_null(strstr(error.message, "cannot read test file /tmp/"));
    error = (struct error){0};
    assert_false(file_may_write(missing, &error));
    assert_false(file_write(missing, 0600, slice_from_string("x"), &error));
    assert_non_null(strstr(error.message, "cannot write /tmp/"));
    error = (struct error){0};
    /* A directory cannot be replaced by a file: nothing is left behind, tear_down finds it empty.
     */
    assert_false(file_may_write(directory, &error));
    assert_false(file_write(directory, 0600, slice_from_string("x"), &error));
    buffer_clear(&content);
}

/* The size tells it at once; a pipe has none, so reading has to stop. */
static void test_limit(void **state)
{
    static const char piece[1 << 16] = "x";
    struct buffer content = {0}, two = {0};
    struct error error = {0};
    int ends[2], input = dup(STDIN_FILENO);
    pid_t writer;

    (void)state;
    for (unsigned i = 0; i < 32; i++) {
        buffer_append(&two, piece, sizeof(piece));
    }
    assert_true(file_write(path, 0600, buffer_slice(&two), &error));
    assert_true(file_read_up_to(path, "test file", 2 << 20, &content, &error));
    assert_int_equal(buffer_length(&content), 2 << 20);
    buffer_reset(&content);
    assert_false(file_read_up_to(path, "test file", 1 << 20, &content, &error));
    assert_non_null(strstr(error.message, "is too large: more than 1 MiB"));
    assert_int_equal(buffer_length(&content), 0);
    error = (struct error){0};
    assert_int_equal(pipe(ends), 0);
    writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        (void)close(ends[0]);
        while (write(ends[1], piece, sizeof(piece)) > 0) {
        }
        _exit(0);
    }
    (void)close(ends[1]);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    (void)close(ends[0]);
    assert_false(file_read_up_to("-", "test file", 1 << 20, &content, &error));
    assert_string_equal(error.message, "test file - is too large: more than 1 MiB");
    if (input >= 0) {
        (void)dup2(input, STDIN_FILENO);
        (void)close(input);
    } else {
        (void)close(STDIN_FILENO);
    }
    assert_int_equal(waitpid(writer, NULL, 0), writer);
    buffer_clear(&content);
    buffer_clear(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read),  cmocka_unit_test(test_link),
        cmocka_unit_test(test_link_of_another), cmocka_unit_test(test_special_files_stay),
        cmocka_unit_test(test_failures),        cmocka_unit_test(test_limit),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
