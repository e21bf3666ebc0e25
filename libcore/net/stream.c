/*
 * stream - a connected, non-blocking, buffered byte stream in the event loop.
 *
 * Owns the descriptor, the output and the input its owner did not consume.
 * Handlers are only called from the loop, so an owner never meets a handler
 * inside one of its own calls.  Never interprets the bytes, never writes a log.
 */
#include "libcore/net/stream.h"

#include "libcore/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/sockios.h>
#endif

enum {
    SCRATCH_SIZE = 128 * 1024, /* two of the largest milter packets */
    OUTPUT_KEPT = 4096,        /* an empty output buffer larger than this is given back */
};

/* A unix socket whose backlog is full gives no readiness event: ask again that often. */
static const double CONNECT_RETRY_SECONDS = 0.01;

enum stream_state {
    STREAM_CONNECTING,
    STREAM_OPEN,
    STREAM_CLOSING, /* stream_free_after_flush */
    STREAM_FAILED,
};

struct stream {
    struct loop *loop;
    struct loop_io *io; /* NULL when there is no descriptor */
    int fd;
    enum stream_state state;
    const struct stream_handlers *handlers;
    void *owner;
    char *peer;
    struct buffer output;
    struct buffer input;      /* what the owner did not consume */
    struct loop_timer *timer; /* connecting, writing or closing; made when first needed */
    struct loop_task task;
    struct error *failure; /* waits for being reported by the task */
    double writing_timeout;
    double connect_timeout;
    double connect_deadline;
    struct socket_address *address; /* while connecting */
    size_t bytes_read;
    size_t bytes_written;
    struct counter *read_counter, *written_counter; /* the owner's, or NULL */
    unsigned busy;                                  /* handlers running */
    bool dead; /* freed by its own handler: goes when busy is 0 */
    bool paused;
    bool blocked;         /* the socket takes no more output */
    bool connect_retry;   /* the timer asks again */
    bool connect_done;    /* for the task: the connection stands */
    bool offer_wanted;    /* for the task: stream_offer_again */
    bool drained_pending; /* for the task: tell the owner that the output is empty */
};

/*
 * Everything read goes through here.  One loop per process, one handler at a
 * time: the bytes are consumed or copied before the next stream reads.
 */
static char scratch[SCRATCH_SIZE];

static void stream_destroy(struct stream *stream)
{
    buffer_clear(&stream->output);
    buffer_clear(&stream->input);
    free(stream->failure);
    free(stream->address);
    free(stream->peer);
    free(stream);
}

/* Between these two the stream's memory stays, whatever a handler does. */
static void stream_enter(struct stream *stream)
{
    stream->busy++;
}

/* False when the stream is gone. */
static bool stream_leave(struct stream *stream)
{
    stream->busy--;
    if (!stream->dead) {
        return true;
    }
    if (stream->busy == 0) {
        stream_destroy(stream);
    }
    return false;
}

static void stream_release_descriptor(struct stream *stream)
{
    loop_io_free(stream->io);
    stream->io = NULL;
    if (stream->fd >= 0) {
        close(stream->fd);
        stream->fd = -1;
    }
}

static void stream_watch(struct stream *stream)
{
    unsigned events = 0;
    if (stream->io == NULL) {
        return;
    }
    if (stream->state == STREAM_CONNECTING) {
        /* A socket that was refused is writable too: it must not pass for a connected one. */
        bool settled = stream->connect_done || stream->failure != NULL;
        events = stream->connect_retry || settled ? 0 : LOOP_WRITE;
    } else if (stream->state != STREAM_FAILED && stream->failure == NULL) {
        bool reading = stream->state == STREAM_OPEN && !stream->paused;
        events = (reading ? LOOP_READ : 0U) | (stream->blocked ? LOOP_WRITE : 0U);
    }
    loop_io_watch(stream->io, events);
}

static void on_timer(void *owner);

static void stream_timer_start(struct stream *stream, double seconds)
{
    if (stream->timer == NULL) {
        stream->timer = loop_timer_new(stream->loop, on_timer, stream);
    }
    loop_timer_start(stream->timer, seconds);
}

static void stream_timer_stop(struct stream *stream)
{
    if (stream->timer != NULL) {
        loop_timer_stop(stream->timer);
    }
}

/* Failing. */

/* Only from the loop: the handler is called at once.  The stream may be gone afterwards. */
static void stream_fail(struct stream *stream, const struct error *error)
{
    struct error copy = *error;
    if (stream->state == STREAM_CLOSING) {
        stream_free(stream);
        return;
    }
    stream->state = STREAM_FAILED;
    stream->blocked = false;
    stream_watch(stream);
    stream_timer_stop(stream);
    loop_task_cancel(&stream->task);
    stream_enter(stream);
    stream->handlers->failed(stream->owner, &copy);
    stream_leave(stream);
}

/* From anywhere: the task reports it.  Of two failures the first is the cause. */
static void stream_fail_later(struct stream *stream, const struct error *error)
{
    if (stream->failure == NULL) {
        stream->failure = NEW(struct error);
        *stream->failure = *error;
    }
    stream->blocked = false;
    buffer_clear(&stream->output);
    stream_timer_stop(stream);
    stream_watch(stream);
    loop_task_post(stream->loop, &stream->task);
}

/* Reading. */

static void stream_keep(struct stream *stream, const char *data, size_t length)
{
    buffer_append(&stream->input, data, length);
}

/* The stream's own input is offered.  False when the stream is gone. */
static bool stream_offer_input(struct stream *stream)
{
    stream->offer_wanted = false;
    stream_enter(stream);
    size_t consumed = stream->handlers->received(stream->owner, buffer_slice(&stream->input));
    if (!stream_leave(stream)) {
        return false;
    }
    buffer_consume(&stream->input, consumed);
    if (buffer_length(&stream->input) == 0) {
        buffer_clear(&stream->input);
    }
    return true;
}

/* length new bytes are in the scratch buffer.  False when the stream is gone. */
static bool stream_take(struct stream *stream, size_t length)
{
    stream->bytes_read += length;
    if (stream->read_counter != NULL) {
        counter_add(stream->read_counter, length);
    }
    if (buffer_length(&stream->input) > 0) {
        stream_keep(stream, scratch, length);
        return stream_offer_input(stream);
    }
    stream_enter(stream);
    size_t consumed = stream->handlers->received(stream->owner, slice_of(scratch, length));
    if (!stream_leave(stream)) {
        return false;
    }
    if (consumed < length) {
        stream_keep(stream, scratch + consumed, length - consumed);
    }
    return true;
}

enum read_outcome { READ_TAKEN, READ_NOTHING, READ_GONE };

/* recv returned count and errno.  Apart, as an error is too large to be made for every read. */
static enum read_outcome stream_read_failed(struct stream *stream, ssize_t count)
{
    struct error error = {0};
    if (count == 0) {
        error_set(&error, ERROR_CLOSED, "connection closed by %s", stream->peer);
    } else {
        error_set_errno(&error, "failed to read from %s", stream->peer);
    }
    /* An offer asked for a moment ago must not be lost to the end of file. */
    if (stream->offer_wanted && buffer_length(&stream->input) > 0 && !stream_offer_input(stream)) {
        return READ_GONE;
    }
    stream_fail(stream, stream->failure != NULL ? stream->failure : &error);
    return READ_GONE;
}

/* One system call.  READ_GONE: failed() was called or the stream freed. */
static enum read_outcome stream_read(struct stream *stream)
{
    ssize_t count = recv(stream->fd, scratch, sizeof(scratch), 0);
    if (count > 0) {
        return stream_take(stream, (size_t)count) ? READ_TAKEN : READ_GONE;
    }
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return READ_NOTHING;
    }
    return stream_read_failed(stream, count);
}

/* Writing. */

/* Unread input would make the system reset the connection under the last bytes. */
static void stream_close_gently(struct stream *stream)
{
    static char unread[SCRATCH_SIZE]; /* scratch may be in the hands of a handler */

    (void)!recv(stream->fd, unread, sizeof(unread), 0);
    stream_free(stream);
}

static void stream_emptied(struct stream *stream)
{
    if (stream->output.capacity > OUTPUT_KEPT) {
        buffer_clear(&stream->output);
    }
    if (stream->blocked) {
        stream->blocked = false;
        stream_timer_stop(stream);
        stream_watch(stream);
    }
    if (stream->state == STREAM_OPEN && stream->handlers->drained != NULL) {
        stream->drained_pending = true;
        loop_task_post(stream->loop, &stream->task);
    }
}

static void stream_blocked(struct stream *stream, bool progress)
{
    bool first = !stream->blocked;
    stream->blocked = true;
    if (stream->state == STREAM_OPEN && stream->writing_timeout > 0 && (first || progress)) {
        stream_timer_start(stream, stream->writing_timeout);
    }
    stream_watch(stream);
}

/* One system call. */
static void stream_write(struct stream *stream)
{
    struct slice rest = buffer_slice(&stream->output);
    ssize_t count = send(stream->fd, rest.data, rest.length, MSG_NOSIGNAL);
    if (count >= 0) {
        stream->bytes_written += (size_t)count;
        if (stream->written_counter != NULL) {
            counter_add(stream->written_counter, (uint64_t)count);
        }
        buffer_consume(&stream->output, (size_t)count);
        if ((size_t)count == rest.length) {
            stream_emptied(stream);
        } else {
            stream_blocked(stream, true);
        }
    } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        stream_blocked(stream, false);
    } else {
        struct error error = {0};
        error_set_errno(&error, "failed to write to %s", stream->peer);
        stream_fail_later(stream, &error);
    }
}

void stream_flush(struct stream *stream)
{
    if (stream->failure != NULL || stream->state == STREAM_FAILED) {
        buffer_reset(&stream->output);
    } else if (stream->state != STREAM_CONNECTING && !stream->blocked && stream->fd >= 0 &&
               buffer_length(&stream->output) > 0) {
        stream_write(stream);
    }
}

void stream_acknowledge(struct stream *stream)
{
    const int on = 1;

    /* Where there is nothing to acknowledge, as on a unix socket, it fails and does no harm. */
    (void)setsockopt(stream->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

/* Connecting. */

static void connect_failed(struct stream *stream, int error_number)
{
    struct error error = {0};
    errno = error_number;
    if (error_number == EADDRNOTAVAIL) {
        error_set(&error, ERROR_SYSTEM,
                  "connection to %s failed: %s: no port of this machine is left for it, those of "
                  "connections that are over take a minute (net.ipv4.ip_local_port_range)",
                  stream->peer, strerror(error_number));
    } else {
        error_set_errno(&error, "connection to %s %s", stream->peer,
                        error_number == ECONNREFUSED ? "refused" : "failed");
    }
    stream_fail_later(stream, &error);
}

static void connect_timed_out(struct stream *stream)
{
    struct error error = {0};
    error_set(&error, ERROR_TIMEOUT, "connection to %s timed out after %g seconds", stream->peer,
              stream->connect_timeout);
    stream_fail_later(stream, &error);
}

static void connect_start_timer(struct stream *stream)
{
    double left = stream->connect_deadline - loop_now(stream->loop);
    if (stream->connect_timeout <= 0) {
        left = stream->connect_retry ? CONNECT_RETRY_SECONDS : 0;
    } else if (stream->connect_retry && left > CONNECT_RETRY_SECONDS) {
        left = CONNECT_RETRY_SECONDS;
    }
    if (left > 0 || stream->connect_timeout > 0) {
        stream_timer_start(stream, left);
    }
}

static void connect_try(struct stream *stream)
{
    const struct socket_address *address = stream->address;
    stream->connect_retry = false;
    if (connect(stream->fd, (const struct sockaddr *)(const void *)&address->storage,
                address->length) == 0) {
        stream->connect_done = true;
        stream_timer_stop(stream);
        loop_task_post(stream->loop, &stream->task);
    } else if (errno == EINPROGRESS || errno == EINTR || errno == EAGAIN) {
        stream->connect_retry = errno == EAGAIN;
        connect_start_timer(stream);
    } else {
        connect_failed(stream, errno);
    }
    stream_watch(stream);
}

/* From the loop.  The stream may be gone afterwards. */
static void connect_finish(struct stream *stream)
{
    int error_number = 0;
    socklen_t length = sizeof(error_number);
    if (!stream->connect_done) {
        getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error_number, &length);
    }
    if (error_number != 0) {
        connect_failed(stream, error_number);
        return;
    }
    stream->connect_done = false;
    stream->state = STREAM_OPEN;
    stream_timer_stop(stream);
    free(stream->address);
    stream->address = NULL;
    stream_watch(stream);
    stream_enter(stream);
    stream->handlers->connected(stream->owner);
    if (stream_leave(stream)) {
        stream_flush(stream);
    }
}

/* Events. */

static void on_io(void *owner, unsigned events)
{
    struct stream *stream = owner;
    if (stream->state == STREAM_CONNECTING) {
        connect_finish(stream);
        return;
    }
    if ((events & LOOP_READ) != 0 && stream_read(stream) == READ_GONE) {
        return;
    }
    if ((events & LOOP_WRITE) != 0 && stream->blocked) {
        stream_write(stream);
    }
    if (stream->state == STREAM_CLOSING &&
        (stream->failure != NULL || buffer_length(&stream->output) == 0)) {
        stream_close_gently(stream);
    }
}

static void on_timer(void *owner)
{
    struct stream *stream = owner;
    if (stream->state == STREAM_CLOSING) {
        stream_free(stream);
    } else if (stream->state == STREAM_CONNECTING) {
        bool late = stream->connect_timeout > 0 &&
                    loop_now(stream->loop) + CONNECT_RETRY_SECONDS >= stream->connect_deadline;
        if (late || !stream->connect_retry) {
            connect_timed_out(stream);
        } else {
            connect_try(stream);
        }
    } else if (stream->state == STREAM_OPEN) {
        struct error error = {0};
        error_set(&error, ERROR_TIMEOUT,
                  "writing to %s timed out: nothing was taken for %g seconds, %zu bytes are left",
                  stream->peer, stream->writing_timeout, buffer_length(&stream->output));
        stream_fail(stream, &error);
    }
}

/*
 * A write failed or connecting did.  What the peer sent before it went away is
 * delivered first; a paused stream therefore waits for its owner.
 */
static void stream_report_failure(struct stream *stream)
{
    while (stream->state == STREAM_OPEN) {
        if (stream->paused) {
            return;
        }
        enum read_outcome outcome = stream_read(stream);
        if (outcome == READ_GONE) {
            return;
        }
        if (outcome == READ_NOTHING) {
            break;
        }
    }
    stream_fail(stream, stream->failure);
}

static void on_task(void *owner)
{
    struct stream *stream = owner;
    if (stream->connect_done) {
        connect_finish(stream);
        return;
    }
    if (stream->offer_wanted && stream->state == STREAM_OPEN && buffer_length(&stream->input) > 0 &&
        !stream_offer_input(stream)) {
        return;
    }
    stream->offer_wanted = false;
    if (stream->failure != NULL) {
        if (stream->state != STREAM_FAILED) {
            stream_report_failure(stream);
        }
        return;
    }
    if (stream->drained_pending) {
        stream->drained_pending = false;
        if (stream->state == STREAM_OPEN && buffer_length(&stream->output) == 0) {
            stream_enter(stream);
            stream->handlers->drained(stream->owner);
            stream_leave(stream);
        }
    }
}

/* Birth and death. */

static struct stream *stream_allocate(struct loop *loop, const char *peer,
                                      const struct stream_handlers *handlers, void *owner)
{
    struct stream *stream = NEW(struct stream);
    stream->loop = loop;
    stream->fd = -1;
    stream->handlers = handlers;
    stream->owner = owner;
    stream->peer = memory_copy_string(peer);
    stream->task.callback = on_task;
    stream->task.owner = stream;
    return stream;
}

static void stream_attach(struct stream *stream, int fd, sa_family_t family)
{
    const int on = 1;
    stream->fd = fd;
    if (family != AF_UNIX) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    stream->io = loop_io_new(stream->loop, fd, on_io, stream);
}

struct stream *stream_new(struct loop *loop, int fd, const char *peer,
                          const struct stream_handlers *handlers, void *owner)
{
    struct stream *stream = stream_allocate(loop, peer, handlers, owner);
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) == 0) {
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    }
    stream->state = STREAM_OPEN;
    /* A unix socket refuses what it has no delay to switch off for. */
    stream_attach(stream, fd, AF_UNSPEC);
    stream_watch(stream);
    return stream;
}

struct stream *stream_connect(struct loop *loop, const struct socket_address *address,
                              double timeout, const struct stream_handlers *handlers, void *owner)
{
    char peer[SOCKET_ADDRESS_TEXT];
    struct stream *stream =
        stream_allocate(loop, socket_address_format(address, peer), handlers, owner);
    stream->state = STREAM_CONNECTING;
    stream->connect_timeout = timeout;
    stream->connect_deadline = loop_now(loop) + timeout;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        connect_failed(stream, errno);
        return stream;
    }
    stream->address = NEW(struct socket_address);
    *stream->address = *address;
    stream_attach(stream, fd, address->storage.ss_family);
    connect_try(stream);
    return stream;
}

void stream_free(struct stream *stream)
{
    if (stream == NULL || stream->dead) {
        return;
    }
    stream->dead = true;
    loop_task_cancel(&stream->task);
    loop_timer_free(stream->timer);
    stream->timer = NULL;
    stream_release_descriptor(stream);
    if (stream->busy == 0) {
        stream_destroy(stream);
    }
}

void stream_free_after_flush(struct stream *stream, double seconds)
{
    if (stream == NULL || stream->dead || stream->state == STREAM_CLOSING) {
        return;
    }
    stream_flush(stream);
    if (stream->state != STREAM_OPEN || stream->failure != NULL) {
        stream_free(stream);
        return;
    }
    if (buffer_length(&stream->output) == 0) {
        stream_close_gently(stream);
        return;
    }
    stream->state = STREAM_CLOSING;
    loop_task_cancel(&stream->task);
    stream_watch(stream);
    stream_timer_start(stream, seconds);
}

/* Small things. */

struct buffer *stream_output(struct stream *stream)
{
    return &stream->output;
}

void stream_set_writing_timeout(struct stream *stream, double seconds)
{
    stream->writing_timeout = seconds;
    if (stream->state == STREAM_OPEN && stream->blocked && !stream->dead) {
        if (seconds > 0) {
            stream_timer_start(stream, seconds);
        } else {
            stream_timer_stop(stream);
        }
    }
}

void stream_pause(struct stream *stream, bool paused)
{
    if (stream->paused == paused || stream->dead) {
        return;
    }
    stream->paused = paused;
    if (!paused && stream->failure != NULL && stream->state != STREAM_FAILED) {
        loop_task_post(stream->loop, &stream->task);
    }
    stream_watch(stream);
}

void stream_offer_again(struct stream *stream)
{
    if (stream->state == STREAM_OPEN && !stream->dead) {
        stream->offer_wanted = true;
        loop_task_post(stream->loop, &stream->task);
    }
}

const char *stream_peer(const struct stream *stream)
{
    return stream->peer;
}

void stream_peer_address(const struct stream *stream, struct socket_address *address)
{
    memset(address, 0, sizeof(*address));
    address->length = sizeof(address->storage);
    if (stream->fd < 0 || getpeername(stream->fd, (struct sockaddr *)(void *)&address->storage,
                                      &address->length) != 0) {
        address->length = 0;
    }
}

void stream_own_address(const struct stream *stream, struct socket_address *address)
{
    memset(address, 0, sizeof(*address));
    address->length = sizeof(address->storage);
    if (stream->fd < 0 || getsockname(stream->fd, (struct sockaddr *)(void *)&address->storage,
                                      &address->length) != 0) {
        address->length = 0;
    }
}

void stream_count_bytes(struct stream *stream, struct counter *read, struct counter *written)
{
    stream->read_counter = read;
    stream->written_counter = written;
}

size_t stream_bytes_read(const struct stream *stream)
{
    return stream->bytes_read;
}

size_t stream_bytes_written(const struct stream *stream)
{
    return stream->bytes_written;
}

size_t stream_bytes_taken(const struct stream *stream)
{
    int waiting = 0;

#ifdef SIOCOUTQNSD
    /* What has been sent needs no answer of the peer's system, which may wait with it.  The
     * buffers of a unix socket, which refuses this, are small. */
    if (stream->fd < 0 || ioctl(stream->fd, SIOCOUTQNSD, &waiting) != 0) {
        waiting = 0;
    }
#endif
    return stream->bytes_written - (size_t)waiting;
}
