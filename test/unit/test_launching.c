/*
 * The launcher as several processes use it: all ask through one socket, a new
 * program adopts it by its number, nonsense is refused, and it ends with the last
 * of them.  Needs root.
 */
#include "milter-manager/child/launching.h"

#include "libcore/base/log.h"
#include "milter-manager/child/launcher.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/launching-XXXXXX";
static char command[128], log_path[128];
static struct configuration *configuration;

static const char *file_text(const char *path)
{
    static char text[8192];
    FILE *file = fopen(path, "r");
    size_t length = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);

    text[length] = '\0';
    if (file != NULL) {
        (void)fclose(file);
    }
    return text;
}

/* Until the log holds it; false after 10 s. */
static bool logged(const char *what)
{
    const struct timespec moment = {.tv_nsec = 5000000};

    for (int i = 0; i < 2000; i++) {
        if (strstr(file_text(log_path), what) != NULL) {
            return true;
        }
        (void)nanosleep(&moment, NULL);
    }
    print_error("%s\n", file_text(log_path));
    return false;
}

static void define(const char *name, double startup_time)
{
    const struct location here = {"test.conf", 1};
    struct value value = value_string(command), seconds = {.kind = VALUE_NUMBER};
    struct error error = {0};
    unsigned index = configuration_define_child(configuration, name, here);

    seconds.number = startup_time;
    assert_true(configuration_assign_child(configuration, index, "command", &value, here, &error));
    assert_true(
        configuration_assign_child(configuration, index, "startup_time", &seconds, here, &error));
}

static int set_up(void **state)
{
    struct error error = {0};

    (void)state;
    assert_non_null(mkdtemp(directory));
    (void)snprintf(command, sizeof(command), "/bin/sleep 100");
    (void)snprintf(log_path, sizeof(log_path), "%s/log", directory);
    log_open("test");
    assert_true(log_set_path(log_path, &error));
    configuration = configuration_new();
    configuration->security.privilege_mode = true;
    for (int i = 0; i < 4; i++) {
        char name[2] = {(char)('a' + i), '\0'};

        define(name, 0.01);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(log_path);
    (void)rmdir(directory);
    configuration_release(configuration);
    log_close();
    return 0;
}

/* What the launcher has started and would leave running. */
static void end_launched(void)
{
    const char *rest = file_text(log_path);

    while ((rest = strstr(rest, "process ")) != NULL) {
        rest += strlen("process ");
        long pid = strtol(rest, NULL, 10);

        if (pid > 1) {
            (void)kill((pid_t)pid, SIGKILL);
        }
    }
}

static void ask_from_a_worker(unsigned child)
{
    int status = 0;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        launching_request(&configuration->children[child]);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void send_bytes(const char *bytes, size_t length)
{
    assert_int_equal(send(launching_descriptor(), bytes, length, MSG_NOSIGNAL), length);
}

static void all_processes_ask_through_one_socket(void **state)
{
    static const char nonsense[] = "launch\0a\0/bin/sh -c evil\0";
    static char huge[LAUNCHER_REQUEST + 1];
    struct error error = {0};
    int other;

    (void)state;
    if (getuid() != 0) {
        skip();
    }
    assert_true(launching_start(configuration, &error));
    assert_true(launching_descriptor() >= 0);
    assert_true(launching_serves(&configuration->children[0]));
    ask_from_a_worker(0);
    assert_true(logged("[launcher][launch][a]"));
    ask_from_a_worker(1);
    assert_true(logged("[launcher][launch][b]"));
    /* Two workers find the same child down. */
    ask_from_a_worker(0);
    assert_true(logged("[launcher][refused][a] already launched"));

    send_bytes("exec\0", 5);
    send_bytes(nonsense, sizeof(nonsense) - 1);
    send_bytes("launch", 6);
    assert_true(logged("is not understood"));
    send_bytes("launch\0a\0/bin/sh -c evil\0\0", 26);
    assert_true(logged("[launcher][refused][a] its command or user_name is another one"));
    send_bytes("launch\0x\0/bin/sh\0\0", 18);
    assert_true(logged("[launcher][refused][x] there was no such command"));
    memset(huge, 'x', sizeof(huge));
    send_bytes(huge, sizeof(huge));
    assert_true(logged("is too long"));

    /* As a new program would. */
    other = dup(launching_descriptor());
    launching_stop();
    assert_int_equal(launching_descriptor(), -1);
    assert_false(launching_serves(&configuration->children[2]));
    assert_false(launching_adopt(STDIN_FILENO, &error));
    assert_non_null(strstr(error.message, "is no socket to a process that starts milters"));
    error_clear(&error);
    assert_true(launching_adopt(other, &error));
    assert_true(launching_serves(&configuration->children[2]));
    launching_request(&configuration->children[2]);
    assert_true(logged("[launcher][launch][c]"));
    assert_null(strstr(file_text(log_path), "evil"));
    launching_stop();
    end_launched();
}

static void nobody_is_forked_where_nothing_can_be_started(void **state)
{
    struct error error = {0};

    (void)state;
    configuration->security.privilege_mode = false;
    assert_true(launching_start(configuration, &error));
    assert_int_equal(launching_descriptor(), -1);
    configuration->security.privilege_mode = true;
    for (unsigned i = 0; i < configuration->child_count; i++) {
        configuration->children[i].detected_command = configuration->children[i].command;
    }
    assert_true(launching_start(configuration, &error));
    assert_int_equal(launching_descriptor(), -1);
    for (unsigned i = 0; i < configuration->child_count; i++) {
        configuration->children[i].detected_command = NULL;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_forked_where_nothing_can_be_started),
        cmocka_unit_test(all_processes_ask_through_one_socket),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
