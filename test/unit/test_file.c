/*
 * Tests of file: reading, replacing as a whole, and what stays after a failure.
 */
#include "libcore/base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
    assert_true(file_write(path, 0600, slice_from_string("one"), &error));
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
    assert_false(file_write(missing, 0600, slice_from_string("x"), &error));
    assert_non_null(strstr(error.message, "cannot write /tmp/"));
    error = (struct error){0};
    /* A directory cannot be replaced by a file: nothing is left behind, tear_down finds it empty.
     */
    assert_false(file_write(directory, 0600, slice_from_string("x"), &error));
    buffer_clear(&content);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_failures),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
