/*
 * Tests of source_find: patterns, the order of rotated sets, files with two names, and what is no
 * log.
 */
#include "milter-manager-log-analyzer/source_find.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char former[4096];
static char directory[64];

static int enter_directory(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof(directory), "/tmp/test_source_find.XXXXXX");
    return getcwd(former, sizeof(former)) == NULL || mkdtemp(directory) == NULL || chdir(directory);
}

static int leave_directory(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", directory);
    return chdir(former) != 0 || system(command) != 0;
}

static void make_files(const char *names)
{
    char copy[512], *rest = copy;

    (void)snprintf(copy, sizeof(copy), "%s", names);
    for (char *name = strtok_r(copy, " ", &rest); name != NULL; name = strtok_r(NULL, " ", &rest)) {
        int fd = open(name, O_WRONLY | O_CREAT, 0600);

        assert_true(fd >= 0);
        close(fd);
    }
}

/* patterns and wanted: words. */
static void expect(const char *patterns, const char *wanted)
{
    struct option_strings words = {0}, paths = {0};
    struct error error = {0};
    char copy[512], found[1024] = "", *rest = copy;

    (void)snprintf(copy, sizeof(copy), "%s", patterns);
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        option_strings_add(&words, word);
    }
    assert_true(source_find(&words, &paths, &error));
    for (size_t i = 0; i < paths.count; i++) {
        size_t used = strlen(found);

        (void)snprintf(found + used, sizeof(found) - used, "%s%s", i > 0 ? " " : "",
                       paths.items[i]);
    }
    assert_string_equal(found, wanted);
    source_find_clear(&paths);
    option_strings_clear(&words);
}

static void expect_error(const char *first, const char *second, const char *words)
{
    struct option_strings patterns = {0}, paths = {0};
    struct error error = {0};

    option_strings_add(&patterns, first);
    option_strings_add(&patterns, second);
    assert_false(source_find(&patterns, &paths, &error));
    assert_int_equal(paths.count, 0);
    if (strstr(error.message, words) == NULL) {
        fail_msg("no \"%s\" in: %s", words, error.message);
    }
    option_strings_clear(&patterns);
}

static void test_rotated_sets_are_in_order(void **state)
{
    (void)state;
    make_files("mail.log mail.log.1 mail.log.2.gz mail.log.10.gz mail.log.9.xz");
    expect("mail.log*", "mail.log.10.gz mail.log.9.xz mail.log.2.gz mail.log.1 mail.log");
    /* As a shell has already written it out. */
    expect("mail.log mail.log.1 mail.log.10.gz", "mail.log.10.gz mail.log.1 mail.log");
    make_files("m m-20240501.zst m-20231231.bz2 m-20240430 m-2024043023");
    expect("m m-*", "m-20231231.bz2 m-20240430 m-2024043023 m-20240501.zst m");
    make_files("n.log n-2024-05-01.log n-2023-12-31.log.gz n.1.log n2.log");
    expect("n*.log*", "n.1.log n-2023-12-31.log.gz n-2024-05-01.log n.log n2.log");
}

static void test_sets_come_as_they_are_named(void **state)
{
    (void)state;
    make_files("b b.1 a a.1");
    expect("b a b.1 a.1", "b.1 b a.1 a");
    expect("b - a", "b - a");
}

static void test_files_with_two_names_come_once(void **state)
{
    (void)state;
    make_files("a a.1");
    assert_int_equal(symlink("a", "link"), 0);
    assert_int_equal(link("a.1", "hard"), 0);
    expect("a* link hard a", "a.1 a");
    expect("- -", "-");
}

static void test_a_name_that_is_there_means_itself(void **state)
{
    (void)state;
    make_files("m[1] m1");
    expect("m[1]", "m[1]");
    expect("m[1]*", "m1");
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    make_files("a");
    assert_int_equal(mkdir("logs", 0700), 0);
    expect_error("a", "nothing", "there is no log nothing");
    expect_error("a", "nothing*", "no log is called nothing*");
    expect_error("a", "logs", "logs is a directory; name the logs in it, like \"logs/mail.log*\"");
    expect_error("a", "log*", "logs is a directory");
    expect_error("a", "a/b", "cannot look at the log a/b: Not a directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_directory, leave_directory)
        TEST(test_rotated_sets_are_in_order),
        TEST(test_sets_come_as_they_are_named),
        TEST(test_files_with_two_names_come_once),
        TEST(test_a_name_that_is_there_means_itself),
        TEST(test_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
