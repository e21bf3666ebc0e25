/*
 * link - a session's connection to one child milter.
 *
 * Owns the stream and the reply timer.  It decides nothing: what a failure
 * means is the session's business.
 */
#include "milter-manager/child/link.h"

#include "libcore/base/memory.h"
#include "libcore/net/stream.h"
#include "milter-manager/control/tally.h"

#include <stdlib.h>

/* What is queued at the end (QUIT) leaves at once or not at all, s. */
static const double link_farewell = 5.0;

struct link {
    struct session_child *child;
    struct stream *stream;
    struct loop_timer *timer;
};

static void link_connected(void *owner)
{
    struct link *link = owner;

    stream_set_writing_timeout(link->stream, link->child->configuration->writing_timeout);
    session_child_connected(link->child, stream_output(link->stream));
}

static size_t link_received(void *owner, struct slice input)
{
    struct link *link = owner;

    return session_child_received(link->child, input);
}

static void link_failed(void *owner, const struct error *error)
{
    struct link *link = owner;

    session_child_failed(link->child, error);
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

void link_connect(struct loop *loop, struct session_child *child)
{
    struct link *link = NEW(struct link);

    link->child = child;
    link->timer = loop_timer_new(loop, link_timed_out, link);
    link->stream = stream_connect(loop, &child->configuration->address,
                                  child->configuration->connection_timeout, &link_handlers, link);
    stream_count_bytes(link->stream, &child->tally->received_bytes, &child->tally->sent_bytes);
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
    if (graceful) {
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
