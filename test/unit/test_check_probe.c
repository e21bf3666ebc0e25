/*
 * Probing: what milters and others that listen may answer, all asked at once.
 */
#include "milter-manager/check/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ANSWER(version, actions) "\0\0\0\x0dO\0\0\0" version "\0\0\0" actions "\0\0\0\x10"

struct peer {
    const char *name;
    const char *answer; /* NULL: none */
    size_t length;
    bool closes;
    enum probe_outcome outcome;
    const char *error; /* how it begins */
};

#define BYTES(literal) (literal), sizeof(literal) - 1

static const struct peer peers[] = {
    {"fine", BYTES(ANSWER("\6", "\x11")), false, PROBE_NEGOTIATED, ""},
    {"old", BYTES(ANSWER("\2", "\x01")), true, PROBE_NEGOTIATED, ""},
    {"new", BYTES(ANSWER("\7", "\x01")), false, PROBE_INVALID, "negotiated version 7"},
    {"silent", BYTES(""), false, PROBE_SILENT, "no answer within 0.5 seconds"},
    {"half", BYTES("\0\0\0\x0dO\0"), false, PROBE_SILENT, "only 6 bytes of an answer"},
    {"closed", BYTES(""), true, PROBE_CLOSED, "connection closed"},
    {"smtp", BYTES("220 mail.example.org ESMTP\r\n"), false, PROBE_INVALID, "the peer speaks SMTP"},
    {"other", BYTES("\0\0\0\1c"), false, PROBE_INVALID, "continue ('c') is no answer"},
};
enum { PEERS = sizeof(peers) / sizeof(peers[0]) };

static int listen_at(struct socket_address *address)
{
    struct sockaddr_in *inet = (struct sockaddr_in *)(void *)&address->storage;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(address, 0, sizeof(*address));
    inet->sin_family = AF_INET;
    inet->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address->length = sizeof(*inet);
    assert_int_equal(bind(fd, (struct sockaddr *)inet, sizeof(*inet)), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)inet, &address->length), 0);
    return fd;
}

/*
 * Answers one connection, then exits: 0 when nothing but QUIT followed.  Reads
 * the negotiation first, so that closing does not reset the connection.
 */
static pid_t serve(int fd, const struct peer *peer)
{
    pid_t child = fork();

    if (child == 0) {
        char bytes[64];
        int connection = accept(fd, NULL, NULL);
        ssize_t count = recv(connection, bytes, 17, MSG_WAITALL);

        if (count != 17 || memcmp(bytes, "\0\0\0\x0dO\0\0\0\6", 9) != 0) {
            _exit(1);
        }
        (void)!write(connection, peer->answer, peer->length);
        if (peer->closes) {
            (void)shutdown(connection, SHUT_WR);
        }
        count = recv(connection, bytes, sizeof(bytes), MSG_WAITALL);
        if (peer->outcome == PROBE_NEGOTIATED) {
            _exit(count == 5 && memcmp(bytes, "\0\0\0\1Q", 5) == 0 ? 0 : 1);
        }
        _exit(count > 0 ? 1 : 0);
    }
    (void)close(fd);
    return child;
}

static double now(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void every_answer_has_its_outcome(void **state)
{
    struct probe probes[PEERS] = {0};
    pid_t children[PEERS];
    double started;

    (void)state;
    for (unsigned i = 0; i < PEERS; i++) {
        int fd = listen_at(&probes[i].address);

        probes[i].name = peers[i].name;
        probes[i].connection_timeout = 5;
        probes[i].reading_timeout = 0.5;
        children[i] = serve(fd, &peers[i]);
    }
    started = now();
    probe_run(probes, PEERS, NULL, NULL);
    /* At once, not one after the other: two of them need half a second. */
    assert_true(now() - started < 0.95);
    for (unsigned i = 0; i < PEERS; i++) {
        int status = 0;

        if (probes[i].outcome != peers[i].outcome) {
            fail_msg("%s: %d %s", peers[i].name, (int)probes[i].outcome, probes[i].error.message);
        }
        assert_memory_equal(probes[i].error.message, peers[i].error, strlen(peers[i].error));
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        if (status != 0) {
            fail_msg("%s: status %d", peers[i].name, status);
        }
    }
    assert_int_equal(probes[0].answer.version, 6);
    assert_int_equal(probes[0].answer.actions, ACTION_ADD_HEADERS | ACTION_CHANGE_HEADERS);
    assert_int_equal(probes[0].answer.steps, STEP_NO_BODY);
    assert_int_equal(probes[1].answer.version, 2);
}

static void nobody_there_and_nobody_asked(void **state)
{
    struct probe probes[2] = {{.name = "away", .connection_timeout = 5, .reading_timeout = 5},
                              {.name = "disabled"}};
    int fd = listen_at(&probes[0].address);

    (void)state;
    (void)close(fd);
    probe_run(probes, 2, NULL, NULL);
    assert_int_equal(probes[0].outcome, PROBE_UNREACHABLE);
    assert_non_null(strstr(probes[0].error.message, strerror(ECONNREFUSED)));
    assert_int_equal(probes[1].outcome, PROBE_NOT_ASKED);
    probe_run(probes + 1, 1, NULL, NULL);
}

static void note_progress(void *owner, const struct probe *probes, unsigned count, double seconds)
{
    *(unsigned *)owner += 1;
    assert_int_equal(count, 1);
    assert_int_equal(probes[0].outcome, PROBE_NOT_ASKED);
    assert_true(seconds >= 1.9);
}

static void long_waits_are_told(void **state)
{
    struct probe probe = {.name = "hangs", .connection_timeout = 5, .reading_timeout = 2.3};
    int fd = listen_at(&probe.address);
    unsigned told = 0;

    (void)state;
    probe_run(&probe, 1, note_progress, &told);
    (void)close(fd);
    assert_int_equal(told, 1);
    assert_int_equal(probe.outcome, PROBE_SILENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_has_its_outcome),
        cmocka_unit_test(nobody_there_and_nobody_asked),
        cmocka_unit_test(long_waits_are_told),
    };

    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
