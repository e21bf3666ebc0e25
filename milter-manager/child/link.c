/*
 * link - a session's connection to one child milter.
 *
 * Owns the stream and the reply timer.  What a failure means is the session's
 * business; only that a child which can be started is connected a second time, a
 * little later, is decided here.
 */
#include "milter-manager/child/link.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/stream.h"
#include "milter-manager/child/launching.h"
#include "milter-manager/control/tally.h"

#include <stdlib.h>

/* What is queued at the end (QUIT) leaves at once or not at all, s. */
static const double link_farewell = 5.0;

struct link {
    struct loop *loop;
    struct session_child *child;
    struct stream *stream; /* NULL while the child is being started */
    struct loop_timer *timer;
    struct loop_timer *startup; /* NULL: it was not asked for */
    double startup_end;         /* loop_now; the connection after that is the last one tried */
    bool connected;
};

/* Connecting to a child that is being started is tried that often, s. */
static const double link_startup_pause = 0.1;

static void link_open(struct link *link);

static void link_connected(void *owner)
{
    struct link *link = owner;

    link->connected = true;
    stream_set_writing_timeout(link->stream, link->child->configuration->writing_timeout);
    session_child_connected(link->child, stream_output(link->stream));
}

static size_t link_received(void *owner, struct slice input)
{
    struct link *link = owner;

    return session_child_received(link->child, input);
}

static void link_started(void *owner)
{
    link_open(owner);
}

/* A moment later, or at the end of the time it is given; the mail need not wait longer. */
static void link_try_again(struct link *link)
{
    double left = link->startup_end - loop_now(link->loop);

    stream_free(link->stream);
    link->stream = NULL;
    loop_timer_start(link->startup, left < link_startup_pause ? left : link_startup_pause);
}

static void link_launch(struct link *link, const struct error *error)
{
    const struct configuration_child *configuration = link->child->configuration;

    log_info("[children][launch] [%u] %s; its command is run, and connecting is tried again for "
             "%g seconds: %s",
             link->child->session->tag, error->message, configuration->startup_time,
             configuration->name);
    launching_request(configuration);
    link->startup = loop_timer_new(link->loop, link_started, link);
    link->startup_end = loop_now(link->loop) + configuration->startup_time;
    link_try_again(link);
}

/* Nobody is there: has it started and waits.  Where that cannot be done nobody waits. */
static bool link_awaits_start(struct link *link, const struct error *error)
{
    if (link->connected || error->code == ERROR_TIMEOUT) {
        return false;
    }
    if (link->startup == NULL) {
        if (!launching_serves(link->child->configuration)) {
            return false;
        }
        link_launch(link, error);
        return true;
    }
    if (loop_now(link->loop) >= link->startup_end) {
        return false;
    }
    link_try_again(link);
    return true;
}

static void link_failed(void *owner, const struct error *error)
{
    struct link *link = owner;

    if (!link_awaits_start(link, error)) {
        session_child_failed(link->child, error);
    }
}

static void link_drained(void *owner)
{
    struct link *link = owner;

    session_child_drained(link->child);
}

static const struct stream_handlers link_handlers = {
    .connected = link_connected,
    .received = link_received,
    .failed = link_failed,
    .drained = link_drained,
};

static void link_timed_out(void *owner)
{
    struct link *link = owner;

    session_child_timed_out(link->child);
}

static void link_open(struct link *link)
{
    const struct configuration_child *configuration = link->child->configuration;

    link->stream = stream_connect(link->loop, &configuration->address,
                                  configuration->connection_timeout, &link_handlers, link);
    stream_count_bytes(link->stream, &link->child->tally->received_bytes,
                       &link->child->tally->sent_bytes);
}

void link_connect(struct loop *loop, struct session_child *child)
{
    struct link *link = NEW(struct link);

    link->loop = loop;
    link->child = child;
    link->timer = loop_timer_new(loop, link_timed_out, link);
    link_open(link);
    child->link = link;
}

void link_flush(struct session_child *child)
{
    struct link *link = child->link;

    stream_flush(link->stream);
}

void link_disconnect(struct session_child *child, bool graceful)
{
    struct link *link = child->link;

    if (link == NULL) {
        return;
    }
    child->link = NULL;
    loop_timer_free(link->timer);
    loop_timer_free(link->startup);
    if (graceful && link->stream != NULL) {
        stream_free_after_flush(link->stream, link_farewell);
    } else {
        stream_free(link->stream);
    }
    free(link);
}

void link_expect(struct session_child *child, double seconds)
{
    struct link *link = child->link;

    if (link == NULL) {
        return;
    }
    if (seconds > 0) {
        loop_timer_start(link->timer, seconds);
    } else {
        loop_timer_stop(link->timer);
    }
}
