/*
 * Listeners: batches of connections, running out of descriptors, stale, live
 * and foreign unix socket paths, mode and removal.
 */
#include "libcore/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static struct loop_timer *guard;
static char directory[64];
static char path[128];
static struct socket_address address;
static struct listener *listener;
static int accepted_count, exhausted_error, stop_after;
static bool free_in_callback;

static const struct listener_options OPTIONS = {
    .unix_socket_mode = 0640,
    .remove_unix_socket_on_create = true,
    .remove_unix_socket_on_close = true,
};

static void on_guard(void *owner)
{
    (void)owner;
    fail_msg("nothing happened for 10 seconds");
}

static int set_up(void **state)
{
    char spec[160];
    (void)state;
    strcpy(directory, "/tmp/test-listener-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/socket", directory);
    snprintf(spec, sizeof(spec), "unix:%s", path);
    assert_true(connection_spec_parse(spec, &address, NULL));
    loop = loop_new();
    guard = loop_timer_new(loop, on_guard, NULL);
    accepted_count = exhausted_error = stop_after = 0;
    free_in_callback = false;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    listener_free(listener);
    listener = NULL;
    loop_timer_free(guard);
    loop_free(loop);
    unlink(path);
    rmdir(directory);
    return 0;
}

static void on_accepted(void *owner, int fd)
{
    (void)owner;
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(fd);
    accepted_count++;
    if (free_in_callback) {
        listener_free(listener);
        listener = NULL;
        loop_stop(loop);
    } else if (accepted_count == stop_after) {
        loop_stop(loop);
    }
}

static void on_exhausted(void *owner, int error_number)
{
    (void)owner;
    exhausted_error = error_number;
    loop_stop(loop);
}

static bool listen_with(const struct listener_options *options, struct error *error)
{
    memset(error, 0, sizeof(*error));
    listener = listener_new(loop, &address, options, on_accepted, on_exhausted, NULL, error);
    return listener != NULL;
}

static void run(void)
{
    loop_timer_start(guard, 10);
    loop_run(loop);
}

static int dial(void)
{
    int fd = socket(address.storage.ss_family, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address.storage, address.length), 0);
    return fd;
}

static bool path_exists(void)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

/* Leaves a socket nobody listens on. */
static void make_dead_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address.storage, address.length), 0);
    close(fd);
}

static void many_connections_are_accepted(void **state)
{
    struct error error;
    int fds[80];
    (void)state;
    assert_true(listen_with(&OPTIONS, &error));
    for (size_t i = 0; i < 80; i++) {
        fds[i] = dial();
    }
    stop_after = 80;
    run();
    assert_int_equal(accepted_count, 80);
    for (size_t i = 0; i < 80; i++) {
        close(fds[i]);
    }
}

/* A loopback port nobody uses. */
static void choose_port(void)
{
    assert_true(connection_spec_parse("inet:0@[127.0.0.1]", &address, NULL));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address.storage, address.length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address.storage, &address.length), 0);
    close(fd);
}

static void tcp_is_accepted_and_a_used_port_is_an_error(void **state)
{
    struct error error;
    char expected[256], printed[SOCKET_ADDRESS_TEXT];
    (void)state;
    choose_port();
    assert_true(listen_with(&OPTIONS, &error));
    int fd = dial();
    stop_after = 1;
    run();
    close(fd);
    struct listener *first = listener;
    assert_false(listen_with(&OPTIONS, &error));
    snprintf(expected, sizeof(expected), "failed to bind to <%s>: Address already in use",
             socket_address_format(&address, printed));
    assert_string_equal(error.message, expected);
    listener_free(first);
}

static void a_listener_may_be_freed_while_accepting(void **state)
{
    struct error error;
    (void)state;
    assert_true(listen_with(&OPTIONS, &error));
    free_in_callback = true;
    int first = dial();
    int second = dial();
    run();
    assert_int_equal(accepted_count, 1);
    assert_false(path_exists());
    close(first);
    close(second);
}

static void running_out_of_descriptors_suspends(void **state)
{
    struct error error;
    struct rlimit limits, few;
    (void)state;
    assert_true(listen_with(&OPTIONS, &error));
    int fd = dial();
    int next = dup(fd);
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limits), 0);
    few = limits;
    few.rlim_cur = (rlim_t)next;
    loop_timer_start(guard, 10);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    loop_run(loop);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limits), 0);
    assert_int_equal(exhausted_error, EMFILE);
    assert_int_equal(accepted_count, 0);
    listener_resume(listener);
    stop_after = 1;
    run();
    assert_int_equal(accepted_count, 1);
    close(fd);
}

static void a_dead_socket_is_replaced(void **state)
{
    struct error error;
    (void)state;
    make_dead_socket();
    assert_true(listen_with(&OPTIONS, &error));
    int fd = dial();
    stop_after = 1;
    run();
    close(fd);
}

static void a_dead_socket_stays_when_removing_is_off(void **state)
{
    struct listener_options options = OPTIONS;
    struct error error;
    (void)state;
    options.remove_unix_socket_on_create = false;
    make_dead_socket();
    assert_false(listen_with(&options, &error));
    assert_non_null(strstr(error.message, "removing it is not allowed"));
    assert_true(path_exists());
}

static void a_live_socket_is_an_error(void **state)
{
    struct error error;
    (void)state;
    assert_true(listen_with(&OPTIONS, &error));
    struct listener *first = listener;
    assert_false(listen_with(&OPTIONS, &error));
    assert_non_null(strstr(error.message, "unix socket is in use by another process: <"));
    assert_true(path_exists());
    listener_free(first);
    assert_false(path_exists());
}

static void a_file_is_never_removed(void **state)
{
    struct error error;
    (void)state;
    fclose(fopen(path, "w"));
    assert_false(listen_with(&OPTIONS, &error));
    assert_non_null(strstr(error.message, "path exists and is not a socket: <"));
    assert_true(path_exists());
}

static void a_missing_directory_is_named(void **state)
{
    struct error error;
    (void)state;
    assert_true(connection_spec_parse("unix:/nonexistent/dir/socket", &address, NULL));
    assert_false(listen_with(&OPTIONS, &error));
    assert_string_equal(
        error.message,
        "directory of unix socket is not usable: </nonexistent/dir>: No such file or directory");
}

static void mode_group_and_removal_are_as_configured(void **state)
{
    struct listener_options options = OPTIONS;
    struct error error;
    struct stat status;
    (void)state;
    options.unix_socket_group = "no-such-group-here";
    options.remove_unix_socket_on_close = false;
    assert_true(listen_with(&options, &error));
    assert_int_equal(lstat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_true(listener_change_owner(listener, getuid(), getgid()));
    listener_free(listener);
    listener = NULL;
    assert_true(path_exists());
}

static void a_successors_socket_is_not_removed(void **state)
{
    struct error error;
    (void)state;
    assert_true(listen_with(&OPTIONS, &error));
    struct listener *first = listener;
    /* Held under another name so that the successor gets another inode. */
    char kept[160];
    snprintf(kept, sizeof(kept), "%s-kept", path);
    assert_int_equal(rename(path, kept), 0);
    assert_true(listen_with(&OPTIONS, &error));
    listener_free(first);
    assert_true(path_exists());
    unlink(kept);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_connections_are_accepted),
        TEST(tcp_is_accepted_and_a_used_port_is_an_error),
        TEST(a_listener_may_be_freed_while_accepting),
        TEST(running_out_of_descriptors_suspends),
        TEST(a_dead_socket_is_replaced),
        TEST(a_dead_socket_stays_when_removing_is_off),
        TEST(a_live_socket_is_an_error),
        TEST(a_file_is_never_removed),
        TEST(a_missing_directory_is_named),
        TEST(mode_group_and_removal_are_as_configured),
        TEST(a_successors_socket_is_not_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
