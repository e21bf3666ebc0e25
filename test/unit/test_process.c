/*
 * Limits, lookups, dropping root, detaching and the pid file.  What changes the
 * process happens in children.
 */
#include "libcore/net/process.h"

#include "libcore/base/log.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];
static char path[128];

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/test-process-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/file", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    assert_int_equal(rmdir(directory), 0);
    return 0;
}

/* Exit status of act in a child; 200 and more: killed. */
static int in_child(void (*act)(void))
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        act();
        _exit(99);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

static const char *file_text(void)
{
    static char text[256];
    FILE *file = fopen(path, "r");
    text[0] = '\0';
    if (file != NULL) {
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        fclose(file);
    }
    return text;
}

/* Limits. */

static void set_limits(void)
{
    struct rlimit limits;
    struct error error = {0};
    if (!process_set_descriptor_limit(200, &error) || getrlimit(RLIMIT_NOFILE, &limits) != 0 ||
        limits.rlim_cur != 200 || limits.rlim_max != 200) {
        _exit(1);
    }
    limits.rlim_cur = 100;
    setrlimit(RLIMIT_NOFILE, &limits);
    if (!process_set_descriptor_limit(0, &error) || getrlimit(RLIMIT_NOFILE, &limits) != 0) {
        _exit(2);
    }
    _exit(limits.rlim_cur == 200 ? 0 : 3);
}

static void the_descriptor_limit_is_set_or_raised(void **state)
{
    (void)state;
    assert_int_equal(in_child(set_limits), 0);
}

/* Lookups. */

static void users_are_found_by_name_and_number(void **state)
{
    struct process_user found;
    struct error error = {0};
    const struct passwd *nobody = getpwnam("nobody");
    char number[32];
    (void)state;
    uid_t user = nobody->pw_uid;
    gid_t group = nobody->pw_gid;
    snprintf(number, sizeof(number), "%lu", (unsigned long)user);
    assert_true(process_find_user("nobody", &found, &error));
    assert_true(found.known && found.user == user && found.group == group);
    assert_true(process_find_user(number, &found, &error));
    assert_string_equal(found.name, "nobody");
    assert_true(process_find_user("3999999999", &found, &error));
    assert_false(found.known);
    assert_int_equal(found.user, 3999999999U);
    assert_int_equal(error.code, ERROR_NONE);
    assert_false(process_find_user("no-such-user", &found, &error));
    assert_string_equal(error.message,
                        "failed to find password entry for effective user: no-such-user");
    error_clear(&error);
    assert_false(process_find_user("4294967295", &found, &error));
    error_clear(&error);
    assert_false(process_find_user("-1", &found, &error));
}

static void groups_are_found_by_name_and_number(void **state)
{
    gid_t group = 77;
    struct error error = {0};
    (void)state;
    assert_true(process_find_group("root", &group, &error));
    assert_int_equal(group, 0);
    assert_true(process_find_group("12345", &group, &error));
    assert_int_equal(group, 12345);
    assert_false(process_find_group("no-such-group", &group, &error));
    assert_string_equal(error.message, "failed to find group entry for: no-such-group");
}

/* Privileges. */

static bool only_group(gid_t group)
{
    gid_t groups[64];
    int count = getgroups(64, groups);
    for (int i = 0; i < count; i++) {
        if (groups[i] == 0) {
            return false;
        }
    }
    return count >= 0 && getgid() == group && getegid() == group;
}

static void become_nobody(void)
{
    struct error error = {0};
    const gid_t roots[] = {0, 4, 5};
    gid_t group = getpwnam("nobody")->pw_gid;
    uid_t user = getpwnam("nobody")->pw_uid;
    setgroups(3, roots);
    if (!process_drop_privileges(NULL, NULL, &error)) {
        _exit(1);
    }
    _exit(getuid() == user && geteuid() == user && only_group(group) && setuid(0) != 0 ? 0 : 2);
}

static void become_numbers(void)
{
    struct error error = {0};
    const gid_t roots[] = {0, 4, 5};
    setgroups(3, roots);
    if (process_drop_privileges("40001", NULL, &error)) {
        _exit(1);
    }
    error_clear(&error);
    if (!process_drop_privileges("40001", "40002", &error)) {
        _exit(2);
    }
    _exit(getuid() == 40001 && only_group(40002) ? 0 : 3);
}

static void become_unknown(void)
{
    struct error error = {0};
    _exit(process_drop_privileges("no-such-user", NULL, &error) ? 1 : 0);
}

static void root_is_given_up_with_all_its_groups(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(in_child(become_nobody), 0);
    assert_int_equal(in_child(become_numbers), 0);
    assert_int_equal(in_child(become_unknown), 0);
}

/* Detaching. */

/* The daemon writes what it sees into the file before it says that it is ready. */
static void detach_and_report(void)
{
    struct error error = {0};
    struct stat null, output;
    char where[256];
    umask(077);
    if (!process_daemonize(&error)) {
        _exit(1);
    }
    mode_t mask = umask(0);
    FILE *file = fopen(path, "w");
    stat("/dev/null", &null);
    fstat(STDOUT_FILENO, &output);
    fprintf(file, "cwd=%s umask=%o leader=%d null=%d\n", getcwd(where, sizeof(where)),
            (unsigned)mask, getsid(0) == getpid(), null.st_rdev == output.st_rdev);
    fclose(file);
    process_ready();
    _exit(7);
}

static void detach_and_die(void)
{
    struct error error = {0};
    if (!process_daemonize(&error)) {
        _exit(2);
    }
    _exit(0);
}

static void the_parent_exits_when_the_daemon_is_ready(void **state)
{
    (void)state;
    assert_int_equal(in_child(detach_and_report), 0);
    assert_string_equal(file_text(), "cwd=/ umask=0 leader=0 null=1\n");
}

static void the_parent_fails_when_the_daemon_dies_early(void **state)
{
    (void)state;
    assert_int_equal(in_child(detach_and_die), 1);
}

static void ready_without_detaching_does_nothing(void **state)
{
    struct stat before, after;
    (void)state;
    assert_int_equal(fstat(STDERR_FILENO, &before), 0);
    process_ready();
    assert_int_equal(fstat(STDERR_FILENO, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

static void write_to_nobody(void)
{
    int ends[2];
    process_ignore_broken_pipes();
    if (pipe(ends) != 0) {
        _exit(1);
    }
    close(ends[0]);
    _exit(write(ends[1], "x", 1) < 0 ? 0 : 2);
}

static void broken_pipes_do_not_kill(void **state)
{
    (void)state;
    assert_int_equal(in_child(write_to_nobody), 0);
}

/* The pid file. */

static void the_pid_file_is_written_and_removed(void **state)
{
    struct error error = {0};
    struct stat status;
    char expected[32];
    (void)state;
    snprintf(expected, sizeof(expected), "%ld\n", (long)getpid());
    mode_t mask = umask(0);
    assert_true(process_write_pid_file(path, &error));
    assert_int_equal(umask(mask), 0);
    assert_string_equal(file_text(), expected);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0644);
    process_remove_pid_file(path);
    assert_int_not_equal(stat(path, &status), 0);
}

static void anothers_pid_file_stays(void **state)
{
    FILE *file = fopen(path, "w");
    (void)state;
    fputs("1\n", file);
    fclose(file);
    process_remove_pid_file(path);
    assert_string_equal(file_text(), "1\n");
}

static void an_impossible_pid_file_is_an_error(void **state)
{
    struct error error = {0};
    (void)state;
    assert_false(process_write_pid_file("/nonexistent/pid", &error));
    assert_string_equal(error.message,
                        "failed to create pid file: </nonexistent/pid>: No such file or directory");
    error_clear(&error);
    assert_false(process_write_pid_file("/dev/full", &error));
    assert_string_equal(error.message,
                        "failed to write pid file: </dev/full>: No space left on device");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_descriptor_limit_is_set_or_raised),
        TEST(users_are_found_by_name_and_number),
        TEST(groups_are_found_by_name_and_number),
        TEST(root_is_given_up_with_all_its_groups),
        TEST(the_parent_exits_when_the_daemon_is_ready),
        TEST(the_parent_fails_when_the_daemon_dies_early),
        TEST(ready_without_detaching_does_nothing),
        TEST(broken_pipes_do_not_kill),
        TEST(the_pid_file_is_written_and_removed),
        TEST(anothers_pid_file_stays),
        TEST(an_impossible_pid_file_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
