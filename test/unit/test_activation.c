/*
 * Tests of activation: what the environment says is taken once, what contradicts
 * itself is refused, and what is handed over arrives.
 */
#include "libcore/net/activation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void say(const char *count, const char *names, long process)
{
    char digits[32];

    (void)snprintf(digits, sizeof(digits), "%ld", process);
    (void)setenv("LISTEN_PID", digits, 1);
    (void)setenv("LISTEN_FDS", count, 1);
    if (names == NULL) {
        (void)unsetenv("LISTEN_FDNAMES");
    } else {
        (void)setenv("LISTEN_FDNAMES", names, 1);
    }
}

static void occupy(int fd)
{
    int copy = dup2(STDERR_FILENO, fd);

    assert_int_equal(copy, fd);
}

static void test_names(void **state)
{
    struct error error = {0};
    const char *name = NULL;
    int fd = -1;

    (void)state;
    occupy(3);
    occupy(4);
    occupy(5);
    say("3", "milter:controller:odd", (long)getpid());
    assert_true(activation_begin(&error));
    assert_null(getenv("LISTEN_FDS"));
    assert_int_equal(activation_take("controller"), 4);
    assert_int_equal(activation_take("controller"), -1);
    assert_int_equal(activation_take("nothing"), -1);
    assert_int_equal(activation_take("milter"), 3);
    assert_true(activation_left(&name, &fd));
    assert_string_equal(name, "odd");
    assert_int_equal(fd, 5);
    assert_false(activation_left(&name, &fd));
}

static void test_without_names(void **state)
{
    struct error error = {0};
    const char *name = NULL;
    int fd = -1;

    (void)state;
    occupy(3);
    say("1", NULL, (long)getpid());
    assert_true(activation_begin(&error));
    assert_true(activation_left(&name, &fd));
    assert_string_equal(name, "");
    assert_int_equal(fd, 3);
}

static void test_for_another_process(void **state)
{
    struct error error = {0};

    (void)state;
    occupy(3);
    say("1", "milter", (long)getppid());
    assert_true(activation_begin(&error));
    assert_int_equal(activation_take("milter"), -1);
    assert_null(getenv("LISTEN_PID"));
}

static void test_contradictions(void **state)
{
    static const char *const counts[] = {"", "x", "-1", "17", "1x", "99999999999999999999"};
    struct error error = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        say(counts[i], "milter", (long)getpid());
        error_clear(&error);
        assert_false(activation_begin(&error));
        assert_non_null(strstr(error.message, "LISTEN_FDS"));
    }
    (void)close(5);
    occupy(3);
    occupy(4);
    say("3", "a:b:c", (long)getpid());
    error_clear(&error);
    assert_false(activation_begin(&error));
    assert_non_null(strstr(error.message, "descriptor 5 was not handed over"));
}

/* What a program sees that is executed so: its environment, and which sockets are which. */
static void test_handing_over(void **state)
{
    static const char *const left_out[] = {"GONE", NULL};
    int pair[2], answer[2], status = 0;
    char text[256] = "";
    char *process = NULL;
    char **environment;
    pid_t child;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(pipe(answer), 0);
    (void)setenv("GONE", "1", 1);
    (void)setenv("STAYS", "yes", 1);
    /* The wrong way round: each stands, or may, where the other one belongs. */
    const struct activation_socket sockets[] = {{"one", pair[1]}, {"two", pair[0]}};
    environment = activation_environment(sockets, 2, left_out, &process);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char *const arguments[] = {
            (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
            (char *)(uintptr_t) "test $LISTEN_PID = $$ || exit 1; printf '%s' "
                                "\"$LISTEN_FDS $LISTEN_FDNAMES $STAYS ${GONE:-no}\" >&3",
            NULL};

        activation_set_process(process, (long)getpid());
        if (activation_arrange(sockets, 2)) {
            (void)execve("/bin/sh", arguments, environment);
        }
        _exit(9);
    }
    free(environment);
    (void)close(pair[1]);
    assert_true(read(pair[0], text, sizeof(text) - 1) > 0);
    assert_string_equal(text, "2 one:two yes no");
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_without_names),
        cmocka_unit_test(test_for_another_process),
        cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_handing_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
