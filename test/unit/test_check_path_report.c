/*
 * Why a path cannot be used: what is missing, what is no socket, and as another
 * user which element refuses and why.
 */
#include "milter-manager/check/path_report.h"

#include "libcore/base/memory.h"

#include <ftw.h>
#include <grp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Somebody, in no group but GROUP_MINE. */
enum { USER = 61234, GROUP_MINE = 61235, GROUP_OTHER = 61236 };

static char directory[] = "/tmp/test_check_path_report.XXXXXX";

static char *path_of(const char *name)
{
    return memory_format("%s/%s", directory, name);
}

static void make_socket(const char *name, mode_t mode)
{
    char *path = path_of(name);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(chmod(path, mode), 0);
    (void)close(fd);
    free(path);
}

static void make_directory(const char *name, mode_t mode, gid_t group)
{
    char *path = path_of(name);

    assert_int_equal(mkdir(path, 0700), 0);
    if (geteuid() == 0) {
        assert_int_equal(chown(path, 0, group), 0);
    }
    assert_int_equal(chmod(path, mode), 0);
    free(path);
}

static int set_up(void **state)
{
    (void)state;
    memcpy(directory + strlen(directory) - 6, "XXXXXX", 6);
    return mkdtemp(directory) == NULL || chmod(directory, 0755) != 0 ? -1 : 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int tear_down(void **state)
{
    (void)state;
    return nftw(directory, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* What is said of the path, with $ for the directory; "" when nothing is. */
static char *say(const char *name, enum path_use use)
{
    char *path = path_of(name);
    struct path_report report;
    struct error error = {0};
    char *said = NULL, *found;

    if (!path_report_make(&report, path, use, &error)) {
        assert_true(report.culprit >= 0);
    }
    said = memory_copy_string(error.message);
    while ((found = strstr(said, directory)) != NULL) {
        char *shorter =
            memory_format("%.*s$%s", (int)(found - said), said, found + strlen(directory));

        free(said);
        said = shorter;
    }
    path_report_clear(&report);
    free(path);
    return said;
}

static void says(const char *name, enum path_use use, const char *expected)
{
    char *said = say(name, use);

    assert_string_equal(said, expected);
    free(said);
}

static void what_is_missing_or_no_socket_is_named(void **state)
{
    char *link = path_of("link");
    char *file = path_of("file");

    (void)state;
    make_socket("s", 0777);
    make_directory("d", 0755, 0);
    assert_int_equal(symlink("/nonexistent/x", link), 0);
    (void)fclose(fopen(file, "w"));
    says("s", PATH_CONNECT, "");
    says("d", PATH_MAKE_FILE, "");
    says("no", PATH_CONNECT,
         "$/no does not exist; is the milter running, and told to listen there?");
    says("no/s", PATH_CONNECT,
         "directory $/no does not exist; start the milter, which makes it as a rule, or correct "
         "the path");
    says("no", PATH_MAKE_FILE, "directory $/no does not exist; make it, or correct the path");
    says("link", PATH_CONNECT,
         "$/link is a symbolic link to something that does not exist; mend the link");
    says("file", PATH_CONNECT, "$/file is a file, not a socket; correct the path");
    says("d", PATH_CONNECT, "$/d is a directory, not a socket; correct the path");
    says("s/x", PATH_CONNECT, "$/s is a socket, not a directory; correct the path");
    says("file", PATH_MAKE_FILE, "$/file is a file, not a directory; correct the path");
    free(link);
    free(file);
}

/* In a child process that is somebody else. */
static void says_to_user(const char *name, enum path_use use, const char *expected)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        gid_t groups[] = {GROUP_MINE};
        char *said;

        if (setgroups(1, groups) != 0 || setgid(GROUP_MINE) != 0 || setuid(USER) != 0) {
            _exit(2);
        }
        said = say(name, use);
        if (strcmp(said, expected) != 0) {
            print_error("%s\n", said);
            _exit(1);
        }
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void the_element_that_refuses_says_why(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    make_directory("other", 0750, GROUP_OTHER);
    make_directory("mine", 0740, GROUP_MINE);
    make_directory("closed", 0700, GROUP_OTHER);
    make_directory("root", 0750, 0);
    make_directory("open", 0755, 0);
    make_socket("open/s", 0755);
    make_socket("all", 0777);
    says_to_user("all", PATH_CONNECT, "");
    says_to_user("other/s", PATH_CONNECT,
                 "$/other 0750 root:61236: user 61234 is not in group 61236; put the user into it "
                 "(usermod -aG 61236 61234) and start milter-manager again");
    says_to_user(
        "mine/s", PATH_CONNECT,
        "$/mine 0740 root:61235: user 61234 is in group 61235, which may not enter it; let "
        "the group (chmod g+x $/mine)");
    says_to_user(
        "closed/s", PATH_CONNECT,
        "$/closed 0700 root:61236: only its owner may enter it, user 61234 is another one; "
        "open it to a group of 61234 (chgrp, chmod g+x)");
    says_to_user("open/s", PATH_CONNECT,
                 "$/open/s 0755 root:root: only its owner may write to it, user 61234 is another "
                 "one; open it to a group of 61234 (chgrp, chmod g+w)");
    says_to_user(
        "open", PATH_MAKE_FILE,
        "$/open 0755 root:root: only its owner may make files in it, user 61234 is another "
        "one; make a directory of that user's own in it (install -d -o 61234 $/open/NAME), and use "
        "that");
    make_directory("grouped", 0755, GROUP_OTHER);
    says_to_user(
        "grouped", PATH_MAKE_FILE,
        "$/grouped 0755 root:61236: only its owner may make files in it, user 61234 is another "
        "one; open it to a group of 61234 (chgrp, chmod g+wx)");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_missing_or_no_socket_is_named),
        TEST(the_element_that_refuses_says_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
