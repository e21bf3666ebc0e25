/*
 * Tests of http: answers given at once and later, and a forked process that
 * lets go of everything while its parent goes on.
 */
#include "milter-manager/control/http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct loop *loop;
    struct http *http;
    struct loop_timer *later, *overdue;
    struct loop_io *client;
    int ends[2]; /* ours, the server's */
    struct http_request *pending;
    bool answer_later;
    char answer[4096];
};

static void respond(struct http_request *request)
{
    http_respond(request, &(struct http_response){.status = 200,
                                                  .type = "text/plain",
                                                  .body = slice_from_string(http_path(request))});
}

static void requested(void *owner, struct http_request *request)
{
    struct fixture *fixture = owner;

    if (fixture->answer_later) {
        fixture->pending = request;
        loop_timer_start(fixture->later, 0.05);
    } else {
        respond(request);
    }
}

static void answer_now(void *owner)
{
    struct fixture *fixture = owner;

    respond(fixture->pending);
}

static void overdue(void *owner)
{
    struct fixture *fixture = owner;

    fixture->answer[0] = '\0';
    loop_stop(fixture->loop);
}

/* An answer of our paths ends in the path. */
static void client_ready(void *owner, unsigned events)
{
    struct fixture *fixture = owner;
    size_t length = strlen(fixture->answer);
    ssize_t got = recv(fixture->ends[0], fixture->answer + length,
                       sizeof(fixture->answer) - length - 1, MSG_DONTWAIT);

    (void)events;
    fixture->answer[length + (got > 0 ? (size_t)got : 0)] = '\0';
    if (got == 0 || strstr(fixture->answer, "\r\n\r\n/") != NULL) {
        loop_stop(fixture->loop);
    }
}

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){0};
    fixture.loop = loop_new();
    fixture.later = loop_timer_new(fixture.loop, answer_now, &fixture);
    fixture.overdue = loop_timer_new(fixture.loop, overdue, &fixture);
    fixture.http = http_new(fixture.loop, 4, requested, &fixture, NULL);
    assert_non_null(fixture.http);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fixture.ends), 0);
    fixture.client = loop_io_new(fixture.loop, fixture.ends[0], client_ready, &fixture);
    loop_io_watch(fixture.client, LOOP_READ);
    http_take(fixture.http, fixture.ends[1]);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    loop_io_free(fixture->client);
    http_free(fixture->http);
    loop_timer_free(fixture->later);
    loop_timer_free(fixture->overdue);
    (void)close(fixture->ends[0]);
    loop_free(fixture->loop);
    return 0;
}

static void ask(struct fixture *fixture, const char *path)
{
    char request[256];
    int length = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
    const char *body;

    fixture->answer[0] = '\0';
    assert_int_equal(send(fixture->ends[0], request, (size_t)length, MSG_NOSIGNAL), length);
    loop_timer_start(fixture->overdue, 20);
    loop_run(fixture->loop);
    loop_timer_stop(fixture->overdue);
    body = strstr(fixture->answer, "\r\n\r\n");
    assert_non_null(body);
    assert_string_equal(body + 4, path);
    assert_int_equal(strncmp(fixture->answer, "HTTP/1.1 200 ", 13), 0);
}

static void test_at_once(void **state)
{
    ask(*state, "/a%20b");
    ask(*state, "/second");
}

static void test_later(void **state)
{
    struct fixture *fixture = *state;

    fixture->answer_later = true;
    ask(fixture, "/a");
    ask(fixture, "/b");
}

/* Everything the child has open goes, and nothing of it ends the parent's connection. */
static void test_abandon(void **state)
{
    struct fixture *fixture = *state;
    int status = -1;
    pid_t child;

    ask(fixture, "/before");
    child = fork();
    if (child == 0) {
        loop_after_fork(fixture->loop);
        http_abandon(fixture->http);
        _exit(send(fixture->ends[1], "", 0, MSG_NOSIGNAL) == -1 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    ask(fixture, "/after");
}

/* The fifth displaces the first, which has said nothing for longest. */
static void test_displaced(void **state)
{
    struct fixture *fixture = *state;
    int others[8][2];
    char byte;

    for (int i = 0; i < 8; i++) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, others[i]), 0);
        http_take(fixture->http, others[i][1]);
    }
    loop_timer_start(fixture->overdue, 20);
    loop_run(fixture->loop); /* until our own connection has ended */
    assert_int_equal(recv(fixture->ends[0], &byte, 1, MSG_DONTWAIT), 0);
    assert_int_equal(recv(others[7][0], &byte, 1, MSG_DONTWAIT), -1);
    for (int i = 0; i < 8; i++) {
        (void)close(others[i][0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_abandon, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_displaced, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
