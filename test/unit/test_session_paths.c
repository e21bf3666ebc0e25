/*
 * Tests of session_paths: which files of a directory are meant, in which
 * order, and what cannot be read.
 */
#include "milter-test-server/session_paths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/test_session_paths.XXXXXX";

static const char *const files[] = {"2.session", "10.session", "b/1.session",        "README",
                                    ".session",  "x.sessions", "a.session/z.session"};

static const char *const found[] = {"10.session", "2.session", "a.session/z.session", "b/1.session",
                                    "gone.session"};

static void path_of(char *path, size_t size, const char *name)
{
    (void)snprintf(path, size, "%s/%s", directory, name);
}

static int set_up(void **state)
{
    char path[128];

    (void)state;
    if (mkdtemp(directory) == NULL || chdir(directory) != 0 || mkdir("b", 0700) != 0 ||
        mkdir("a.session", 0700) != 0 || mkdir("none", 0700) != 0) {
        return -1;
    }
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        FILE *file;

        path_of(path, sizeof(path), files[i]);
        file = fopen(path, "w");
        if (file == NULL || fclose(file) != 0) {
            return -1;
        }
    }
    return symlink("nowhere", "gone.session") == 0 && symlink("..", "b/circle") == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        (void)unlink(files[i]);
    }
    (void)unlink("gone.session");
    (void)unlink("b/circle");
    return rmdir("b") == 0 && rmdir("a.session") == 0 && rmdir("none") == 0 && chdir("/") == 0
               ? rmdir(directory)
               : -1;
}

static void test_directory(void **state)
{
    struct session_paths paths = {0};
    struct error error = {0};

    (void)state;
    assert_true(session_paths_add(&paths, directory, &error));
    assert_int_equal(paths.count, sizeof(found) / sizeof(found[0]));
    for (size_t i = 0; i < paths.count; i++) {
        char path[128];

        path_of(path, sizeof(path), found[i]);
        assert_string_equal(paths.items[i], path);
    }
    session_paths_clear(&paths);
    assert_int_equal(paths.count, 0);
}

/* What is named is meant, whatever it is called; several are added up. */
static void test_files(void **state)
{
    struct session_paths paths = {0};
    struct error error = {0};

    (void)state;
    assert_true(session_paths_add(&paths, "README", &error));
    assert_true(session_paths_add(&paths, "-", &error));
    assert_true(session_paths_add(&paths, "a.session/", &error));
    assert_int_equal(paths.count, 3);
    assert_string_equal(paths.items[0], "README");
    assert_string_equal(paths.items[1], "-");
    assert_string_equal(paths.items[2], "a.session/z.session");
    session_paths_clear(&paths);
}

static void test_failures(void **state)
{
    struct session_paths paths = {0};
    struct error error = {0};

    (void)state;
    assert_false(session_paths_add(&paths, "none", &error));
    assert_string_equal(error.message, "none holds no file named *.session");
    error = (struct error){0};
    assert_false(session_paths_add(&paths, "missing", &error));
    assert_string_equal(error.message,
                        "cannot read session file missing: No such file or directory");
    assert_int_equal(paths.count, 0);
    session_paths_clear(&paths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_failures),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
