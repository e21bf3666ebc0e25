/*
 * channel - questions of the master to one worker, and the answers.
 *
 * Owns the stream at either end.  What comes is bounded, although it comes from
 * a process of our own: one that is broken must not take the master with it.
 */
#include "milter-manager/process/channel.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    CHANNEL_LINE = 4 << 20,      /* bytes of an answer: a hundred sessions are some 50 kB */
    CHANNEL_QUESTIONS = 4 << 10, /* bytes of questions a worker has not read: it hangs */
};

bool channel_open(int ends[2], struct error *error)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) {
        error_set_errno(error, "failed to create a pair of sockets for a worker");
        return false;
    }
    return true;
}

/* The first line without its end; false: there is none yet. */
static bool channel_line(struct slice input, struct slice *line)
{
    const char *end = input.length == 0 ? NULL : memchr(input.data, '\n', input.length);

    if (end == NULL) {
        return false;
    }
    *line = slice_of(input.data, (size_t)(end - input.data));
    return true;
}

/* Takes the number in front of the line. */
static bool channel_number(struct slice *line, unsigned *number)
{
    bool any = false;

    *number = 0;
    while (line->length > 0 && line->data[0] >= '0' && line->data[0] <= '9') {
        *number = *number * 10 + (unsigned)(line->data[0] - '0');
        slice_skip(line, 1);
        any = true;
    }
    return any;
}

/* ---- the master's end */

struct channel {
    struct stream *stream;
    unsigned worker;
    channel_answered_fn *answered;
    channel_ended_fn *ended;
    void *owner;
};

static void channel_answer(struct channel *channel, struct slice line)
{
    json_error_t reason;
    unsigned number = 0;
    json_t *report = NULL;

    if (channel_number(&line, &number) && slice_starts_with(line, " ")) {
        slice_skip(&line, 1);
        report = json_loadb(line.data, line.length, 0, &reason);
    }
    channel->answered(channel->owner, channel, number, report);
}

static size_t channel_received(void *owner, struct slice input)
{
    struct channel *channel = owner;
    size_t before = input.length;
    struct slice line;

    while (channel_line(input, &line)) {
        slice_skip(&input, line.length + 1);
        channel_answer(channel, line);
    }
    if (input.length > CHANNEL_LINE) {
        log_error("[master][worker][error] worker %u: an answer has no end and is left out",
                  channel->worker);
        return before;
    }
    return before - input.length;
}

static void channel_failed(void *owner, const struct error *error)
{
    struct channel *channel = owner;

    (void)error;
    channel->ended(channel->owner, channel);
}

struct channel *channel_new(struct loop *loop, int fd, unsigned worker,
                            channel_answered_fn *answered, channel_ended_fn *ended, void *owner)
{
    static const struct stream_handlers handlers = {.received = channel_received,
                                                    .failed = channel_failed};
    struct channel *channel = NEW(struct channel);

    channel->worker = worker;
    channel->answered = answered;
    channel->ended = ended;
    channel->owner = owner;
    channel->stream = stream_new(loop, fd, "worker", &handlers, channel);
    return channel;
}

unsigned channel_worker(const struct channel *channel)
{
    return channel->worker;
}

bool channel_ask(struct channel *channel, unsigned number)
{
    struct buffer *output = stream_output(channel->stream);

    if (buffer_slice(output).length > CHANNEL_QUESTIONS) {
        return false;
    }
    buffer_append_format(output, "%u\n", number);
    stream_flush(channel->stream);
    return true;
}

void channel_free(struct channel *channel)
{
    if (channel != NULL) {
        stream_free(channel->stream);
        free(channel);
    }
}

/* ---- the worker's end */

struct channel_service {
    struct stream *stream;
    channel_report_fn *report;
    void *owner;
};

static void service_answer(struct channel_service *service, unsigned number)
{
    struct buffer *output = stream_output(service->stream);
    json_t *report = service->report(service->owner);
    char *text = json_dumps(report, JSON_COMPACT);

    buffer_append_format(output, "%u ", number);
    buffer_append_string(output, text == NULL ? "null" : text);
    buffer_append_string(output, "\n");
    free(text);
    json_decref(report);
}

static size_t service_received(void *owner, struct slice input)
{
    struct channel_service *service = owner;
    size_t before = input.length;
    struct slice line;
    unsigned number;

    while (channel_line(input, &line)) {
        slice_skip(&input, line.length + 1);
        if (channel_number(&line, &number)) {
            service_answer(service, number);
        }
    }
    stream_flush(service->stream);
    return before - input.length;
}

/* The master has died: the TERM that follows (workers.h) says what to do. */
static void service_failed(void *owner, const struct error *error)
{
    (void)owner;
    (void)error;
}

struct channel_service *channel_serve(struct loop *loop, int fd, channel_report_fn *report,
                                      void *owner)
{
    static const struct stream_handlers handlers = {.received = service_received,
                                                    .failed = service_failed};
    struct channel_service *service = NEW(struct channel_service);

    service->report = report;
    service->owner = owner;
    service->stream = stream_new(loop, fd, "master", &handlers, service);
    return service;
}

void channel_service_free(struct channel_service *service)
{
    if (service != NULL) {
        stream_free(service->stream);
        free(service);
    }
}
