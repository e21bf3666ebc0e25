/*
 * stream - a connected, non-blocking, buffered byte stream in the event loop.
 *
 * Reads go through one scratch buffer per loop, so an idle stream holds no
 * read buffer; only bytes the owner did not consume are kept per stream.
 * Writes are collected in the output buffer and leave in one write per flush.
 * At most one read system call per readiness event.
 */
#ifndef LIBCORE_NET_STREAM_H
#define LIBCORE_NET_STREAM_H

#include "libcore/base/buffer.h"
#include "libcore/base/counter.h"
#include "libcore/base/error.h"
#include "libcore/net/connection_spec.h"
#include "libcore/net/loop.h"

struct stream;

/* Handlers may call any stream function, stream_free included. */
struct stream_handlers {
    /* The connection stands (only after stream_connect). */
    void (*connected)(void *owner);
    /*
     * input: everything not consumed so far.  Returns how many bytes were
     * consumed; the rest is kept and offered again in front of the next bytes.
     * When the handler frees the stream the return value is ignored.
     */
    size_t (*received)(void *owner, struct slice input);
    /*
     * The stream is dead: end of file (ERROR_CLOSED), I/O error or connection
     * refused (ERROR_SYSTEM), connection or writing time-out (ERROR_TIMEOUT).
     * The sentence names the peer.  Called once; then only stream_free is left.
     */
    void (*failed)(void *owner, const struct error *error);
    /* The output buffer has become empty (also told when the first flush took it all); may be
     * NULL. */
    void (*drained)(void *owner);
};

/* Takes over fd (sets O_NONBLOCK, TCP_NODELAY); starts reading. peer: for messages, copied. */
struct stream *stream_new(struct loop *loop, int fd, const char *peer,
                          const struct stream_handlers *handlers, void *owner);
/*
 * Starts connecting.  The outcome always comes from the loop as connected or
 * failed, never from inside this call.  timeout in seconds, 0 = the system's.
 */
struct stream *stream_connect(struct loop *loop, const struct socket_address *address,
                              double timeout, const struct stream_handlers *handlers, void *owner);
/* Closes without flushing and frees.  NULL is fine. */
void stream_free(struct stream *stream);
/* Frees the stream after what is in the output has been written, or after seconds at the latest;
 * at once when it is not connected.  No handler is called any more. */
void stream_free_after_flush(struct stream *stream, double seconds);

/* Append packets here, then call stream_flush. */
struct buffer *stream_output(struct stream *stream);
/*
 * Writes what the socket takes now; the rest follows when it can.  A failure
 * is reported from the loop, never from inside this call.
 */
void stream_flush(struct stream *stream);
/*
 * What comes next is acknowledged at once: TCP would wait some 40 ms for something to send along,
 * and a peer that has more to say may wait for that (RFC 1122 section 4.2.3.2, RFC 896).
 */
void stream_acknowledge(struct stream *stream);
/* No progress in writing for that long is a failure; 0 = never (the default). */
void stream_set_writing_timeout(struct stream *stream, double seconds);

/* A paused stream reads nothing (and sees no end of file). */
void stream_pause(struct stream *stream, bool paused);
/* Offers unconsumed input again, from the loop. */
void stream_offer_again(struct stream *stream);

const char *stream_peer(const struct stream *stream);
/* The peer's address and our own; length 0 when unknown. */
void stream_peer_address(const struct stream *stream, struct socket_address *address);
void stream_own_address(const struct stream *stream, struct socket_address *address);
/*
 * From now on both count the bytes read and written, also those that leave after
 * stream_free_after_flush: they must outlive the stream.
 */
void stream_count_bytes(struct stream *stream, struct counter *read, struct counter *written);
/* Total bytes read and written, for error messages. */
size_t stream_bytes_read(const struct stream *stream);
size_t stream_bytes_written(const struct stream *stream);
/* Those of them that have left: the rest waits in our system until the peer has room. */
size_t stream_bytes_taken(const struct stream *stream);

#endif
