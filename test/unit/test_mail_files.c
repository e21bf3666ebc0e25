/*
 * test_mail_files - files, trees of directories, links, and the words that
 * name nothing that could be sent.
 */
#include "milter-performance-check/mail_files.h"

#include "libcore/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char top[] = "/tmp/test_mail_files.XXXXXX";
static char start[4096];

static void write_file(const char *path)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs("Subject: x\n\n", file);
    fclose(file);
}

static int set_up(void **state)
{
    (void)state;
    if (getcwd(start, sizeof(start)) == NULL || mkdtemp(top) == NULL || chdir(top) != 0) {
        return -1;
    }
    (void)mkdir("tree", 0700);
    (void)mkdir("tree/a", 0700);
    (void)mkdir("tree/a/deep", 0700);
    (void)mkdir("tree/none", 0700);
    (void)mkdir("empty", 0700);
    (void)mkdir("empty/below", 0700);
    write_file("tree/z");
    write_file("tree/a-b");
    write_file("tree/B");
    write_file("tree/\xc3\xa4");
    write_file("tree/.hidden");
    write_file("tree/a/2");
    write_file("tree/a/10");
    write_file("tree/a/deep/x");
    write_file("one");
    (void)mkfifo("tree/fifo", 0600);
    (void)mkfifo("empty/fifo", 0600);
    return symlink("..", "tree/a/loop") == 0 && symlink("../one", "tree/link") == 0 &&
                   symlink("tree/a", "link-to-a") == 0
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    char *command = memory_format("rm -rf %s", top);
    int status;

    (void)state;
    (void)chdir(start);
    status = system(command);
    free(command);
    return status;
}

static void assert_collected(const char *const *words, size_t count, const char *expected)
{
    const struct option_strings strings = {(const char **)(size_t)words, count};
    struct mail_files files;
    struct error error = {0};
    char found[512] = "";

    if (!mail_files_collect(&files, &strings, &error)) {
        fail_msg("%s", error.message);
    }
    for (size_t i = 0; i < files.count; i++) {
        (void)strncat(found, files.paths[i], sizeof(found) - strlen(found) - 1);
        (void)strncat(found, "|", sizeof(found) - strlen(found) - 1);
    }
    assert_string_equal(found, expected);
    mail_files_clear(&files);
}

#define TREE(top) top "/.hidden|" top "/B|" top "/a-b|" top "/a/10|" top "/a/2|" top "/a/deep/x|"

static void directories_are_searched_and_sorted(void **state)
{
    static const char *const words[] = {"tree", "tree/"};
    static const char *const mixed[] = {"-", "tree/z", "one", "tree/a", "one", "./-"};

    (void)state;
    assert_collected(words, 1, TREE("tree") "tree/link|tree/z|tree/\xc3\xa4|");
    assert_collected(words + 1, 1, TREE("tree") "tree/link|tree/z|tree/\xc3\xa4|");
    write_file("-");
    assert_collected(mixed, 6, "-|tree/z|one|tree/a/10|tree/a/2|tree/a/deep/x|one|./-|");
    assert_collected(mixed, 0, "");
}

static void a_link_that_is_named_is_followed(void **state)
{
    static const char *const words[] = {"link-to-a", "tree/link"};

    (void)state;
    assert_collected(words, 2, "link-to-a/10|link-to-a/2|link-to-a/deep/x|tree/link|");
}

static void assert_refused(const char *word, const char *sentence)
{
    const char *words[] = {"one", word};
    const struct option_strings strings = {words, 2};
    struct mail_files files;
    struct error error = {0};

    assert_false(mail_files_collect(&files, &strings, &error));
    assert_string_equal(error.message, sentence);
    mail_files_clear(&files);
}

static void what_cannot_be_sent_is_named(void **state)
{
    const char *twice[] = {"-", "one", "-"};
    const struct option_strings strings = {twice, 3};
    struct mail_files files;
    struct error error = {0};

    (void)state;
    assert_refused("missing", "missing does not exist.");
    assert_refused("", "the name of a mail file is empty");
    assert_refused("one/x", "cannot read one/x: Not a directory");
    assert_refused("empty", "the directory empty holds no mail: no file is in or below it");
    assert_refused("tree/fifo", "tree/fifo is neither a file nor a directory; "
                                "- reads a mail from standard input");
    assert_false(mail_files_collect(&files, &strings, &error));
    assert_string_equal(error.message,
                        "- (standard input) can be read only once, but is given twice");
    mail_files_clear(&files);
    assert_int_equal(symlink("nowhere", "empty/dangling"), 0);
    assert_refused("empty", "cannot follow the link empty/dangling: No such file or directory");
    assert_int_equal(unlink("empty/dangling"), 0);
}

static void a_directory_that_may_not_be_read_is_named(void **state)
{
    (void)state;
    if (geteuid() == 0) {
        skip(); /* root may */
    }
    assert_int_equal(mkdir("empty/closed", 0), 0);
    assert_refused("empty", "cannot read the directory empty/closed: Permission denied");
}

static void very_deep_trees(void **state)
{
    enum { DEPTH = 900 };
    char path[2 * DEPTH + 32] = "deep";
    const char *word = "deep";
    struct option_strings strings = {&word, 1};
    struct mail_files files;
    struct error error = {0};

    (void)state;
    for (unsigned i = 0; i < DEPTH; i++) {
        assert_int_equal(mkdir(path, 0700), 0);
        (void)strcat(path, "/d");
    }
    write_file(path);
    assert_true(mail_files_collect(&files, &strings, &error));
    assert_int_equal(files.count, 1);
    assert_string_equal(files.paths[0], path);
    mail_files_clear(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directories_are_searched_and_sorted),
        cmocka_unit_test(a_link_that_is_named_is_followed),
        cmocka_unit_test(what_cannot_be_sent_is_named),
        cmocka_unit_test(a_directory_that_may_not_be_read_is_named),
        cmocka_unit_test(very_deep_trees),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
