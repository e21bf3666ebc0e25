/*
 * stamp - a small filter on libcore: adds a header field, marks the subject.
 *
 * Usage: stamp SPEC NAME.  Shows what a filter needs: a listener, a stream and
 * a filter machine for each connection.  Owns its connections; keeps nothing
 * of a message but its subject.  It never refuses a mail.
 */
#include "libcore/base/memory.h"
#include "libcore/net/listener.h"
#include "libcore/net/stream.h"
#include "libcore/session/filter.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct stamp {
    struct loop *loop;
    const char *name;
};

struct connection {
    const struct stamp *stamp;
    struct stream *stream;
    struct filter filter;
    char *subject; /* of the message at hand, or NULL */
};

static void connection_free(struct connection *connection, bool flush)
{
    if (flush) {
        stream_free_after_flush(connection->stream, 1.0);
    } else {
        stream_free(connection->stream);
    }
    filter_clear(&connection->filter);
    free(connection->subject);
    free(connection);
}

static void forget_message(struct connection *connection)
{
    free(connection->subject);
    connection->subject = NULL;
}

/* Asks for the headers and the end of the message, and for nothing else. */
static void negotiate(struct connection *connection)
{
    const struct negotiation *offer = &connection->filter.offer;
    struct negotiation answer = *offer;

    answer.actions &= ACTION_ADD_HEADERS | ACTION_CHANGE_HEADERS;
    answer.steps &= STEP_NO_CONNECT | STEP_NO_HELO | STEP_NO_MAIL | STEP_NO_RCPT | STEP_NO_DATA |
                    STEP_NO_END_OF_HEADER | STEP_NO_BODY | STEP_NO_UNKNOWN;
    filter_negotiate(&connection->filter, &answer);
}

static void stamp_message(struct connection *connection)
{
    const char *name = connection->stamp->name;
    uint32_t actions = connection->filter.answer.actions;

    if ((actions & ACTION_ADD_HEADERS) != 0) {
        filter_edit(&connection->filter, &(struct reply){.kind = REPLY_ADD_HEADER,
                                                         .name = slice_from_string("X-Stamp"),
                                                         .value = slice_from_string(name)});
        (void)printf("adds the header X-Stamp: %s\n", name);
    }
    if ((actions & ACTION_CHANGE_HEADERS) != 0 && connection->subject != NULL) {
        char *subject = memory_format("[%s] %s", name, connection->subject);

        filter_edit(&connection->filter, &(struct reply){.kind = REPLY_CHANGE_HEADER,
                                                         .index = 1,
                                                         .name = slice_from_string("Subject"),
                                                         .value = slice_from_string(subject)});
        (void)printf("changes the subject to: %s\n", subject);
        free(subject);
    }
    (void)fflush(stdout);
}

static void handle(struct connection *connection, const struct command_packet *event)
{
    switch (event->command) {
    case COMMAND_NEGOTIATE:
        negotiate(connection);
        return;
    case COMMAND_HEADER:
        if (connection->subject == NULL &&
            slice_equal_ignoring_case(event->header.name, slice_from_string("Subject"))) {
            connection->subject =
                memory_copy_bytes(event->header.value.data, event->header.value.length);
        }
        break;
    case COMMAND_END_OF_MESSAGE:
        stamp_message(connection);
        forget_message(connection);
        break;
    case COMMAND_ABORT:
        forget_message(connection);
        break;
    default:
        break;
    }
    if (command_info[event->command].replied) {
        filter_reply_verdict(&connection->filter, VERDICT_CONTINUE);
    }
}

static size_t received(void *owner, struct slice input)
{
    struct connection *connection = owner;
    struct slice rest = input;
    struct command_packet event;
    struct error error = {0};

    /* Every command is answered before the next is taken, so none is held back. */
    for (;;) {
        switch (filter_next(&connection->filter, &rest, &event, &error)) {
        case FILTER_EVENT:
            if (event.command == COMMAND_QUIT) {
                connection_free(connection, true);
                return 0;
            }
            handle(connection, &event);
            break;
        case FILTER_INVALID:
            (void)fprintf(stderr, "%s\n", error.message);
            connection_free(connection, false);
            return 0;
        case FILTER_HELD:
        case FILTER_WAIT:
            stream_flush(connection->stream);
            return input.length - rest.length;
        }
    }
}

static void failed(void *owner, const struct error *error)
{
    (void)error; /* an MTA that goes away has no more mail */
    connection_free(owner, false);
}

static void accepted(void *owner, int fd)
{
    static const struct stream_handlers handlers = {.received = received, .failed = failed};
    const struct stamp *stamp = owner;
    struct connection *connection = NEW(struct connection);

    connection->stamp = stamp;
    connection->stream = stream_new(stamp->loop, fd, "MTA", &handlers, connection);
    filter_init(&connection->filter, stream_output(connection->stream));
}

static void exhausted(void *owner, int error_number)
{
    const struct stamp *stamp = owner;

    (void)fprintf(stderr, "no more connections can be accepted: error %d\n", error_number);
    loop_stop(stamp->loop);
}

static void interrupted(void *owner, int signal_number)
{
    const struct stamp *stamp = owner;

    (void)signal_number;
    loop_stop(stamp->loop);
}

int main(int argc, char **argv)
{
    const struct listener_options options = {.unix_socket_mode = 0600,
                                             .remove_unix_socket_on_create = true,
                                             .remove_unix_socket_on_close = true};
    struct stamp stamp = {0};
    struct socket_address address;
    struct listener *listener;
    struct loop_signal *terminate;
    struct error error = {0};

    if (argc != 3) {
        (void)fprintf(stderr, "usage: %s SPEC NAME\n", argv[0]);
        return EXIT_FAILURE;
    }
    stamp.name = argv[2];
    stamp.loop = loop_new();
    if (!connection_spec_parse(argv[1], &address, &error) ||
        (listener = listener_new(stamp.loop, &address, &options, accepted, exhausted, &stamp,
                                 &error)) == NULL) {
        (void)fprintf(stderr, "%s\n", error.message);
        loop_free(stamp.loop);
        return EXIT_FAILURE;
    }
    terminate = loop_signal_new(stamp.loop, SIGTERM, interrupted, &stamp);
    loop_run(stamp.loop);
    loop_signal_free(terminate);
    listener_free(listener);
    loop_free(stamp.loop);
    return EXIT_SUCCESS;
}
