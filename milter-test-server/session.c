/*
 * session - one conversation with the filter under test.
 *
 * The order of the steps is the table in steps.c; what a reply leads to is
 * decided in session_replied.  Owns the stream, the machine and the timer.
 */
#include "milter-test-server/session.h"

#include "libcore/base/log.h"
#include "libcore/net/stream.h"
#include "libcore/session/mta.h"
#include "milter-test-server/macros.h"
#include "milter-test-server/steps.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const double leaving_seconds = 2; /* for the last packets, when the outcome is known */

struct session {
    struct loop *loop;
    const struct session_plan *plan;
    struct session_result *result;
    struct stream *stream;
    struct mta mta;
    struct loop_timer *timer;
    struct arena arena;
    struct edit_list edits;
    struct buffer body;    /* of EDIT_REPLACE_BODY */
    struct buffer payload; /* scratch */
    struct buffer pairs;   /* scratch */
    enum step step;
    size_t index; /* within the step */
    size_t refused_count;
    bool finished; /* the outcome is known, the rest is leaving */
    double started;
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

void session_result_clear(struct session_result *result)
{
    buffer_clear(&result->code);
    buffer_clear(&result->quarantine);
    message_clear(&result->message);
}

static double session_clock(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- leaving */

static void session_leave(struct session *session)
{
    if (session->mta.position != POSITION_START && session->mta.position != POSITION_CLOSED) {
        mta_quit(&session->mta);
    }
    loop_timer_start(session->timer, leaving_seconds);
    stream_flush(session->stream);
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

static void session_finish(struct session *session, enum session_status status)
{
    session->finished = true;
    session->result->complete = true;
    session->result->status = status;
    session->result->elapsed = session_clock() - session->started;
    log_info("[%s][end][%s] %s", session->plan->name, session_status_name(status),
             session->plan->spec);
    session_leave(session);
}

/* The stream can be used no more. */
static void session_break(struct session *session)
{
    stream_free(session->stream);
    session->stream = NULL;
    loop_stop(session->loop);
}

static const char *session_stage(const struct session *session)
{
    return mta_owed(&session->mta) ? command_info[session->mta.owed].name
                                   : steps_name(session->step);
}

/* sentence: what happened; the stage and the bytes seen are added. */
static void session_fail(struct session *session, enum error_code code, const char *sentence)
{
    session->finished = true;
    error_set(&session->result->error, code, "%s (%s: %zu bytes read, %zu bytes written)", sentence,
              session_stage(session), stream_bytes_read(session->stream),
              stream_bytes_written(session->stream));
    log_info("[%s][error] %s", session->plan->name, session->result->error.message);
}

/* ---- sending */

static struct slice session_macros(struct session *session, enum command command)
{
    struct slice lists = buffer_slice(&session->mta.macro_lists);
    struct slice recipient = {NULL, 0};

    if (command == COMMAND_RCPT) {
        recipient = session->plan->message->recipients.items[session->index];
    }
    if (!macros_collect(session->plan->macros, command, recipient, lists, &session->pairs)) {
        return slice_of(NULL, 0);
    }
    return buffer_slice(&session->pairs);
}

static bool session_leading_space(const struct session *session)
{
    return (session->mta.answer.steps & STEP_HEADER_LEADING_SPACE) != 0;
}

static enum mta_sent session_send(struct session *session, enum command command)
{
    struct slice macros = session_macros(session, command);
    enum mta_sent sent;

    buffer_reset(&session->payload);
    steps_payload(session->step, session->plan, session->index, session_leading_space(session),
                  &session->payload);
    sent = mta_command(&session->mta, command, buffer_slice(&session->payload), macros);
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

        if (session->index >= steps_count(session->step, session->plan)) {
            session->step++;
            session->index = 0;
            continue;
        }
        sent = session_send(session, steps_command(session->step));
        session->index++;
        if (sent == MTA_REPLY_OWED) {
            loop_timer_stop(session->timer);
            stream_flush(session->stream);
            return;
        }
        if (sent == MTA_OUT_OF_ORDER) {
            session_fail(session, ERROR_PROTOCOL, "the filter's options leave no way to go on");
            session_break(session);
            return;
        }
    }
}

static bool session_at_end(const struct session *session)
{
    return session->mta.owed == COMMAND_END_OF_MESSAGE;
}

static double session_reply_seconds(const struct session *session)
{
    return session_at_end(session) ? session->plan->timeouts.end_of_message
                                   : session->plan->timeouts.reading;
}

/* The clock of a reply runs from the moment everything has been written. */
static void session_start_timer(struct session *session)
{
    double seconds = session_reply_seconds(session);

    if (seconds > 0) {
        loop_timer_start(session->timer, seconds);
    }
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

static void session_recipient_refused(struct session *session, enum verdict verdict)
{
    message_drop_recipient(&session->result->message,
                           session->plan->message->recipients.items[session->index - 1]);
    session->refused_count++;
    if (session->refused_count < session->plan->message->recipients.count) {
        session_advance(session);
        return;
    }
    session_abort(session);
    session_finish(session, verdict_status[verdict]);
}

static void session_end_of_message(struct session *session, enum verdict verdict)
{
    bool passed = verdict == VERDICT_CONTINUE || verdict == VERDICT_ACCEPT;
    const struct edit *quarantine = edit_list_last(&session->edits, EDIT_QUARANTINE);

    message_apply(&session->result->message, &session->edits, buffer_slice(&session->body),
                  session_leading_space(session));
    if (passed && quarantine != NULL) {
        buffer_append_slice(&session->result->quarantine, quarantine->value);
        session_finish(session, SESSION_QUARANTINE);
        return;
    }
    session_finish(session, verdict_status[verdict]);
}

static void session_keep_code(struct session *session, const struct reply *reply,
                              enum verdict verdict)
{
    struct session_result *result = session->result;

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
    session_keep_code(session, reply, verdict);
    if (command == COMMAND_END_OF_MESSAGE) {
        session_end_of_message(session, verdict);
    } else if (verdict == VERDICT_CONTINUE) {
        session_advance(session);
    } else if (verdict == VERDICT_SKIP) {
        session->step++;
        session->index = 0;
        session_advance(session);
    } else if (command == COMMAND_RCPT && refused && !reply_shuts_down(reply)) {
        session_recipient_refused(session, verdict);
    } else {
        session_abort(session);
        session_finish(session, verdict_status[verdict]);
    }
}

static const enum edit_kind edit_kinds[REPLIES] = {
    [REPLY_QUARANTINE] = EDIT_QUARANTINE,
    [REPLY_ADD_HEADER] = EDIT_ADD_HEADER,
    [REPLY_INSERT_HEADER] = EDIT_INSERT_HEADER,
    [REPLY_CHANGE_HEADER] = EDIT_CHANGE_HEADER,
    [REPLY_CHANGE_FROM] = EDIT_CHANGE_SENDER,
    [REPLY_ADD_RECIPIENT] = EDIT_ADD_RECIPIENT,
    [REPLY_ADD_RECIPIENT_WITH_PARAMETERS] = EDIT_ADD_RECIPIENT_WITH_ARGUMENTS,
    [REPLY_DELETE_RECIPIENT] = EDIT_DELETE_RECIPIENT,
    [REPLY_REPLACE_BODY] = EDIT_REPLACE_BODY,
};

/* False when the filter asks for more than anybody could mean. */
static bool session_edited(struct session *session, const struct reply *reply)
{
    bool header = reply->name.length > 0;

    log_debug("[%s][edit] %s", session->plan->name, reply_info[reply->kind].name);
    if (reply->kind == REPLY_PROGRESS) {
        session_start_timer(session);
        return true;
    }
    if (reply->kind == REPLY_REPLACE_BODY) {
        buffer_append_slice(&session->body, reply->text);
        if (edit_list_count(&session->edits, EDIT_REPLACE_BODY) > 0) {
            return buffer_length(&session->body) <= MESSAGE_BODY_MAXIMUM;
        }
    }
    edit_list_append(&session->edits, &(struct edit){
                                          .kind = edit_kinds[reply->kind],
                                          .index = reply->index,
                                          .name = reply->name,
                                          .value = header ? reply->value : reply->text,
                                          .arguments = reply->arguments,
                                      });
    return session->edits.count <= PROTOCOL_EDITS;
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
    session_break(session);
}

static void session_event(struct session *session, enum mta_result event, enum command command,
                          const struct reply *reply)
{
    struct error error = {0};

    if (event == MTA_NEGOTIATED) {
        session->result->surplus = session->mta.surplus;
        session_advance(session);
    } else if (event == MTA_REPLY) {
        session_replied(session, command, reply);
    } else if (!session_edited(session, reply)) {
        error_set(&error, ERROR_PROTOCOL, "more than %d edits or a body above %d bytes",
                  PROTOCOL_EDITS, MESSAGE_BODY_MAXIMUM);
        session_invalid(session, &error);
    }
}

/* What came along with a reply was sent before the next command: it answers nothing. */
static bool session_surplus(struct session *session, enum mta_result event, enum command command,
                            struct slice rest)
{
    struct error error = {0};

    if ((event != MTA_REPLY && event != MTA_NEGOTIATED) || rest.length == 0) {
        return false;
    }
    error_set(&error, ERROR_PROTOCOL, "%zu bytes nobody asked for behind the reply to %s",
              rest.length, command_info[command].name);
    session_invalid(session, &error);
    return true;
}

static size_t session_received(void *owner, struct slice input)
{
    struct session *session = owner;
    struct slice rest = input;

    while (!session->finished) {
        struct error error = {0};
        struct reply reply;
        enum command command;
        enum mta_result event = mta_next(&session->mta, &rest, &reply, &command, &error);

        if (event == MTA_WAIT) {
            break;
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
    return session->finished ? input.length : input.length - rest.length;
}

const char *session_reason(const struct error *error)
{
    const char *colon = strrchr(error->message, ':');

    return colon != NULL && colon[1] == ' ' ? colon + 2 : error->message;
}

static void session_not_connected(struct session *session, const struct error *error)
{
    session->finished = true;
    if (error->code == ERROR_TIMEOUT) {
        error_set(&session->result->error, ERROR_TIMEOUT,
                  "connection timeout: %s did not take the connection within %g seconds",
                  session->plan->spec, session->plan->timeouts.connection);
    } else {
        error_set(&session->result->error, error->code, "Failed to connect to %s: %s",
                  session->plan->spec, session_reason(error));
    }
}

static void session_failed(void *owner, const struct error *error)
{
    struct session *session = owner;
    char sentence[sizeof(error->message) + 32];

    if (!session->finished && session->mta.output == NULL) {
        session_not_connected(session, error);
    } else if (!session->finished) {
        (void)snprintf(sentence, sizeof(sentence), "%s%s",
                       error->code == ERROR_TIMEOUT ? "writing timeout: " : "", error->message);
        session_fail(session, error->code, sentence);
    }
    session_break(session);
}

static void session_drained(void *owner)
{
    struct session *session = owner;

    if (session->finished) {
        session_break(session);
    } else if (mta_owed(&session->mta) && !loop_timer_active(session->timer)) {
        session_start_timer(session);
    }
}

static void session_timed_out(void *owner)
{
    struct session *session = owner;
    char sentence[512];

    if (session->finished) {
        session_break(session);
        return;
    }
    (void)snprintf(sentence, sizeof(sentence), "%s timeout: no answer from %s for %g seconds",
                   session_at_end(session) ? "end-of-message" : "reading",
                   stream_peer(session->stream), session_reply_seconds(session));
    session_fail(session, ERROR_TIMEOUT, sentence);
    session_abort(session);
    session_leave(session);
}

static const struct stream_handlers session_handlers = {
    .connected = session_connected,
    .received = session_received,
    .failed = session_failed,
    .drained = session_drained,
};

void session_run(struct loop *loop, const struct session_plan *plan, struct session_result *result)
{
    struct session session = {.loop = loop, .plan = plan, .result = result};

    *result = (struct session_result){.complete = false};
    message_copy(&result->message, plan->message);
    edit_list_init(&session.edits, &session.arena);
    session.started = session_clock();
    session.timer = loop_timer_new(loop, session_timed_out, &session);
    session.stream = stream_connect(loop, &plan->address, plan->timeouts.connection,
                                    &session_handlers, &session);
    stream_set_writing_timeout(session.stream, plan->timeouts.writing);
    loop_run(loop);
    stream_free(session.stream);
    loop_timer_free(session.timer);
    mta_clear(&session.mta);
    buffer_clear(&session.body);
    buffer_clear(&session.payload);
    buffer_clear(&session.pairs);
    arena_clear(&session.arena);
}
