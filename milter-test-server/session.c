/*
 * session - one conversation with the filter under test.
 *
 * The order of the steps is the table in steps.c; what a reply leads to is
 * decided in session_replied.  Owns the stream, the machine and the timer.
 */
#include "milter-test-server/session.h"

#include "libcore/base/clock.h"
#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/stream.h"
#include "libcore/session/macros.h"
#include "libcore/session/mta.h"
#include "milter-test-server/changes.h"
#include "milter-test-server/failure.h"
#include "milter-test-server/prepared.h"

#include <stdio.h>
#include <stdlib.h>

static const double leaving_seconds = 2; /* for the last packets, when the outcome is known */
static const double nanosecond = 1e-9;

struct session {
    struct loop *loop;
    const struct session_plan *plan;
    const struct session_handlers *handlers;
    void *owner;
    struct session_result result;
    struct stream *stream;
    struct mta mta;
    struct loop_timer *timer;
    struct loop_task ending;
    struct buffer pairs; /* scratch: macros of a filter that asked for some */

    const struct prepared *message;
    size_t message_number; /* of the plan's, not yet counted round */
    enum step step;
    size_t index; /* within the step */
    size_t refused_count;
    struct changes changes;
    bool connected;
    bool finished; /* the outcome is known, the rest is leaving */

    uint64_t started;         /* clock_nanoseconds, as the next four */
    uint64_t now;             /* of the event at work */
    uint64_t sent;            /* the command whose reply is owed */
    uint64_t message_started; /* MAIL; 0: not yet */
};

static const char *const status_names[] = {
    [SESSION_PASS] = "pass",       [SESSION_ACCEPT] = "accept",
    [SESSION_REJECT] = "reject",   [SESSION_TEMPORARY_FAILURE] = "temporary-failure",
    [SESSION_DISCARD] = "discard", [SESSION_QUARANTINE] = "quarantine",
};

const char *session_status_name(enum session_status status)
{
    return status_names[status];
}

/* ---- leaving */

/* The stream can be used no more.  The owner hears of it from the loop, never inside an event. */
static void session_end(struct session *session)
{
    session->finished = true;
    session->result.bytes_read = stream_bytes_read(session->stream);
    session->result.bytes_written = stream_bytes_written(session->stream);
    loop_timer_stop(session->timer);
    stream_free(session->stream);
    session->stream = NULL;
    loop_task_post(session->loop, &session->ending);
}

static void session_ended(void *owner)
{
    struct session *session = owner;

    session->handlers->ended(session->owner, &session->result);
}

/* The end follows from the stream's drained handler, unless there is nothing to write. */
static void session_leave(struct session *session)
{
    struct buffer *output = stream_output(session->stream);

    if (session->mta.position != POSITION_START && session->mta.position != POSITION_CLOSED) {
        mta_quit(&session->mta);
    }
    if (buffer_length(output) == 0) {
        session_end(session);
        return;
    }
    stream_flush(session->stream);
    if (buffer_length(output) > 0) {
        loop_timer_start(session->timer, leaving_seconds);
    } else {
        loop_timer_stop(session->timer);
    }
}

/* ABORT also where the machine sees no open message: the filter may still hold one. */
static void session_abort(struct session *session)
{
    if (position_in_message(session->mta.position)) {
        mta_abort(&session->mta);
    } else if (session->mta.position == POSITION_CONNECTED) {
        command_append(session->mta.output, COMMAND_ABORT, slice_of("", 0));
    }
}

static void session_finish(struct session *session)
{
    struct session_result *result = &session->result;

    session->finished = true;
    result->complete = true;
    result->finished = session->now;
    result->elapsed = (double)(session->now - session->started) * nanosecond;
    log_info("[%s][end][%s] %s", session->plan->name, session_status_name(result->status),
             session->plan->spec);
    session_leave(session);
}

/* ---- failing */

static bool session_at_end(const struct session *session)
{
    return session->mta.owed == COMMAND_END_OF_MESSAGE;
}

static double session_reply_seconds(const struct session *session)
{
    return session_at_end(session) ? session->plan->timeouts.end_of_message
                                   : session->plan->timeouts.reading;
}

static struct failure session_failure(const struct session *session, enum error_code code)
{
    return (struct failure){
        .code = code,
        .peer = stream_peer(session->stream),
        .stage = mta_owed(&session->mta) ? command_info[session->mta.owed].name
                                         : steps_name(session->step),
        .bytes_read = stream_bytes_read(session->stream),
        .bytes_written = stream_bytes_written(session->stream),
        .seconds = session_reply_seconds(session),
    };
}

static void session_failed_now(struct session *session)
{
    session->finished = true;
    log_info("[%s][error] %s", session->plan->name, session->result.error.message);
}

/* sentence: what happened; the stage and the bytes seen are added. */
static void session_fail(struct session *session, enum error_code code, const char *sentence)
{
    const struct failure failure = session_failure(session, code);

    failure_describe(&session->result.error, &failure, sentence);
    session_failed_now(session);
}

/* ---- sending */

static const struct prepared_command *session_command(const struct session *session)
{
    return session->message->steps[session->step].commands + session->index;
}

static bool session_leading_space(const struct session *session)
{
    return (session->mta.answer.steps & STEP_HEADER_LEADING_SPACE) != 0;
}

static struct slice session_macros(struct session *session, enum command command)
{
    struct slice lists = buffer_slice(&session->mta.macro_lists);
    struct slice recipient = {NULL, 0};

    if (lists.length == 0) {
        return session_command(session)->macros;
    }
    if (command == COMMAND_RCPT) {
        recipient = session->message->message->recipients.items[session->index];
    }
    if (!macros_collect(session->plan->macros, command, recipient, lists, &session->pairs)) {
        return slice_of(NULL, 0);
    }
    return buffer_slice(&session->pairs);
}

static enum mta_sent session_send(struct session *session, enum command command)
{
    const struct prepared_command *prepared = session_command(session);
    struct slice macros = session_macros(session, command);
    struct slice payload = session_leading_space(session) ? prepared->spaced : prepared->payload;
    enum mta_sent sent = mta_command(&session->mta, command, payload, macros);

    if (command == COMMAND_MAIL) {
        session->message_started = session->now;
    }
    log_debug("[%s][%s] %s", session->plan->name, command_info[command].name,
              sent == MTA_REPLY_OWED ? "sent"
              : sent == MTA_NO_REPLY ? "sent, no reply is owed"
                                     : "not wanted");
    return sent;
}

/* Sends until a reply is owed. */
static void session_advance(struct session *session)
{
    while (session->step < STEPS) {
        enum mta_sent sent;

        if (session->index >= session->message->steps[session->step].count) {
            session->step++;
            session->index = 0;
            continue;
        }
        sent = session_send(session, steps_command(session->step));
        session->index++;
        if (sent == MTA_REPLY_OWED) {
            session->sent = session->now;
            loop_timer_stop(session->timer);
            stream_flush(session->stream);
            return;
        }
        if (sent == MTA_OUT_OF_ORDER) {
            session_fail(session, ERROR_PROTOCOL, "the filter's options leave no way to go on");
            session_end(session);
            return;
        }
    }
}

/* The clock of a reply runs from the moment everything has been written. */
static void session_start_timer(struct session *session)
{
    double seconds = session_reply_seconds(session);

    if (seconds > 0) {
        loop_timer_start(session->timer, seconds);
    }
}

/* ---- messages */

static void session_take_message(struct session *session)
{
    struct session_result *result = &session->result;
    const struct session_plan *plan = session->plan;

    session->message = plan->messages + session->message_number % plan->message_count;
    session->message_started = 0;
    session->refused_count = 0;
    changes_reset(&session->changes, plan->keep_message);
    buffer_reset(&result->code);
    buffer_reset(&result->quarantine);
    result->code_given = false;
    if (plan->keep_message) {
        message_clear(&result->message);
        message_copy(&result->message, session->message->message);
    }
}

/* Postfix sends ABORT between two messages, also when the first one was complete. */
static void session_next_message(struct session *session)
{
    session->message_number++;
    session_take_message(session);
    session->step = STEP_MAIL;
    session->index = 0;
    session_advance(session);
}

enum session_scope { SCOPE_MESSAGE, SCOPE_CONNECTION };

/* The message has its status; with SCOPE_CONNECTION so have all that could follow. */
static void session_message_over(struct session *session, enum session_status status,
                                 enum session_scope scope)
{
    struct session_result *result = &session->result;
    uint64_t begun = session->message_started;

    result->status = status;
    result->messages += begun > 0 ? 1 : 0;
    if (session->handlers->message_ended != NULL) {
        session->handlers->message_ended(session->owner, result,
                                         begun > 0 ? session->now - begun : 0);
    }
    if (scope == SCOPE_MESSAGE && result->messages < session->plan->messages_per_session) {
        session_abort(session);
        session_next_message(session);
        return;
    }
    if (!session_at_end(session)) {
        session_abort(session);
    }
    session_finish(session);
}

/* ---- replies */

static const enum session_status verdict_status[] = {
    [VERDICT_NONE] = SESSION_PASS,
    [VERDICT_ACCEPT] = SESSION_ACCEPT,
    [VERDICT_SKIP] = SESSION_PASS,
    [VERDICT_CONTINUE] = SESSION_PASS,
    [VERDICT_TEMPORARY_FAILURE] = SESSION_TEMPORARY_FAILURE,
    [VERDICT_REJECT] = SESSION_REJECT,
    [VERDICT_DISCARD] = SESSION_DISCARD,
};

/* A refusal that closes the SMTP session whatever it answers (milter-protocol section 8). */
static bool reply_shuts_down(const struct reply *reply)
{
    return reply->kind == REPLY_SHUTDOWN ||
           (reply->kind == REPLY_CODE && slice_starts_with(reply->text, "421"));
}

/* What a final verdict ends: at CONNECT and HELO it counts for all messages. */
static enum session_scope reply_scope(const struct reply *reply, enum command command)
{
    return command == COMMAND_CONNECT || command == COMMAND_HELO || reply_shuts_down(reply)
               ? SCOPE_CONNECTION
               : SCOPE_MESSAGE;
}

static void session_recipient_refused(struct session *session, enum verdict verdict)
{
    const struct slice_list *recipients = &session->message->message->recipients;

    if (session->plan->keep_message) {
        message_drop_recipient(&session->result.message, recipients->items[session->index - 1]);
    }
    session->refused_count++;
    if (session->refused_count < recipients->count) {
        session_advance(session);
        return;
    }
    session_message_over(session, verdict_status[verdict], SCOPE_MESSAGE);
}

static void session_end_of_message(struct session *session, const struct reply *reply,
                                   enum verdict verdict)
{
    bool passed = verdict == VERDICT_CONTINUE || verdict == VERDICT_ACCEPT;
    enum session_status status = verdict_status[verdict];

    if (session->plan->keep_message) {
        changes_apply(&session->changes, &session->result.message, session_leading_space(session));
    }
    if (passed && session->changes.quarantined) {
        buffer_append_slice(&session->result.quarantine,
                            buffer_slice(&session->changes.quarantine));
        status = SESSION_QUARANTINE;
    }
    session_message_over(session, status, reply_scope(reply, COMMAND_END_OF_MESSAGE));
}

static void session_keep_code(struct session *session, const struct reply *reply,
                              enum verdict verdict)
{
    struct session_result *result = &session->result;

    if (reply->kind == REPLY_CODE) {
        buffer_reset(&result->code);
        buffer_append_slice(&result->code, reply->text);
        result->code_given = true;
    } else if (verdict != VERDICT_CONTINUE && verdict != VERDICT_SKIP) {
        result->code_given = false; /* what counts now came without one */
    }
}

static void session_replied(struct session *session, enum command command,
                            const struct reply *reply)
{
    enum verdict verdict = reply_verdict(reply);
    bool refused = verdict == VERDICT_REJECT || verdict == VERDICT_TEMPORARY_FAILURE;

    log_debug("[%s][%s][reply] %s", session->plan->name, command_info[command].name,
              reply_info[reply->kind].name);
    if (session->handlers->replied != NULL) {
        session->handlers->replied(session->owner, command, verdict, session->now - session->sent);
    }
    session_keep_code(session, reply, verdict);
    if (command == COMMAND_END_OF_MESSAGE) {
        session_end_of_message(session, reply, verdict);
    } else if (verdict == VERDICT_CONTINUE) {
        session_advance(session);
    } else if (verdict == VERDICT_SKIP) {
        session->step++;
        session->index = 0;
        session_advance(session);
    } else if (command == COMMAND_RCPT && refused && !reply_shuts_down(reply)) {
        session_recipient_refused(session, verdict);
    } else {
        session_message_over(session, verdict_status[verdict], reply_scope(reply, command));
    }
}

/* ---- events of the stream and the timer */

static void session_connected(void *owner)
{
    struct session *session = owner;
    const struct negotiation offer = {
        .version = session->plan->version,
        .actions = ACTION_ALL,
        .steps = STEP_ALL,
        .macro_lists = {"", 0},
    };

    log_debug("[%s][connected] %s", session->plan->name, session->plan->spec);
    session->connected = true;
    session->now = session->sent = clock_nanoseconds();
    mta_init(&session->mta, stream_output(session->stream));
    mta_negotiate(&session->mta, &offer);
    stream_flush(session->stream);
}

static void session_invalid(struct session *session, const struct error *error)
{
    char sentence[sizeof(error->message) + SOCKET_ADDRESS_TEXT];

    (void)snprintf(sentence, sizeof(sentence), "%s breaks the protocol: %s",
                   stream_peer(session->stream), error->message);
    session_fail(session, ERROR_PROTOCOL, sentence);
    session_end(session);
}

static void session_negotiated(struct session *session)
{
    session->result.surplus = session->mta.surplus;
    if (session->handlers->replied != NULL) {
        session->handlers->replied(session->owner, COMMAND_NEGOTIATE, VERDICT_CONTINUE,
                                   session->now - session->sent);
    }
    session_advance(session);
}

static void session_edited(struct session *session, const struct reply *reply)
{
    struct error error;

    log_debug("[%s][edit] %s", session->plan->name, reply_info[reply->kind].name);
    if (reply->kind == REPLY_PROGRESS) {
        session_start_timer(session);
    } else if (!changes_take(&session->changes, reply)) {
        error_clear(&error);
        error_set(&error, ERROR_PROTOCOL, "more than %d edits or a body above %d bytes",
                  PROTOCOL_EDITS, MESSAGE_BODY_MAXIMUM);
        session_invalid(session, &error);
    }
}

static void session_event(struct session *session, enum mta_result event, enum command command,
                          const struct reply *reply)
{
    if (event == MTA_NEGOTIATED) {
        session_negotiated(session);
    } else if (event == MTA_REPLY) {
        session_replied(session, command, reply);
    } else {
        session_edited(session, reply);
    }
}

/* What came along with a reply was sent before the next command: it answers nothing. */
static bool session_surplus(struct session *session, enum mta_result event, enum command command,
                            struct slice rest)
{
    struct error error;

    if ((event != MTA_REPLY && event != MTA_NEGOTIATED) || rest.length == 0) {
        return false;
    }
    error_clear(&error);
    error_set(&error, ERROR_PROTOCOL, "%zu bytes nobody asked for behind the reply to %s",
              rest.length, command_info[command].name);
    session_invalid(session, &error);
    return true;
}

static size_t session_received(void *owner, struct slice input)
{
    struct session *session = owner;
    struct slice rest = input;
    struct error error; /* too large to be zeroed for each packet */

    error_clear(&error);
    session->now = clock_nanoseconds();
    while (!session->finished) {
        struct reply reply;
        enum command command;
        enum mta_result event = mta_next(&session->mta, &rest, &reply, &command, &error);

        if (event == MTA_WAIT) {
            return input.length - rest.length;
        }
        if (event == MTA_INVALID) {
            session_invalid(session, &error);
            return input.length;
        }
        if (session_surplus(session, event, command, rest)) {
            return input.length;
        }
        session_event(session, event, command, &reply);
    }
    return input.length;
}

static void session_failed(void *owner, const struct error *error)
{
    struct session *session = owner;
    char sentence[sizeof(error->message) + 32];

    if (!session->finished && !session->connected) {
        failure_to_connect(&session->result.error, session->plan->spec,
                           session->plan->timeouts.connection, error);
        session_failed_now(session);
    } else if (!session->finished) {
        (void)snprintf(sentence, sizeof(sentence), "%s%s",
                       error->code == ERROR_TIMEOUT ? "writing timeout: " : "", error->message);
        session_fail(session, error->code, sentence);
    }
    session_end(session);
}

static void session_drained(void *owner)
{
    struct session *session = owner;

    if (session->finished) {
        session_end(session);
    } else if (mta_owed(&session->mta) && !loop_timer_active(session->timer)) {
        session_start_timer(session);
    }
}

static void session_timed_out(void *owner)
{
    struct session *session = owner;
    struct failure failure;

    if (session->finished) {
        session_end(session);
        return;
    }
    failure = session_failure(session, ERROR_TIMEOUT);
    failure_of_silence(&session->result.error, &failure,
                       session_at_end(session) ? "end-of-message" : "reading");
    session_failed_now(session);
    session_abort(session);
    session_leave(session);
}

static const struct stream_handlers session_stream = {
    .connected = session_connected,
    .received = session_received,
    .failed = session_failed,
    .drained = session_drained,
};

/* ---- birth and death */

struct session *session_new(struct loop *loop, const struct session_plan *plan,
                            const struct session_handlers *handlers, void *owner)
{
    struct session *session = NEW(struct session);

    session->loop = loop;
    session->plan = plan;
    session->handlers = handlers;
    session->owner = owner;
    session->timer = loop_timer_new(loop, session_timed_out, session);
    session->ending = (struct loop_task){.callback = session_ended, .owner = session};
    return session;
}

static void session_reset(struct session *session)
{
    struct session_result *result = &session->result;

    error_clear(&result->error);
    result->complete = false;
    result->messages = 0;
    result->surplus = (struct negotiation){.version = 0};
    session->step = STEP_CONNECT;
    session->index = 0;
    session->connected = false;
    session->finished = false;
    mta_clear(&session->mta);
    mta_init(&session->mta, NULL);
}

void session_start(struct session *session, size_t first)
{
    const struct session_plan *plan = session->plan;

    session_reset(session);
    session->message_number = first;
    session_take_message(session);
    session->started = session->now = clock_nanoseconds();
    session->stream = stream_connect(session->loop, &plan->address, plan->timeouts.connection,
                                     &session_stream, session);
    stream_set_writing_timeout(session->stream, plan->timeouts.writing);
}

void session_cut_off(struct session *session)
{
    char sentence[SOCKET_ADDRESS_TEXT + 64];

    if (session->stream == NULL) {
        return;
    }
    if (!session->finished) {
        (void)snprintf(sentence, sizeof(sentence), "interrupted before %s had answered",
                       stream_peer(session->stream));
        session_fail(session, ERROR_TIMEOUT, sentence);
    }
    session_end(session);
}

const struct session_result *session_outcome(const struct session *session)
{
    return &session->result;
}

void session_free(struct session *session)
{
    if (session == NULL) {
        return;
    }
    loop_task_cancel(&session->ending);
    stream_free(session->stream);
    loop_timer_free(session->timer);
    mta_clear(&session->mta);
    changes_clear(&session->changes);
    buffer_clear(&session->pairs);
    buffer_clear(&session->result.code);
    buffer_clear(&session->result.quarantine);
    message_clear(&session->result.message);
    free(session);
}
