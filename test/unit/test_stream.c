/*
 * Streams over socket pairs, unix sockets and loopback TCP: delivery order,
 * failures, back-pressure, time-outs and freeing from inside every handler.
 */
#include "libcore/net/stream.h"

#include "libcore/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum action { ACT_NOTHING, ACT_FREE, ACT_PAUSE, ACT_FREE_AFTER_FLUSH };

struct peer {
    struct loop *loop;
    struct stream *stream;
    struct buffer got;
    struct error error;
    size_t line_length; /* consume whole records of that length only; 0: everything */
    int connected, received, failed, drained;
    enum action on_connected, on_received, on_failed, on_drained;
    bool stop_on_drained;
    bool stop_on_received;
    int stop_after_received;
};

static void act(struct peer *peer, enum action action)
{
    if (action == ACT_FREE) {
        stream_free(peer->stream);
        /* Everything is allowed, and ignored, until the handler returns. */
        stream_free(peer->stream);
        stream_flush(peer->stream);
        stream_pause(peer->stream, true);
        stream_offer_again(peer->stream);
        peer->stream = NULL;
        loop_stop(peer->loop);
    } else if (action == ACT_PAUSE) {
        stream_pause(peer->stream, true);
    } else if (action == ACT_FREE_AFTER_FLUSH) {
        stream_free_after_flush(peer->stream, 1);
        peer->stream = NULL;
        loop_stop(peer->loop);
    }
}

static void on_connected(void *owner)
{
    struct peer *peer = owner;
    peer->connected++;
    act(peer, peer->on_connected);
    loop_stop(peer->loop);
}

static size_t on_received(void *owner, struct slice input)
{
    struct peer *peer = owner;
    size_t consumed = input.length;
    if (peer->line_length > 0) {
        consumed = input.length / peer->line_length * peer->line_length;
    }
    peer->received++;
    buffer_append(&peer->got, input.data, consumed);
    act(peer, peer->on_received);
    if (peer->stop_on_received || peer->received == peer->stop_after_received) {
        loop_stop(peer->loop);
    }
    return consumed;
}

static void on_failed(void *owner, const struct error *error)
{
    struct peer *peer = owner;
    peer->failed++;
    peer->error = *error;
    act(peer, peer->on_failed);
    loop_stop(peer->loop);
}

static void on_drained(void *owner)
{
    struct peer *peer = owner;
    peer->drained++;
    act(peer, peer->on_drained);
    if (peer->stop_on_drained) {
        loop_stop(peer->loop);
    }
}

static const struct stream_handlers HANDLERS = {on_connected, on_received, on_failed, on_drained};

struct fixture {
    struct loop *loop;
    struct loop_timer *guard;
    char directory[64];
    struct peer peer;
    int other; /* the far end */
};

static void on_guard(void *owner)
{
    (void)owner;
    fail_msg("nothing happened for 20 seconds");
}

static void fixture_run(struct fixture *fixture)
{
    loop_timer_start(fixture->guard, 20);
    loop_run(fixture->loop);
}

static void stop_loop(void *owner)
{
    loop_stop(owner);
}

/* Lets the loop turn for a while, for "nothing must happen". */
static void fixture_run_for(struct fixture *fixture, double seconds)
{
    struct loop_timer *timer = loop_timer_new(fixture->loop, stop_loop, fixture->loop);
    loop_timer_start(timer, seconds);
    fixture_run(fixture);
    loop_timer_free(timer);
}

static int set_up(void **state)
{
    struct fixture *fixture = NEW(struct fixture);
    fixture->loop = loop_new();
    fixture->guard = loop_timer_new(fixture->loop, on_guard, NULL);
    strcpy(fixture->directory, "/tmp/test-stream-XXXXXX");
    assert_non_null(mkdtemp(fixture->directory));
    fixture->peer.loop = fixture->loop;
    fixture->other = -1;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    stream_free(fixture->peer.stream);
    buffer_clear(&fixture->peer.got);
    loop_timer_free(fixture->guard);
    loop_free(fixture->loop);
    if (fixture->other >= 0) {
        close(fixture->other);
    }
    char path[128];
    snprintf(path, sizeof(path), "%s/socket", fixture->directory);
    unlink(path);
    rmdir(fixture->directory);
    free(fixture);
    return 0;
}

static void use_pair(struct fixture *fixture)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    fixture->other = pair[1];
    fixture->peer.stream =
        stream_new(fixture->loop, pair[0], "test-peer", &HANDLERS, &fixture->peer);
}

static int listen_tcp(struct socket_address *address)
{
    struct sockaddr_in *inet = (struct sockaddr_in *)(void *)&address->storage;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(address, 0, sizeof(*address));
    inet->sin_family = AF_INET;
    inet->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address->length = sizeof(*inet);
    assert_int_equal(bind(fd, (struct sockaddr *)inet, address->length), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)inet, &address->length), 0);
    return fd;
}

static int listen_unix(struct fixture *fixture, int backlog, struct socket_address *address)
{
    char spec[128];
    snprintf(spec, sizeof(spec), "unix:%s/socket", fixture->directory);
    assert_true(connection_spec_parse(spec, address, NULL));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address->storage, address->length), 0);
    assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static void use_tcp(struct fixture *fixture)
{
    struct socket_address address;
    int listener = listen_tcp(&address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address.storage, address.length), 0);
    fixture->other = accept(listener, NULL, NULL);
    assert_true(fixture->other >= 0);
    close(listener);
    fixture->peer.stream = stream_new(fixture->loop, fd, "test-peer", &HANDLERS, &fixture->peer);
}

static void send_other(struct fixture *fixture, const char *text)
{
    ssize_t length = (ssize_t)strlen(text);
    assert_int_equal(send(fixture->other, text, (size_t)length, MSG_NOSIGNAL), length);
}

static void close_other(struct fixture *fixture)
{
    close(fixture->other);
    fixture->other = -1;
}

static void assert_got(struct fixture *fixture, const char *text)
{
    struct slice got = buffer_slice(&fixture->peer.got);
    if (!slice_equal_string(got, text)) {
        fail_msg("expected <%s>, got <%.*s>", text, (int)got.length, got.data);
    }
}

/* Reading. */

static void a_trickled_peer_is_offered_what_was_not_consumed(void **state)
{
    struct fixture *fixture = *state;
    const char *text = "abcdefghijkl";
    use_pair(fixture);
    fixture->peer.line_length = 4;
    fixture->peer.stop_on_received = true;
    for (size_t i = 0; i < strlen(text); i++) {
        assert_int_equal(send(fixture->other, text + i, 1, 0), 1);
        fixture_run(fixture);
        assert_int_equal(buffer_length(&fixture->peer.got), (i + 1) / 4 * 4);
    }
    assert_got(fixture, text);
    assert_int_equal(fixture->peer.received, 12);
    assert_int_equal(stream_bytes_read(fixture->peer.stream), 12);
}

static void last_bytes_come_before_the_end_of_file(void **state)
{
    struct fixture *fixture = *state;
    use_pair(fixture);
    send_other(fixture, "last words");
    close_other(fixture);
    fixture_run(fixture);
    assert_got(fixture, "last words");
    assert_int_equal(fixture->peer.failed, 1);
    assert_int_equal(fixture->peer.error.code, ERROR_CLOSED);
    assert_string_equal(fixture->peer.error.message, "connection closed by test-peer");
    fixture_run_for(fixture, 0.05);
    assert_int_equal(fixture->peer.failed, 1);
}

static void unread_input_comes_before_a_write_failure(struct fixture *fixture)
{
    send_other(fixture, "421 go away");
    close_other(fixture);
    for (int i = 0; i < 3; i++) {
        buffer_append_string(stream_output(fixture->peer.stream), "more");
        stream_flush(fixture->peer.stream);
    }
    assert_int_equal(fixture->peer.failed, 0);
    fixture_run(fixture);
    assert_got(fixture, "421 go away");
    assert_int_equal(fixture->peer.failed, 1);
    assert_int_equal(fixture->peer.error.code, ERROR_SYSTEM);
    assert_non_null(strstr(fixture->peer.error.message, "failed to write to test-peer: "));
}

static void unread_input_comes_before_a_write_failure_unix(void **state)
{
    struct fixture *fixture = *state;
    use_pair(fixture);
    unread_input_comes_before_a_write_failure(fixture);
}

static void unread_input_comes_before_a_reset_tcp(void **state)
{
    struct fixture *fixture = *state;
    use_tcp(fixture);
    /* Unread data at the far end make its close a reset. */
    buffer_append_string(stream_output(fixture->peer.stream), "unread");
    stream_flush(fixture->peer.stream);
    send_other(fixture, "421 go away");
    close_other(fixture);
    buffer_append_string(stream_output(fixture->peer.stream), "more");
    stream_flush(fixture->peer.stream);
    fixture_run(fixture);
    assert_got(fixture, "421 go away");
    assert_int_equal(fixture->peer.failed, 1);
    assert_true(fixture->peer.error.code == ERROR_SYSTEM ||
                fixture->peer.error.code == ERROR_CLOSED);
}

static void a_paused_stream_reads_nothing(void **state)
{
    struct fixture *fixture = *state;
    use_pair(fixture);
    stream_pause(fixture->peer.stream, true);
    send_other(fixture, "hello");
    close_other(fixture);
    fixture_run_for(fixture, 0.05);
    assert_int_equal(fixture->peer.received, 0);
    assert_int_equal(fixture->peer.failed, 0);
    stream_pause(fixture->peer.stream, false);
    fixture_run(fixture);
    assert_got(fixture, "hello");
    assert_int_equal(fixture->peer.failed, 1);
}

static void a_paused_stream_keeps_a_write_failure_until_it_reads(void **state)
{
    struct fixture *fixture = *state;
    use_pair(fixture);
    stream_pause(fixture->peer.stream, true);
    send_other(fixture, "hello");
    close_other(fixture);
    buffer_append_string(stream_output(fixture->peer.stream), "more");
    stream_flush(fixture->peer.stream);
    fixture_run_for(fixture, 0.05);
    assert_int_equal(fixture->peer.failed, 0);
    stream_pause(fixture->peer.stream, false);
    fixture_run(fixture);
    assert_got(fixture, "hello");
    assert_int_equal(fixture->peer.error.code, ERROR_SYSTEM);
}

static void unconsumed_input_is_offered_again_on_request(void **state)
{
    struct fixture *fixture = *state;
    use_pair(fixture);
    fixture->peer.line_length = 100;
    fixture->peer.stop_on_received = true;
    fixture->peer.on_received = ACT_PAUSE;
    send_other(fixture, "hello");
    fixture_run(fixture);
    assert_got(fixture, "");
    fixture->peer.line_length = 0;
    fixture->peer.on_received = ACT_NOTHING;
    stream_offer_again(fixture->peer.stream);
    assert_int_equal(fixture->peer.received, 1);
    fixture_run(fixture);
    assert_got(fixture, "hello");
    stream_pause(fixture->peer.stream, false);
    send_other(fixture, " world");
    fixture_run(fixture);
    assert_got(fixture, "hello world");
}

static void offering_again_with_nothing_kept_calls_nobody(void **state)
{
    struct fixture *fixture = *state;
    use_pair(fixture);
    stream_offer_again(fixture->peer.stream);
    fixture_run_for(fixture, 0.02);
    assert_int_equal(fixture->peer.received, 0);
}

/* Writing. */

enum { BIG = 10 * 1000 * 1000 };

struct slow_reader {
    struct fixture *fixture;
    struct loop_timer *timer;
    size_t taken;
    unsigned sum;
};

static void slow_reader_tick(void *owner)
{
    static unsigned char bytes[200 * 1000];
    struct slow_reader *reader = owner;
    ssize_t count = recv(reader->fixture->other, bytes, sizeof(bytes), MSG_DONTWAIT);
    for (ssize_t i = 0; i < count; i++) {
        reader->sum = reader->sum * 31 + bytes[i];
    }
    reader->taken += count > 0 ? (size_t)count : 0;
    if (reader->taken == BIG) {
        loop_stop(reader->fixture->loop);
    } else {
        loop_timer_start(reader->timer, 0.001);
    }
}

static void big_output_reaches_a_slow_reader(void **state)
{
    struct fixture *fixture = *state;
    use_tcp(fixture);
    struct slow_reader reader = {.fixture = fixture};
    reader.timer = loop_timer_new(fixture->loop, slow_reader_tick, &reader);
    struct buffer *output = stream_output(fixture->peer.stream);
    char *bytes = buffer_reserve(output, BIG);
    unsigned sum = 0;
    for (size_t i = 0; i < BIG; i++) {
        unsigned char byte = (unsigned char)(i * 7 + i / 251);
        bytes[i] = (char)byte;
        sum = sum * 31 + byte;
    }
    buffer_commit(output, BIG);
    stream_set_writing_timeout(fixture->peer.stream, 5);
    stream_flush(fixture->peer.stream);
    assert_true(buffer_length(output) > 0);
    loop_timer_start(reader.timer, 0.001);
    fixture_run(fixture);
    assert_int_equal(reader.taken, BIG);
    assert_int_equal(reader.sum, sum);
    fixture_run_for(fixture, 0.02);
    assert_int_equal(fixture->peer.drained, 1);
    assert_int_equal(output->capacity, 0);
    assert_int_equal(stream_bytes_written(fixture->peer.stream), BIG);
    loop_timer_free(reader.timer);
}

static void a_peer_that_takes_nothing_times_out(void **state)
{
    struct fixture *fixture = *state;
    use_pair(fixture);
    stream_set_writing_timeout(fixture->peer.stream, 0.1);
    memset(buffer_reserve(stream_output(fixture->peer.stream), BIG), 'x', BIG);
    buffer_commit(stream_output(fixture->peer.stream), BIG);
    double start = loop_now(fixture->loop);
    stream_flush(fixture->peer.stream);
    fixture_run(fixture);
    assert_int_equal(fixture->peer.failed, 1);
    assert_int_equal(fixture->peer.error.code, ERROR_TIMEOUT);
    assert_non_null(strstr(fixture->peer.error.message, "writing to test-peer timed out"));
    assert_true(loop_now(fixture->loop) - start < 5);
}

static void freeing_after_flush_delivers_the_output(void **state)
{
    struct fixture *fixture = *state;
    char *bytes = memory_new(BIG, 1);
    use_tcp(fixture);
    buffer_append(stream_output(fixture->peer.stream), bytes, BIG);
    free(bytes);
    stream_free_after_flush(fixture->peer.stream, 10);
    fixture->peer.stream = NULL;
    struct slow_reader reader = {.fixture = fixture};
    reader.timer = loop_timer_new(fixture->loop, slow_reader_tick, &reader);
    loop_timer_start(reader.timer, 0.001);
    fixture_run(fixture);
    assert_int_equal(reader.taken, BIG);
    loop_timer_free(reader.timer);
    fixture_run_for(fixture, 0.02);
    char byte;
    assert_int_equal(recv(fixture->other, &byte, 1, 0), 0);
    assert_int_equal(fixture->peer.failed + fixture->peer.drained, 0);
}

static void freeing_after_flush_gives_up_in_time(void **state)
{
    struct fixture *fixture = *state;
    char *bytes = memory_new(BIG, 1);
    use_pair(fixture);
    buffer_append(stream_output(fixture->peer.stream), bytes, BIG);
    free(bytes);
    stream_free_after_flush(fixture->peer.stream, 0.05);
    fixture->peer.stream = NULL;
    fixture_run_for(fixture, 0.2);
    assert_int_equal(fixture->peer.failed, 0);
    /* What was written is there, and then the end. */
    char part[4096];
    ssize_t count = 1;
    size_t total = 0;
    while ((count = recv(fixture->other, part, sizeof(part), 0)) > 0) {
        total += (size_t)count;
    }
    assert_int_equal(count, 0);
    assert_true(total > 0 && total < BIG);
}

static int lowest_free_descriptor(void)
{
    int fd = dup(STDERR_FILENO);
    close(fd);
    /* cppcheck-suppress deallocret ; only its number counts */
    return fd;
}

static void freeing_after_flush_ends_with_the_peer(void **state)
{
    struct fixture *fixture = *state;
    char *bytes = memory_new(BIG, 1);
    int lowest = lowest_free_descriptor();
    use_pair(fixture);
    buffer_append(stream_output(fixture->peer.stream), bytes, BIG);
    free(bytes);
    stream_free_after_flush(fixture->peer.stream, 1000);
    fixture->peer.stream = NULL;
    assert_true(lowest_free_descriptor() > lowest);
    close_other(fixture);
    fixture_run_for(fixture, 0.05);
    assert_int_equal(lowest_free_descriptor(), lowest);
    assert_int_equal(fixture->peer.failed, 0);
}

/* Freeing from inside. */

static void a_stream_may_free_itself_when_received(void **state)
{
    struct fixture *fixture = *state;
    use_pair(fixture);
    fixture->peer.on_received = ACT_FREE;
    fixture->peer.line_length = 100;
    send_other(fixture, "hello");
    fixture_run(fixture);
    assert_null(fixture->peer.stream);
    char byte;
    assert_int_equal(recv(fixture->other, &byte, 1, 0), 0);
}

static void a_stream_may_free_itself_with_kept_input(void **state)
{
    struct fixture *fixture = *state;
    use_pair(fixture);
    fixture->peer.line_length = 100;
    fixture->peer.stop_on_received = true;
    send_other(fixture, "hello");
    fixture_run(fixture);
    fixture->peer.on_received = ACT_FREE;
    send_other(fixture, "again");
    fixture_run(fixture);
    assert_null(fixture->peer.stream);
}

static void a_stream_may_free_itself_when_failed(void **state)
{
    struct fixture *fixture = *state;
    use_pair(fixture);
    fixture->peer.on_failed = ACT_FREE;
    close_other(fixture);
    fixture_run(fixture);
    assert_null(fixture->peer.stream);
}

static void a_stream_may_free_itself_when_drained(void **state)
{
    struct fixture *fixture = *state;
    use_pair(fixture);
    fixture->peer.on_drained = ACT_FREE;
    buffer_append_string(stream_output(fixture->peer.stream), "hello");
    stream_flush(fixture->peer.stream);
    assert_int_equal(fixture->peer.drained, 0);
    fixture_run(fixture);
    assert_null(fixture->peer.stream);
}

static void a_stream_may_leave_with_flush_when_received(void **state)
{
    struct fixture *fixture = *state;
    use_pair(fixture);
    fixture->peer.on_received = ACT_FREE_AFTER_FLUSH;
    buffer_append_string(stream_output(fixture->peer.stream), "bye");
    send_other(fixture, "hello");
    fixture_run(fixture);
    char text[8] = "";
    assert_int_equal(recv(fixture->other, text, sizeof(text), 0), 3);
    assert_string_equal(text, "bye");
    assert_int_equal(recv(fixture->other, text, sizeof(text), 0), 0);
}

static void a_stream_may_free_itself_while_a_write_failure_waits(void **state)
{
    struct fixture *fixture = *state;
    use_pair(fixture);
    fixture->peer.on_received = ACT_FREE;
    send_other(fixture, "hello");
    close_other(fixture);
    buffer_append_string(stream_output(fixture->peer.stream), "more");
    stream_flush(fixture->peer.stream);
    fixture_run(fixture);
    assert_got(fixture, "hello");
    assert_null(fixture->peer.stream);
    assert_int_equal(fixture->peer.failed, 0);
}

/* Connecting. */

static void connect_to(struct fixture *fixture, const struct socket_address *address,
                       double timeout)
{
    fixture->peer.stream =
        stream_connect(fixture->loop, address, timeout, &HANDLERS, &fixture->peer);
    assert_non_null(fixture->peer.stream);
    assert_int_equal(fixture->peer.connected + fixture->peer.failed, 0);
}

static void check_connection(struct fixture *fixture, int listener)
{
    buffer_append_string(stream_output(fixture->peer.stream), "early");
    stream_flush(fixture->peer.stream);
    fixture_run(fixture);
    assert_int_equal(fixture->peer.connected, 1);
    assert_int_equal(fixture->peer.failed, 0);
    fixture->other = accept(listener, NULL, NULL);
    char text[8] = "";
    assert_int_equal(recv(fixture->other, text, sizeof(text), 0), 5);
    assert_string_equal(text, "early");
    fixture->peer.stop_on_received = true;
    send_other(fixture, "answer");
    fixture_run(fixture);
    assert_got(fixture, "answer");
}

static void connecting_to_unix_works(void **state)
{
    struct fixture *fixture = *state;
    struct socket_address address, peer;
    int listener = listen_unix(fixture, 8, &address);
    connect_to(fixture, &address, 5);
    check_connection(fixture, listener);
    stream_peer_address(fixture->peer.stream, &peer);
    char text[SOCKET_ADDRESS_TEXT];
    assert_string_equal(socket_address_format(&peer, text), stream_peer(fixture->peer.stream));
    close(listener);
}

static void connecting_to_tcp_works(void **state)
{
    struct fixture *fixture = *state;
    struct socket_address address;
    int listener = listen_tcp(&address);
    connect_to(fixture, &address, 5);
    check_connection(fixture, listener);
    close(listener);
}

static void a_stream_may_free_itself_when_connected(void **state)
{
    struct fixture *fixture = *state;
    struct socket_address address;
    int listener = listen_tcp(&address);
    fixture->peer.on_connected = ACT_FREE;
    connect_to(fixture, &address, 5);
    fixture_run(fixture);
    assert_null(fixture->peer.stream);
    close(listener);
}

static void assert_refused(struct fixture *fixture, const char *why)
{
    char expected[256];
    snprintf(expected, sizeof(expected), "connection to %s %s", stream_peer(fixture->peer.stream),
             why);
    assert_int_equal(fixture->peer.failed, 1);
    assert_int_equal(fixture->peer.connected, 0);
    assert_int_equal(fixture->peer.error.code, ERROR_SYSTEM);
    assert_string_equal(fixture->peer.error.message, expected);
}

static void a_refused_unix_connection_fails(void **state)
{
    struct fixture *fixture = *state;
    struct socket_address address;
    close(listen_unix(fixture, 8, &address));
    connect_to(fixture, &address, 5);
    fixture_run(fixture);
    assert_refused(fixture, "refused: Connection refused");
}

static void a_missing_unix_socket_fails(void **state)
{
    struct fixture *fixture = *state;
    struct socket_address address;
    char spec[128];
    snprintf(spec, sizeof(spec), "unix:%s/nothing", fixture->directory);
    assert_true(connection_spec_parse(spec, &address, NULL));
    connect_to(fixture, &address, 5);
    fixture_run(fixture);
    assert_refused(fixture, "failed: No such file or directory");
}

/* An owner that asks again at once, more often than the loop lets tasks follow each other. */
struct stubborn {
    struct loop *loop;
    struct socket_address address;
    struct stream *stream;
    int refused, connected;
};

static void stubborn_connected(void *owner)
{
    struct stubborn *stubborn = owner;
    stubborn->connected++;
}

static void stubborn_failed(void *owner, const struct error *error)
{
    struct stubborn *stubborn = owner;
    assert_non_null(strstr(error->message, "refused: Connection refused"));
    stream_free(stubborn->stream);
    stubborn->stream = NULL;
    if (++stubborn->refused == 200) {
        loop_stop(stubborn->loop);
        return;
    }
    static const struct stream_handlers again = {stubborn_connected, on_received, stubborn_failed,
                                                 NULL};
    stubborn->stream = stream_connect(stubborn->loop, &stubborn->address, 5, &again, stubborn);
}

static void a_refused_connection_never_passes_for_connected(void **state)
{
    struct fixture *fixture = *state;
    struct stubborn stubborn = {.loop = fixture->loop};
    struct error start = {ERROR_SYSTEM, "refused: Connection refused"};
    int listener = listen_unix(fixture, 8, &stubborn.address);
    close(listener);
    stubborn_failed(&stubborn, &start);
    fixture_run(fixture);
    assert_int_equal(stubborn.refused, 200);
    assert_int_equal(stubborn.connected, 0);
}

static void a_refused_tcp_connection_fails(void **state)
{
    struct fixture *fixture = *state;
    struct socket_address address;
    close(listen_tcp(&address));
    connect_to(fixture, &address, 5);
    fixture_run(fixture);
    assert_refused(fixture, "refused: Connection refused");
}

/* With backlog 0 the system still queues one connection. */
static int fill_backlog(const struct socket_address *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address->storage, address->length), 0);
    return fd;
}

static void a_full_backlog_times_out(void **state)
{
    struct fixture *fixture = *state;
    struct socket_address address;
    int listener = listen_unix(fixture, 0, &address);
    int first = fill_backlog(&address);
    connect_to(fixture, &address, 0.15);
    double start = loop_now(fixture->loop);
    fixture_run(fixture);
    assert_int_equal(fixture->peer.failed, 1);
    assert_int_equal(fixture->peer.error.code, ERROR_TIMEOUT);
    assert_non_null(strstr(fixture->peer.error.message, "timed out after 0.15 seconds"));
    assert_true(loop_now(fixture->loop) - start > 0.1);
    close(first);
    close(listener);
}

static void a_backlog_that_empties_lets_the_connection_in(void **state)
{
    struct fixture *fixture = *state;
    struct socket_address address;
    int listener = listen_unix(fixture, 0, &address);
    int first = fill_backlog(&address);
    connect_to(fixture, &address, 10);
    fixture_run_for(fixture, 0.05);
    assert_int_equal(fixture->peer.connected + fixture->peer.failed, 0);
    close(accept(listener, NULL, NULL));
    fixture_run(fixture);
    assert_int_equal(fixture->peer.connected, 1);
    close(first);
    close(listener);
}

static void a_stream_may_be_freed_while_connecting(void **state)
{
    struct fixture *fixture = *state;
    struct socket_address address;
    int listener = listen_tcp(&address);
    connect_to(fixture, &address, 5);
    stream_free(fixture->peer.stream);
    fixture->peer.stream = NULL;
    fixture_run_for(fixture, 0.02);
    assert_int_equal(fixture->peer.connected + fixture->peer.failed, 0);
    close(listener);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_trickled_peer_is_offered_what_was_not_consumed),
        TEST(last_bytes_come_before_the_end_of_file),
        TEST(unread_input_comes_before_a_write_failure_unix),
        TEST(unread_input_comes_before_a_reset_tcp),
        TEST(a_paused_stream_reads_nothing),
        TEST(a_paused_stream_keeps_a_write_failure_until_it_reads),
        TEST(unconsumed_input_is_offered_again_on_request),
        TEST(offering_again_with_nothing_kept_calls_nobody),
        TEST(big_output_reaches_a_slow_reader),
        TEST(a_peer_that_takes_nothing_times_out),
        TEST(freeing_after_flush_delivers_the_output),
        TEST(freeing_after_flush_gives_up_in_time),
        TEST(freeing_after_flush_ends_with_the_peer),
        TEST(a_stream_may_free_itself_when_received),
        TEST(a_stream_may_free_itself_with_kept_input),
        TEST(a_stream_may_free_itself_when_failed),
        TEST(a_stream_may_free_itself_when_drained),
        TEST(a_stream_may_leave_with_flush_when_received),
        TEST(a_stream_may_free_itself_while_a_write_failure_waits),
        TEST(connecting_to_unix_works),
        TEST(connecting_to_tcp_works),
        TEST(a_stream_may_free_itself_when_connected),
        TEST(a_refused_unix_connection_fails),
        TEST(a_refused_connection_never_passes_for_connected),
        TEST(a_missing_unix_socket_fails),
        TEST(a_refused_tcp_connection_fails),
        TEST(a_full_backlog_times_out),
        TEST(a_backlog_that_empties_lets_the_connection_in),
        TEST(a_stream_may_be_freed_while_connecting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
