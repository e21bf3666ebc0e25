/*
 * session - one MTA session over N child milters, without I/O.
 *
 * This file is the session's life: commands of the MTA are handed to the module
 * they belong to, events of the children likewise, and messages begin and end.
 * It owns children, message and command memory; the configuration is counted.
 */
#include "milter-manager/session/session.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/wire/macro.h"
#include "milter-manager/board.h"
#include "milter-manager/control/tally.h"
#include "milter-manager/session/about.h"
#include "milter-manager/session/child.h"
#include "milter-manager/session/connection_check.h"
#include "milter-manager/session/content.h"
#include "milter-manager/session/edits.h"
#include "milter-manager/session/envelope.h"
#include "milter-manager/session/negotiate.h"
#include "milter-manager/session/record.h"
#include "milter-manager/session/statistics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SESSION_PACKET_TIMEOUT_FACTOR = 10,  /* times the longest reading_timeout ... */
    SESSION_PACKET_TIMEOUT_MINIMUM = 60, /* ... but at least that many seconds */
};

static bool session_message_queue_id(const struct session *session, struct slice *value)
{
    return macro_store_find(&session->front.macros, COMMAND_END_OF_MESSAGE, slice_from_string("i"),
                            value) &&
           value->length > 0;
}

struct slice session_queue_id(const struct session *session)
{
    struct slice value;

    return session_message_queue_id(session, &value) ? value
                                                     : slice_from_string(session->last_queue_id);
}

/* The lines at the end of a session come after its message. */
static void session_keep_queue_id(struct session *session)
{
    struct slice value;

    session->last_queue_id[0] = '\0';
    if (session_message_queue_id(session, &value) && value.length < SESSION_QUEUE_ID) {
        memcpy(session->last_queue_id, value.data, value.length);
        session->last_queue_id[value.length] = '\0';
    }
}

struct session *session_new(struct configuration *configuration, const struct session_host *host,
                            void *owner, struct buffer *output, const char *peer)
{
    struct session *session = NEW(struct session);

    session->host = host;
    session->owner = owner;
    session->configuration = configuration_reference(configuration);
    session->tag = board_next(BOARD_SESSION_TAG);
    session->peer = peer;
    session->started = host->now(session);
    filter_init(&session->front, output);
    record_begin(session);
    counter_increment(&tally()->sessions);
    counter_increment(&tally()->sessions_open);
    return session;
}

static void session_drop_children(struct session *session)
{
    connection_check_forget(session);
    for (unsigned i = 0; i < session->child_count; i++) {
        child_quit(&session->children[i]);
        child_clear(&session->children[i]);
    }
    free(session->children);
    session->children = NULL;
    session->child_count = 0;
}

void session_free(struct session *session)
{
    session_close(session);
    record_end(session);
    filter_clear(&session->front);
    buffer_clear(&session->command_payload);
    buffer_clear(&session->waiting_payload);
    buffer_clear(&session->scratch);
    buffer_clear(&session->connect);
    buffer_clear(&session->helo);
    buffer_clear(&session->server.address);
    arena_clear(&session->command_arena);
    configuration_release(session->configuration);
    free(session);
    counter_decrement(&tally()->sessions_open);
}

void session_close(struct session *session)
{
    if (session->activity == SESSION_OVER) {
        return;
    }
    if (session->message.open) {
        session->status_aborted = true;
        session->last_command = COMMAND_ABORT;
        session->last_replied = false;
    }
    session_message_reset(session);
    session->activity = SESSION_OVER;
    session_drop_children(session);
    statistics_session_end(session);
}

/* ---- the message ---- */

/*
 * Sendmail sends {if_name} and "_" at CONNECT, and "v", its bare version, only
 * when a child's list asks for it; Postfix sends "v" with its name and has no
 * {if_name}.
 */
static bool session_mta_is_sendmail(const struct session *session)
{
    struct slice connect = macro_store_get(&session->front.macros, COMMAND_CONNECT);
    struct slice value;

    return macro_pair_find(connect, slice_from_string("if_name"), &value) &&
           macro_pair_find(connect, slice_from_string("_"), &value) &&
           !(macro_pair_find(connect, slice_from_string("v"), &value) &&
             slice_starts_with(value, "Postfix"));
}

static void session_message_open(struct session *session)
{
    struct session_message *message = &session->message;

    message->open = true;
    counter_increment(&tally()->messages);
    session->last_queue_id[0] = '\0';
    message->for_sendmail = session_mta_is_sendmail(session);
    session->status_aborted = session->status_quarantined = false;
    header_list_init(&message->headers, &message->arena);
    edit_list_init(&message->edits, &message->arena);
    edit_list_init(&message->child_edits, &message->arena);
    body_spool_init(&message->body, BODY_SPOOL_THRESHOLD);
}

void session_message_reset(struct session *session)
{
    struct session_message *message = &session->message;

    for (unsigned i = 0; i < session->child_count; i++) {
        child_leave_message(&session->children[i]);
        child_message_reset(&session->children[i]);
    }
    if (message->open) {
        session_keep_queue_id(session);
        edits_forget(session);
        if (message->reader_open) {
            body_reader_clear(&message->reader);
        }
        if (message->answering) {
            body_reader_clear(&message->answer_reader);
        }
        if (message->end_seen) {
            session->host->schedule_keep_alive(session, 0);
        }
        body_spool_clear(&message->body);
        free(message->recipients);
        arena_clear(&message->arena);
        *message = (struct session_message){0};
    }
    record_message_reset(session);
    macro_store_expire(&session->front.macros, COMMAND_HELO);
    session->shelf = NULL;
    arena_clear(&session->shelf_arena);
}

/* An ABORT of the MTA, or a command that implies one. */
static void session_abort(struct session *session)
{
    bool open = session->message.open;

    session_message_reset(session);
    if (open) {
        session->status_aborted = true;
        session->last_command = COMMAND_ABORT;
        session->last_replied = false;
    }
}

/* ---- replies to the MTA ---- */

void session_reply(struct session *session, const struct reply *reply)
{
    session->status = reply_verdict(reply);
    counter_increment(&tally()->replies[session->front.owed][session->status]);
    session->last_command = session->command;
    session->last_replied = true;
    session->message.owed = false;
    session->activity = SESSION_IDLE;
    filter_reply(&session->front, reply);
    arena_clear(&session->command_arena);
    if (session->message.open && !position_in_message(session->front.position)) {
        session_message_reset(session);
    }
    if (session->front_held) {
        session->host->resume_front(session);
    }
}

/* A malformed text would make the MTA drop us, and with us all children: the verdict is kept. */
static bool session_text_usable(const struct session *session, struct slice text)
{
    if (reply_text_valid(text)) {
        return true;
    }
    log_event(
        LOG_LEVEL_WARNING,
        LOG_FIELDS(ABOUT_SESSION(session), LOG_TEXT("stage", command_info[session->command].name)),
        "[children][reply-code][warning] [%u] the text is malformed and left out: \"%.*s\"",
        session->tag, (int)(text.length > 200 ? 200 : text.length), text.data);
    return false;
}

void session_reply_verdict(struct session *session, enum verdict verdict, struct slice text)
{
    struct reply reply = {.kind = reply_kind_of(verdict), .text = text};

    if (text.length > 0 && (verdict == VERDICT_REJECT || verdict == VERDICT_TEMPORARY_FAILURE)) {
        reply.kind = session_text_usable(session, text) ? REPLY_CODE : reply.kind;
    }
    if (!order_reply_valid(session->front.owed, reply.kind)) {
        reply.kind = REPLY_CONTINUE; /* a fallback of discard at UNKNOWN */
    }
    session_reply(session, &reply);
}

struct slice session_text_of(const struct reply *reply)
{
    static const struct slice shutdown =
        SLICE_LITERAL("421 4.3.2 Service shutting down, closing transmission channel");

    return reply->kind == REPLY_SHUTDOWN ? shutdown : reply->text;
}

enum verdict session_nobody_verdict(const struct session *session)
{
    if (session->children == NULL) {
        return VERDICT_CONTINUE; /* between two sessions: the children come with the CONNECT */
    }
    for (unsigned i = 0; i < session->child_count; i++) {
        if (!session->children[i].failed || session->children[i].configuration->evaluation_mode) {
            return VERDICT_ACCEPT;
        }
    }
    return session->configuration->manager.fallback_status;
}

/* ---- commands of the MTA ---- */

static void session_take_negotiate(struct session *session, const struct command_packet *event)
{
    (void)event;
    negotiate_begin(session);
}

static void session_take_macro(struct session *session, const struct command_packet *event)
{
    struct buffer *sorted = &session->scratch;

    if (!event->macros.known) {
        return;
    }
    record_macros(session, event->macros.stage);
    buffer_reset(sorted);
    macro_pairs_sort(event->macros.pairs, sorted);
    macro_store_replace(&session->front.macros, event->macros.stage, buffer_slice(sorted));
    for (unsigned i = 0; i < session->child_count; i++) {
        struct session_child *child = &session->children[i];

        buffer_reset(&child->overlay.sets[event->macros.stage]);
        child->macros_due |= (uint32_t)1 << event->macros.stage;
    }
}

static void session_take_envelope(struct session *session, const struct command_packet *event)
{
    record_take(session, event);
    buffer_reset(&session->command_payload);
    buffer_append_slice(&session->command_payload, event->payload);
    envelope_begin(session, event->command);
}

void session_resume_waiting(struct session *session)
{
    session->waiting = false;
    for (unsigned i = 0; i < session->child_count; i++) {
        session->children[i].macros_due = (uint32_t)1 << COMMAND_CONNECT;
    }
    buffer_reset(&session->command_payload);
    buffer_append_slice(&session->command_payload, buffer_slice(&session->waiting_payload));
    envelope_begin(session, session->waiting_command);
}

/* The session so far is over; its connection stays for a new one. */
static void session_finish(struct session *session)
{
    session_abort(session);
    session_drop_children(session);
    statistics_session_end(session);
    buffer_reset(&session->connect);
    buffer_reset(&session->helo);
    session->connected = false;
}

static void session_begin_anew(struct session *session)
{
    statistics_sessions_finished(1);
    counter_increment(&tally()->sessions);
    session->ended = false;
    session->last_queue_id[0] = '\0';
    session->status = VERDICT_NONE;
    session->status_aborted = session->status_quarantined = false;
    session->started = session->host->now(session);
}

static void session_note_client(struct session *session, const struct command_packet *connect)
{
    session->connected = true;
    connection_check_note_client(session, connect);
    buffer_append_slice(&session->connect, connect->payload);
}

static void session_take_connect(struct session *session, const struct command_packet *event)
{
    bool again = session->connected || session->children == NULL;

    if (!again) {
        session_note_client(session, event);
        session_take_envelope(session, event);
        return;
    }
    session_finish(session);
    session_begin_anew(session);
    session_note_client(session, event);
    session->waiting = true;
    session->waiting_command = event->command;
    buffer_reset(&session->waiting_payload);
    buffer_append_slice(&session->waiting_payload, event->payload);
    session->command = event->command;
    record_take(session, event);
    negotiate_begin(session);
}

static void session_take_helo(struct session *session, const struct command_packet *event)
{
    if (session->message.open) { /* a HELO between messages leaves the shelf alone */
        session_abort(session);
    }
    buffer_reset(&session->helo);
    buffer_append_slice(&session->helo, event->payload);
    session_take_envelope(session, event);
}

/* A MAIL without ABORT: the macros that came just before it belong to the new message. */
static void session_abort_by_mail(struct session *session)
{
    buffer_reset(&session->scratch);
    buffer_append_slice(&session->scratch, macro_store_get(&session->front.macros, COMMAND_MAIL));
    session_abort(session);
    macro_store_replace(&session->front.macros, COMMAND_MAIL, buffer_slice(&session->scratch));
    for (unsigned i = 0; i < session->child_count; i++) {
        session->children[i].macros_due |= (uint32_t)1 << COMMAND_MAIL;
    }
}

static void session_take_mail(struct session *session, const struct command_packet *event)
{
    if (session->message.open) {
        session_abort_by_mail(session);
    }
    session_message_open(session);
    session_take_envelope(session, event);
}

static void session_take_content(struct session *session, const struct command_packet *event)
{
    record_take(session, event);
    content_take(session, event);
}

static void session_take_abort(struct session *session, const struct command_packet *event)
{
    (void)event;
    session_abort(session);
}

static void session_take_quit(struct session *session, const struct command_packet *event)
{
    (void)event;
    session_close(session);
}

static void session_take_quit_new_connection(struct session *session,
                                             const struct command_packet *event)
{
    (void)event;
    session_finish(session);
}

typedef void session_take_fn(struct session *session, const struct command_packet *event);

static session_take_fn *const session_takers[COMMANDS] = {
    [COMMAND_NEGOTIATE] = session_take_negotiate,
    [COMMAND_MACRO] = session_take_macro,
    [COMMAND_CONNECT] = session_take_connect,
    [COMMAND_HELO] = session_take_helo,
    [COMMAND_MAIL] = session_take_mail,
    [COMMAND_RCPT] = session_take_envelope,
    [COMMAND_DATA] = session_take_envelope,
    [COMMAND_UNKNOWN] = session_take_envelope,
    [COMMAND_HEADER] = session_take_content,
    [COMMAND_END_OF_HEADER] = session_take_content,
    [COMMAND_BODY] = session_take_content,
    [COMMAND_END_OF_MESSAGE] = session_take_content,
    [COMMAND_ABORT] = session_take_abort,
    [COMMAND_QUIT] = session_take_quit,
    [COMMAND_QUIT_NEW_CONNECTION] = session_take_quit_new_connection,
};

static void session_take(struct session *session, const struct command_packet *event)
{
    if (command_info[event->command].replied) {
        session->command = event->command;
        session->last_command = event->command;
        session->last_replied = false;
    }
    session_takers[event->command](session, event);
}

#define SESSION_ERROR_FIELDS(session_, error_)                                                     \
    LOG_FIELDS(ABOUT_SESSION(session_),                                                            \
               LOG_TEXT("stage", command_info[(session_)->last_command].name),                     \
               LOG_TEXT("error", error_))

size_t session_front_received(struct session *session, struct slice input)
{
    size_t length = input.length;
    struct command_packet event;
    struct error error = {0};

    session->front_held = false;
    while (session->activity != SESSION_OVER) {
        switch (filter_next(&session->front, &input, &event, &error)) {
        case FILTER_EVENT:
            session_take(session, &event);
            continue;
        case FILTER_HELD:
            session->front_held = true;
            break;
        case FILTER_WAIT:
            break;
        case FILTER_INVALID:
            log_event(LOG_LEVEL_WARNING, SESSION_ERROR_FIELDS(session, error.message),
                      "[session][error] [%u] %s: %s; the connection is closed", session->tag,
                      session->peer, error.message);
            record_note(session, error.message);
            session_close(session);
            break;
        }
        break;
    }
    session_settle(session);
    return session->activity == SESSION_OVER ? length : length - input.length;
}

void session_front_closed(struct session *session, const char *reason)
{
    if (reason != NULL && session->activity != SESSION_OVER) {
        log_event(LOG_LEVEL_WARNING, SESSION_ERROR_FIELDS(session, reason),
                  "[session][error] [%u] %s: %s", session->tag, session->peer, reason);
        record_note(session, reason);
    }
    session_close(session);
    session_settle(session);
}

void session_front_drained(struct session *session)
{
    if (session->message.answering) {
        content_continue(session);
        session_settle(session);
    }
}

void session_keep_alive(struct session *session)
{
    if (session->message.end_seen && session->message.owed && !session->message.answering) {
        filter_edit(&session->front, &(struct reply){.kind = REPLY_PROGRESS});
        session->host->schedule_keep_alive(session, SESSION_KEEP_ALIVE);
        session_settle(session);
    }
}

/* ---- events of the children ---- */

void session_child_connected(struct session_child *child, struct buffer *output)
{
    negotiate_child_connected(child, output);
    session_settle(child->session);
}

/* It may close after an answer that ends its part in the session (milter-protocol section 12). */
static bool session_child_has_left(const struct session_child *child)
{
    return child->session->activity == SESSION_ENVELOPE && child->target &&
           child->answer != VERDICT_NONE &&
           verdict_child_effect(child->session->command, child->answer) == EFFECT_QUIT;
}

static void session_fail_child(struct session_child *child, enum child_failure failure,
                               const char *cause)
{
    struct session *session = child->session;
    bool asked = child->ticket != NULL;
    bool concerned = child->awaiting || asked;

    if (child->state == CHILD_OUT) {
        return;
    }
    if (child->state != CHILD_READY) {
        negotiate_child_failed(child, failure, cause);
        return;
    }
    if (session_child_has_left(child)) {
        child_quit(child);
        return;
    }
    child_expire(child, failure, cause);
    if (!concerned) {
        child->fallback_due = true;
        content_continue(session); /* it may be the one that did not take the message */
    } else if (session->activity == SESSION_CONTENT) {
        content_child_failed(child);
    } else {
        envelope_child_failed(child, asked);
    }
}

/* The same for a cause that does not name the endpoint itself. */
static void session_fail_child_of(struct session_child *child, enum child_failure failure,
                                  const char *cause)
{
    struct error error = {0};

    error_set(&error, ERROR_PROTOCOL, "%s: %s", child->configuration->connection_spec, cause);
    session_fail_child(child, failure, error.message);
}

/* A reply or edit of a child, handed to the module whose command is in progress. */
static void session_take_reply(struct session_child *child, enum mta_result result,
                               enum command command, const struct reply *reply)
{
    struct session *session = child->session;

    child_count(child, result, command, reply);
    if (result == MTA_NEGOTIATED) {
        negotiate_child_answered(child);
    } else if (session->activity == SESSION_CONTENT) {
        if (result == MTA_EDIT) {
            content_child_edited(child, reply);
        } else {
            content_child_replied(child, command, reply);
        }
    } else if (result == MTA_REPLY) { /* PROGRESS outside of E gains no time */
        envelope_child_replied(child, reply);
    }
}

size_t session_child_received(struct session_child *child, struct slice input)
{
    struct session *session = child->session;
    size_t length = input.length;
    struct reply reply;
    enum command command;
    struct error error = {0};

    while (child->state != CHILD_OUT) {
        enum mta_result result = mta_next(&child->mta, &input, &reply, &command, &error);

        if (result == MTA_WAIT) {
            break;
        }
        if (result == MTA_INVALID) {
            session_fail_child_of(child, CHILD_MISTAKEN, error.message);
            break;
        }
        session_take_reply(child, result, command, &reply);
    }
    session_settle(session);
    return length - input.length;
}

void session_child_failed(struct session_child *child, const struct error *error)
{
    bool timeout = error->code == ERROR_TIMEOUT;
    enum child_failure failure = timeout                       ? CHILD_LATE_WRITING
                                 : error->code == ERROR_CLOSED ? CHILD_CLOSED
                                                               : CHILD_BROKEN;

    if (child->state == CHILD_CONNECTING) {
        failure = timeout ? CHILD_LATE_CONNECTING : CHILD_UNREACHABLE;
    }
    session_fail_child(child, failure, error->message);
    session_settle(child->session);
}

void session_child_timed_out(struct session_child *child)
{
    bool end = child->state == CHILD_READY && child->mta.owed == COMMAND_END_OF_MESSAGE;
    char cause[128];

    if (end) {
        (void)snprintf(cause, sizeof(cause),
                       "no final reply for %g seconds (end_of_message_timeout)",
                       child->configuration->end_of_message_timeout);
    } else {
        (void)snprintf(cause, sizeof(cause), "no reply for %g seconds (reading_timeout)",
                       child->configuration->reading_timeout);
    }
    session_fail_child_of(child, end ? CHILD_LATE_AT_END : CHILD_LATE_READING, cause);
    session_settle(child->session);
}

void session_child_drained(struct session_child *child)
{
    if (child->session->activity == SESSION_CONTENT) {
        content_continue(child->session);
        session_settle(child->session);
    }
}

/* ---- the rest ---- */

void session_settle(struct session *session)
{
    for (unsigned i = 0; i < session->child_count; i++) {
        struct session_child *child = &session->children[i];

        if (child->mta.output != NULL && buffer_length(child->mta.output) > 0) {
            session->host->flush_child(child);
        }
    }
    if (buffer_length(session->front.output) > 0) {
        session->host->flush_front(session);
    }
    if (session->activity == SESSION_OVER && !session->finished) {
        session->finished = true;
        session->host->finished(session);
    }
}

bool session_is_idle(const struct session *session)
{
    return session->activity == SESSION_IDLE && !session->message.open;
}

double session_packet_timeout(const struct session *session)
{
    double longest = 0;

    for (unsigned i = 0; i < session->configuration->child_count; i++) {
        if (session->configuration->children[i].reading_timeout > longest) {
            longest = session->configuration->children[i].reading_timeout;
        }
    }
    longest *= SESSION_PACKET_TIMEOUT_FACTOR;
    return longest > SESSION_PACKET_TIMEOUT_MINIMUM ? longest : SESSION_PACKET_TIMEOUT_MINIMUM;
}
