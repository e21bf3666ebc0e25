/*
 * Tests of output: processes that share it never tear each other's events, and
 * the first failure is remembered.
 */
#include "milter-test-client/output.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { WRITERS = 3, EVENTS = 40, EVENT_SIZE = 20000 }; /* a pipe takes 4096 bytes in one piece */

static void write_events(char letter)
{
    static char event[EVENT_SIZE];

    memset(event, letter, sizeof(event));
    event[sizeof(event) - 1] = '\n';
    for (int i = 0; i < EVENTS; i++) {
        output_append(slice_of(event, sizeof(event)));
        output_flush();
    }
}

/* In a process of its own, because of its standard output. */
static _Noreturn void write_from_several(int fd)
{
    struct error error = {0};
    bool ok = dup2(fd, STDOUT_FILENO) >= 0 && output_share(&error);

    for (int i = 0; ok && i < WRITERS; i++) {
        if (fork() == 0) {
            write_events((char)('a' + i));
            _exit(output_succeeded(&error) ? 0 : 1);
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = 0;

        ok = wait(&status) > 0 && status == 0 && ok;
    }
    _exit(ok ? 0 : 1);
}

static void test_sharing(void **state)
{
    FILE *lines;
    char *line = NULL;
    size_t capacity = 0, count = 0;
    int ends[2], status = 0;
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid = fork();
    if (pid == 0) {
        close(ends[0]);
        write_from_several(ends[1]);
    }
    close(ends[1]);
    lines = fdopen(ends[0], "r");
    assert_non_null(lines);
    while (getline(&line, &capacity, lines) == EVENT_SIZE) {
        count++;
        for (size_t i = 0; i < EVENT_SIZE - 1; i++) {
            assert_int_equal(line[i], line[0]);
        }
    }
    assert_int_equal(count, WRITERS * EVENTS);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    free(line);
    (void)fclose(lines);
}

static void test_failure(void **state)
{
    int status = 0;
    pid_t pid;

    (void)state;
    pid = fork();
    if (pid == 0) {
        struct error error = {0};
        int full = open("/dev/full", O_WRONLY);
        bool before = output_succeeded(&error);

        (void)dup2(full, STDOUT_FILENO);
        output_append(slice_of("lost\n", 5));
        output_flush();
        _exit(before && !output_succeeded(&error) && strstr(error.message, strerror(ENOSPC)) != NULL
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
