/*
 * session - one connection of a mail server.
 *
 * Owns the stream, the machine, the answer and the recording, which hears
 * through the machine what is received and what is said.
 */
#include "milter-test-client/session.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/stream.h"
#include "libcore/session/filter.h"
#include "milter-test-client/answer.h"
#include "milter-test-client/output.h"
#include "milter-test-client/printer.h"
#include "milter-test-client/printer_json.h"
#include "milter-test-client/recording.h"

#include <stdio.h>
#include <stdlib.h>

static const double leaving_seconds = 2;                /* for the last reply */
static const size_t held_maximum = 4 * PROTOCOL_PACKET; /* bytes that come while a reply is owed */

struct session {
    const struct session_options *options;
    const struct session_handlers *handlers;
    void *owner;
    struct stream *stream;
    struct filter filter;
    struct answer answer;
    struct recording recording; /* in use when the machine has its recorder */
    unsigned long number;
    struct buffer text;      /* scratch for the printers */
    uint32_t macros_arrived; /* bit per stage: a set has come since its last command */
    bool open;               /* something was said since the last end of a session */
    bool ended;
    const char *stage; /* the last command */
    struct session *next;
};

/* ---- printing */

static void session_print(struct session *session)
{
    output_append(buffer_slice(&session->text));
    buffer_reset(&session->text);
}

/* Events are printed one by one; a session file prints itself. */
static bool session_reports(const struct session *session)
{
    return session->options->report_request && session->options->format != SESSION_FORMAT_SESSION;
}

static void session_print_recording(struct session *session)
{
    if (session->filter.recorder != NULL) {
        recording_print(&session->recording);
    }
}

static void session_print_finished(struct session *session)
{
    if (!session->open) {
        return;
    }
    session->open = false;
    if (!session_reports(session)) {
        return;
    }
    if (session->options->format == SESSION_FORMAT_JSON) {
        printer_json_finished(&session->text, session->number);
    } else {
        printer_finished(&session->text);
    }
    session_print(session);
}

/* The macros that have arrived for the command; none when they have been printed before. */
static struct slice session_take_macros(struct session *session, enum command command)
{
    uint32_t bit = (uint32_t)1 << command;

    if ((session->macros_arrived & bit) == 0) {
        return slice_of("", 0);
    }
    session->macros_arrived &= ~bit;
    return macro_store_get(&session->filter.macros, command);
}

static void session_report(struct session *session, const struct command_packet *event)
{
    struct slice macros = session_take_macros(session, event->command);

    log_debug("[client][%s] <%s>", command_info[event->command].name, stream_peer(session->stream));
    if (!session_reports(session)) {
        return;
    }
    if (session->options->format == SESSION_FORMAT_JSON) {
        printer_json_command(&session->text, session->number, event, macros, &session->answer);
    } else {
        printer_command(&session->text, event);
        printer_macros(&session->text, macros);
    }
    session_print(session);
}

/* ---- ends */

static void session_end_recording(struct session *session)
{
    struct error error = {0};

    if (session->filter.recorder != NULL && !recording_end(&session->recording, &error)) {
        session->handlers->complain(session->owner, error.message);
    }
    session->filter.recorder = NULL;
}

static void session_end(struct session *session)
{
    if (session->ended) {
        return;
    }
    session->ended = true;
    session_print_finished(session);
    session_end_recording(session);
    log_info("[client][end] <%s>", stream_peer(session->stream));
    answer_clear(&session->answer);
    stream_free_after_flush(session->stream, leaving_seconds);
    session->stream = NULL;
    session->handlers->ended(session->owner, session);
}

static void session_complain(void *owner, const char *what)
{
    struct session *session = owner;
    char sentence[1024];

    (void)snprintf(sentence, sizeof(sentence), "%s: %s (after %s, %zu bytes read, %zu written)",
                   stream_peer(session->stream), what, session->stage,
                   stream_bytes_read(session->stream), stream_bytes_written(session->stream));
    session->handlers->complain(session->owner, sentence);
}

/* ---- commands */

static void session_answer(struct session *session, const struct command_packet *event)
{
    if (!session->open) {
        session->open = true;
        session->number = session->handlers->number(session->owner);
    }
    (void)answer_decide(&session->answer, event, session->number);
    session_report(session, event);
    answer_begin(&session->answer);
}

/* Every event comes here. */
static void session_handle(struct session *session, const struct command_packet *event)
{
    session->stage = command_info[event->command].name;
    switch (event->command) {
    case COMMAND_MACRO:
        if (event->macros.known) {
            session->macros_arrived |= (uint32_t)1 << event->macros.stage;
        }
        return;
    case COMMAND_QUIT:
        session_end(session);
        return;
    case COMMAND_QUIT_NEW_CONNECTION:
        session->macros_arrived = 0;
        session_print_finished(session);
        return;
    default:
        session_answer(session, event);
        break;
    }
    if (!session->ended &&
        buffer_length(stream_output(session->stream)) > session->options->packet_buffer_size) {
        stream_flush(session->stream);
    }
}

/* From a timer: the reply has been given. */
static void session_goes_on(void *owner)
{
    struct session *session = owner;

    session_print_recording(session);
    stream_flush(session->stream);
    stream_offer_again(session->stream);
}

static void session_closes(void *owner)
{
    session_end(owner);
}

static const struct answer_handlers answer_handlers = {
    .given = session_goes_on,
    .closes = session_closes,
    .complain = session_complain,
};

/* ---- events of the stream */

static size_t session_received(void *owner, struct slice input)
{
    struct session *session = owner;
    struct slice rest = input;

    while (!session->ended) {
        struct command_packet event;
        struct error error = {0};
        enum filter_result result = filter_next(&session->filter, &rest, &event, &error);

        if (result == FILTER_EVENT) {
            session_handle(session, &event);
            session_print_recording(session);
        } else if (result == FILTER_HELD && event.command == COMMAND_ABORT) {
            answer_cut_off(&session->answer);
        } else if (result == FILTER_HELD && rest.length > held_maximum) {
            session_complain(session, "more than any reply is worth waiting for has come while one "
                                      "is owed; the connection is closed");
            session_end(session);
        } else if (result == FILTER_INVALID) {
            session_complain(session, error.message);
            session_end(session);
        } else {
            stream_flush(session->stream);
            break;
        }
    }
    return input.length - rest.length;
}

static void session_failed(void *owner, const struct error *error)
{
    struct session *session = owner;

    if (session->open || error->code != ERROR_CLOSED) {
        session_complain(session, error->message);
    }
    if (session->filter.recorder != NULL) {
        recording_close(&session->recording);
    }
    session_end(session);
}

static const struct stream_handlers stream_handlers = {
    .received = session_received,
    .failed = session_failed,
};

static void describe_peer(int fd, char text[SOCKET_ADDRESS_TEXT])
{
    struct socket_address address = {.length = sizeof(address.storage)};

    if (getpeername(fd, (struct sockaddr *)(void *)&address.storage, &address.length) != 0) {
        address.length = 0;
    }
    (void)socket_address_format(&address, text);
}

static void session_begin_recording(struct session *session, const char *peer)
{
    const struct session_options *options = session->options;
    bool prints = options->report_request && options->format == SESSION_FORMAT_SESSION;

    if (prints || options->record_directory != NULL) {
        recording_begin(&session->recording, options->record_directory, prints, peer);
        session->filter.recorder = &session->recording.recorder;
    }
}

struct session *session_new(struct loop *loop, int fd, const struct session_options *options,
                            const struct session_handlers *handlers, void *owner)
{
    struct session *session = NEW(struct session);
    char peer[SOCKET_ADDRESS_TEXT];

    describe_peer(fd, peer);
    session->options = options;
    session->handlers = handlers;
    session->owner = owner;
    session->stage = "connecting";
    session->stream = stream_new(loop, fd, peer, &stream_handlers, session);
    filter_init(&session->filter, stream_output(session->stream));
    answer_init(&session->answer, &options->policy, loop, session->stream, &session->filter,
                &answer_handlers, session);
    session_begin_recording(session, peer);
    log_info("[client][accept] <%s>", peer);
    return session;
}

void session_free(struct session *session)
{
    session_end_recording(session);
    answer_clear(&session->answer);
    stream_free(session->stream);
    filter_clear(&session->filter);
    buffer_clear(&session->text);
    free(session);
}

struct session **session_next(struct session *session)
{
    return &session->next;
}
