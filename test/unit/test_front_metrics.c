/*
 * Tests of the bytes that are counted: an MTA and a child on real sockets count
 * theirs, a session between them must count the same.
 */
#include "libcore/base/memory.h"
#include "libcore/net/loop.h"
#include "milter-manager/config/configuration.h"
#include "milter-manager/control/sums.h"
#include "milter-manager/front.h"
#include "test/unit/expectation.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { CHUNKS = 20, CHUNK = 60000 }; /* of the body the child wants; more than sockets hold */

/* One of the two around the session, in a thread with blocking sockets. */
struct peer {
    int fd; /* the child's is the one it listens on */
    int done;
    size_t read, written;
    pthread_t thread;
};

struct stage {
    struct loop *loop;
    struct peer mta, child;
    int done[2];
    unsigned gone; /* the session and both peers */
    char directory[32], path[64];
};

static void say(struct peer *peer, int fd, struct buffer *output)
{
    while (buffer_length(output) > 0) {
        struct slice rest = buffer_slice(output);
        ssize_t count = write(fd, rest.data, rest.length);

        if (count <= 0) {
            abort();
        }
        peer->written += (size_t)count;
        buffer_consume(output, (size_t)count);
    }
}

/* The next packet's letter, '\0' at the end; input keeps what is behind it. */
static char hear(struct peer *peer, int fd, struct buffer *input)
{
    for (;;) {
        struct slice rest = buffer_slice(input);
        size_t before = rest.length;
        struct packet packet;
        ssize_t count;

        if (packet_next(&rest, &packet, NULL) == PACKET_READY) {
            char letter = packet.letter;

            buffer_consume(input, before - rest.length);
            return letter;
        }
        count = read(fd, buffer_reserve(input, 4096), 4096);
        if (count <= 0) {
            return '\0';
        }
        buffer_commit(input, (size_t)count);
        peer->read += (size_t)count;
    }
}

static void finish(struct peer *peer)
{
    if (write(peer->done, "x", 1) != 1) {
        abort();
    }
}

static void *play_mta(void *owner)
{
    static const char commands[] = "OCHMRTLNBE";
    struct buffer output = {0}, input = {0};
    struct peer *peer = owner;

    for (const char *letter = commands; *letter != '\0'; letter++) {
        append_command(&output, *letter);
        say(peer, peer->fd, &output);
        if (*letter == 'E') {
            while (hear(peer, peer->fd, &input) != 'c') {
            }
        } else {
            (void)hear(peer, peer->fd, &input);
        }
    }
    append_command(&output, 'Q');
    say(peer, peer->fd, &output);
    while (hear(peer, peer->fd, &input) != '\0') {
    }
    close(peer->fd);
    buffer_clear(&output);
    buffer_clear(&input);
    finish(peer);
    return NULL;
}

static void append_body(struct buffer *output)
{
    static char chunk[CHUNK];

    for (unsigned i = 0; i < CHUNKS; i++) {
        packet_append(output, 'b', slice_of(chunk, sizeof(chunk)));
    }
}

static void *play_child(void *owner)
{
    struct buffer output = {0}, input = {0};
    struct peer *peer = owner;
    int fd = accept(peer->fd, NULL, NULL);
    char letter;

    while ((letter = hear(peer, fd, &input)) != '\0') {
        if (letter == 'E') {
            append_body(&output);
        }
        if (strchr("DAQ", letter) == NULL) {
            append_reply(&output, letter == 'O' ? 'O' : 'c');
        }
        say(peer, fd, &output);
    }
    close(fd);
    close(peer->fd);
    buffer_clear(&output);
    buffer_clear(&input);
    finish(peer);
    return NULL;
}

static void leave(struct stage *stage)
{
    if (++stage->gone == 3) {
        loop_stop(stage->loop);
    }
}

static void front_ended(void *owner, struct front *front)
{
    (void)front;
    leave(owner);
}

static void peer_done(void *owner, unsigned events)
{
    struct stage *stage = owner;
    char byte;

    (void)events;
    assert_int_equal(read(stage->done[0], &byte, 1), 1);
    leave(stage);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    memcpy(address.sun_path, path, strlen(path) + 1);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)(void *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static struct configuration *configured(const char *path)
{
    struct configuration *configuration = configuration_new();
    char *spec = memory_format("unix:%s", path);
    struct configuration_child *child;

    (void)configuration_define_child(configuration, "counted", (struct location){NULL, 0});
    child = &configuration->children[0];
    child->connection_spec = "unix:";
    assert_true(connection_spec_parse(spec, &child->address, NULL));
    free(spec);
    return configuration;
}

static void run(struct stage *stage)
{
    struct configuration *configuration = configured(stage->path);
    struct loop_io *io;
    int ends[2];

    assert_int_equal(pipe(stage->done), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    stage->loop = loop_new();
    stage->mta = (struct peer){.fd = ends[0], .done = stage->done[1]};
    stage->child = (struct peer){.fd = listen_at(stage->path), .done = stage->done[1]};
    io = loop_io_new(stage->loop, stage->done[0], peer_done, stage);
    loop_io_watch(io, LOOP_READ);
    (void)front_new(stage->loop, ends[1], configuration, front_ended, stage);
    assert_int_equal(pthread_create(&stage->mta.thread, NULL, play_mta, &stage->mta), 0);
    assert_int_equal(pthread_create(&stage->child.thread, NULL, play_child, &stage->child), 0);
    loop_run(stage->loop);
    assert_int_equal(pthread_join(stage->mta.thread, NULL), 0);
    assert_int_equal(pthread_join(stage->child.thread, NULL), 0);
    loop_io_free(io);
    loop_free(stage->loop);
    close(stage->done[0]);
    close(stage->done[1]);
    configuration_release(configuration);
}

static void test_bytes_are_those_of_the_peers(void **state)
{
    struct stage stage = {0};
    const struct tally_child *child;
    struct sums sums;

    (void)state;
    tally_open(1);
    memcpy(stage.directory, "/tmp/mm-front-XXXXXX", sizeof("/tmp/mm-front-XXXXXX"));
    assert_non_null(mkdtemp(stage.directory));
    (void)snprintf(stage.path, sizeof(stage.path), "%s/child", stage.directory);
    run(&stage);
    (void)unlink(stage.path);
    (void)rmdir(stage.directory);
    sums_take(&sums);
    assert_int_equal(sums.child_count, 1);
    child = &sums.children[0].counted;
    assert_true(stage.child.written > CHUNKS * CHUNK && stage.mta.read > CHUNKS * CHUNK);
    assert_int_equal(counter_read(&sums.totals.received_bytes), stage.mta.written);
    assert_int_equal(counter_read(&sums.totals.sent_bytes), stage.mta.read);
    assert_int_equal(counter_read(&child->received_bytes), stage.child.written);
    assert_int_equal(counter_read(&child->sent_bytes), stage.child.read);
    assert_int_equal(counter_read(&child->connections_open), 0);
    assert_int_equal(counter_read(&sums.totals.sessions_open), 0);
    assert_int_equal(counter_read(&child->edits[REPLY_REPLACE_BODY]), CHUNKS);
    sums_clear(&sums);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_are_those_of_the_peers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
