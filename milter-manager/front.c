/*
 * front - one connection of the MTA: the event loop's half of a session.
 *
 * Owns the stream to the MTA, the session and its timers.  It keeps the input
 * the session holds back bounded and ends connections that say nothing.
 */
#include "milter-manager/front.h"

#include "libcore/base/clock.h"
#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/stream.h"
#include "libcore/wire/protocol.h"
#include "milter-manager/child/link.h"
#include "milter-manager/control/switches.h"
#include "milter-manager/control/tally.h"
#include "milter-manager/recording.h"
#include "milter-manager/session/connection_check.h"
#include "milter-manager/session/session.h"

#include <arpa/inet.h>
#include <stdlib.h>

static const double front_idle_timeout = 7210.0; /* s without a word of the MTA: libmilter's */
static const double front_farewell = 5.0;        /* s for the last reply to leave */

struct front {
    struct front_links links;
    struct loop *loop;
    struct stream *stream;
    struct session *session;
    struct loop_timer *silence;    /* nothing, or half a packet, from the MTA */
    struct loop_timer *keep_alive; /* made when first needed */
    struct loop_task ending;
    bool half_packet, paused;
    front_ended_fn *ended;
    void *owner;
};

struct front_links *front_links(struct front *front)
{
    return &front->links;
}

/* ---- the MTA's side ---- */

static void front_watch_silence(struct front *front, size_t left)
{
    front->half_packet = left > 0 && !front->session->front_held;
    loop_timer_start(front->silence, front->half_packet ? session_packet_timeout(front->session)
                                                        : front_idle_timeout);
}

static size_t front_received(void *owner, struct slice input)
{
    struct front *front = owner;
    size_t consumed = session_front_received(front->session, input);
    size_t left = input.length - consumed;

    front_watch_silence(front, left);
    if (left > PROTOCOL_PACKET + 4 && front->session->front_held) {
        front->paused = true;
        stream_pause(front->stream, true);
    }
    return consumed;
}

static void front_failed(void *owner, const struct error *error)
{
    struct front *front = owner;

    session_front_closed(front->session, error->code == ERROR_CLOSED ? NULL : error->message);
}

static void front_drained(void *owner)
{
    struct front *front = owner;

    session_front_drained(front->session);
}

static const struct stream_handlers front_stream_handlers = {
    .received = front_received,
    .failed = front_failed,
    .drained = front_drained,
};

static void front_silent(void *owner)
{
    struct front *front = owner;

    session_front_closed(front->session,
                         front->half_packet
                             ? "half a packet and then nothing; the connection is closed"
                             : "the MTA has been silent for too long; the connection is closed");
}

/* ---- what the session needs ---- */

static double front_now(struct session *session)
{
    const struct front *front = session->owner;

    return loop_now(front->loop);
}

static void front_connect_child(struct session_child *child)
{
    const struct front *front = child->session->owner;

    link_connect(front->loop, child);
}

static void front_flush(struct session *session)
{
    const struct front *front = session->owner;

    stream_flush(front->stream);
}

static void front_resume(struct session *session)
{
    struct front *front = session->owner;

    if (front->paused) {
        front->paused = false;
        stream_pause(front->stream, false);
    }
    stream_offer_again(front->stream);
}

static void front_keep_alive_due(void *owner)
{
    struct front *front = owner;

    session_keep_alive(front->session);
}

static void front_schedule_keep_alive(struct session *session, double seconds)
{
    struct front *front = session->owner;

    if (seconds > 0) {
        if (front->keep_alive == NULL) {
            front->keep_alive = loop_timer_new(front->loop, front_keep_alive_due, front);
        }
        loop_timer_start(front->keep_alive, seconds);
    } else if (front->keep_alive != NULL) {
        loop_timer_stop(front->keep_alive);
    }
}

static void front_finished(struct session *session)
{
    struct front *front = session->owner;

    loop_task_post(front->loop, &front->ending);
}

static void front_save_record(struct session *session, struct slice text)
{
    recording_save(session->configuration, text);
}

static const struct session_host front_host = {
    .now = front_now,
    .connect_child = front_connect_child,
    .flush_child = link_flush,
    .disconnect_child = link_disconnect,
    .expect_child = link_expect,
    .flush_front = front_flush,
    .resume_front = front_resume,
    .schedule_keep_alive = front_schedule_keep_alive,
    .finished = front_finished,
    .switched_off = switches_disabled,
    .clock = clock_seconds,
    .save_record = front_save_record,
};

/* ---- life ---- */

static void front_end(void *owner)
{
    struct front *front = owner;

    session_free(front->session);
    stream_free_after_flush(front->stream, front_farewell);
    loop_timer_free(front->silence);
    loop_timer_free(front->keep_alive);
    front->ended(front->owner, front);
    free(front);
}

static void front_peer_address(int fd, struct socket_address *address)
{
    address->length = sizeof(address->storage);
    if (getpeername(fd, (struct sockaddr *)&address->storage, &address->length) != 0) {
        *address = (struct socket_address){0};
    }
}

static const char *front_peer_name(const struct socket_address *address,
                                   char text[SOCKET_ADDRESS_TEXT])
{
    if (address->length == 0) {
        return "MTA";
    }
    if (address->storage.ss_family == AF_UNIX) {
        return "MTA on the unix socket";
    }
    return socket_address_format(address, text);
}

/* In the words of CONNECT; the MTA's end of a unix socket has no path. */
static void front_note_peer(const struct socket_address *from, struct session_address *to)
{
    const struct sockaddr_in *inet = (const struct sockaddr_in *)(const void *)&from->storage;
    const struct sockaddr_in6 *inet6 = (const struct sockaddr_in6 *)(const void *)&from->storage;
    char text[INET6_ADDRSTRLEN] = "";

    if (from->length > 0 && from->storage.ss_family == AF_INET) {
        to->family = '4';
        to->port = ntohs(inet->sin_port);
        (void)inet_ntop(AF_INET, &inet->sin_addr, text, sizeof(text));
    } else if (from->length > 0 && from->storage.ss_family == AF_INET6) {
        to->family = '6';
        to->port = ntohs(inet6->sin6_port);
        (void)inet_ntop(AF_INET6, &inet6->sin6_addr, text, sizeof(text));
    } else if (from->length > 0 && from->storage.ss_family == AF_UNIX) {
        to->family = 'L';
    }
    buffer_append_string(&to->address, text);
}

struct front *front_new(struct loop *loop, int fd, struct configuration *configuration,
                        front_ended_fn *ended, void *owner)
{
    struct front *front = NEW(struct front);
    struct socket_address peer;
    char text[SOCKET_ADDRESS_TEXT];

    front_peer_address(fd, &peer);
    front->loop = loop;
    front->ended = ended;
    front->owner = owner;
    front->ending = (struct loop_task){.callback = front_end, .owner = front};
    front->silence = loop_timer_new(loop, front_silent, front);
    front->stream =
        stream_new(loop, fd, front_peer_name(&peer, text), &front_stream_handlers, front);
    stream_count_bytes(front->stream, &tally()->received_bytes, &tally()->sent_bytes);
    front->session = session_new(configuration, &front_host, front, stream_output(front->stream),
                                 stream_peer(front->stream));
    if ((configuration->hooks & HOOK_CONNECTION_CHECK) != 0) {
        front_note_peer(&peer, &front->session->server);
    }
    loop_timer_start(front->silence, front_idle_timeout);
    return front;
}

const struct session *front_session(const struct front *front)
{
    return front->session;
}

bool front_check_connection(struct front *front)
{
    return session_check_connection(front->session);
}

void front_close(struct front *front, const char *reason)
{
    session_front_closed(front->session, reason);
}
