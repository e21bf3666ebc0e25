/*
 * probe - an mta machine for each milter and a loop of its own for all.
 *
 * Owns connections only while probe_run runs.  What an outcome means for the
 * configuration is not decided here.
 */
#include "milter-manager/check/probe.h"

#include "libcore/base/memory.h"
#include "libcore/net/loop.h"
#include "libcore/net/stream.h"
#include "libcore/session/mta.h"

#include <stdlib.h>

static const double progress_first = 2.0, progress_again = 5.0; /* s */

struct run {
    struct loop *loop;
    struct probe *probes;
    unsigned count, open;
    double started;
    struct loop_timer *progress_timer;
    probe_progress_fn *progress;
    void *owner;
};

/* One connection. */
struct contact {
    struct run *run;
    struct probe *probe;
    struct stream *stream;
    struct loop_timer *timer;
    struct mta mta;
};

static void contact_end(struct contact *contact, enum probe_outcome outcome)
{
    struct run *run = contact->run;

    contact->probe->outcome = outcome;
    stream_free(contact->stream);
    loop_timer_free(contact->timer);
    mta_clear(&contact->mta);
    free(contact);
    if (--run->open == 0) {
        loop_stop(run->loop);
    }
}

static void contact_connected(void *owner)
{
    struct contact *contact = owner;
    /* What Postfix offers: everything. */
    const struct negotiation offer = {
        .version = PROTOCOL_VERSION, .actions = ACTION_ALL, .steps = STEP_ALL};

    mta_init(&contact->mta, stream_output(contact->stream));
    mta_negotiate(&contact->mta, &offer);
    stream_flush(contact->stream);
    loop_timer_start(contact->timer, contact->probe->reading_timeout);
}

static size_t contact_received(void *owner, struct slice input)
{
    struct contact *contact = owner;
    struct slice rest = input;
    struct reply reply;
    enum command command;

    switch (mta_next(&contact->mta, &rest, &reply, &command, &contact->probe->error)) {
    case MTA_NEGOTIATED:
        contact->probe->answer = contact->mta.answer;
        contact->probe->answer.macro_lists = slice_of("", 0);
        contact->probe->surplus = contact->mta.surplus;
        mta_quit(&contact->mta);
        stream_flush(contact->stream);
        contact_end(contact, PROBE_NEGOTIATED);
        return 0;
    case MTA_WAIT:
        return input.length - rest.length;
    case MTA_INVALID:
        break;
    case MTA_REPLY:
    case MTA_EDIT:
        error_set(&contact->probe->error, ERROR_PROTOCOL, "%s is no answer to a negotiation",
                  reply_info[reply.kind].name);
        break;
    }
    contact_end(contact, PROBE_INVALID);
    return 0;
}

static void contact_failed(void *owner, const struct error *error)
{
    struct contact *contact = owner;
    bool connected = contact->mta.output != NULL;

    contact->probe->error = *error;
    contact_end(contact, connected ? PROBE_CLOSED : PROBE_UNREACHABLE);
}

static const struct stream_handlers contact_handlers = {
    .connected = contact_connected,
    .received = contact_received,
    .failed = contact_failed,
};

static void contact_overdue(void *owner)
{
    struct contact *contact = owner;
    size_t received = stream_bytes_read(contact->stream);

    if (received > 0) {
        error_set(&contact->probe->error, ERROR_TIMEOUT,
                  "only %zu bytes of an answer within %g seconds", received,
                  contact->probe->reading_timeout);
    } else {
        error_set(&contact->probe->error, ERROR_TIMEOUT, "no answer within %g seconds",
                  contact->probe->reading_timeout);
    }
    contact_end(contact, PROBE_SILENT);
}

static void contact_begin(struct run *run, struct probe *probe)
{
    struct contact *contact = NEW(struct contact);

    contact->run = run;
    contact->probe = probe;
    contact->timer = loop_timer_new(run->loop, contact_overdue, contact);
    contact->stream = stream_connect(run->loop, &probe->address, probe->connection_timeout,
                                     &contact_handlers, contact);
    run->open++;
}

static void run_progress(void *owner)
{
    struct run *run = owner;

    run->progress(run->owner, run->probes, run->count, loop_now(run->loop) - run->started);
    loop_timer_start(run->progress_timer, progress_again);
}

void probe_run(struct probe *probes, unsigned count, probe_progress_fn *progress, void *owner)
{
    struct run run = {
        .loop = loop_new(), .probes = probes, .count = count, .progress = progress, .owner = owner};

    run.started = loop_now(run.loop);
    run.progress_timer = loop_timer_new(run.loop, run_progress, &run);
    for (unsigned i = 0; i < count; i++) {
        if (probes[i].address.length > 0) {
            contact_begin(&run, &probes[i]);
        }
    }
    if (run.open > 0) {
        if (progress != NULL) {
            loop_timer_start(run.progress_timer, progress_first);
        }
        loop_run(run.loop);
    }
    loop_timer_free(run.progress_timer);
    loop_free(run.loop);
}
