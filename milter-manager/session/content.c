/*
 * content - L N B E: the message passes through one child after the other.
 *
 * What the MTA sends is stored; the current child is fed from the store until
 * it has caught up with the MTA, which then gets its reply.  A child that has
 * to start late is fed from the beginning: live and replayed feeding are the
 * same code.  A child that has finished leaves its edits in the store, so the
 * next one sees them.
 */
#include "milter-manager/session/content.h"

#include "milter-manager/session/about.h"
#include "milter-manager/session/child.h"
#include "milter-manager/session/edits.h"
#include "milter-manager/session/envelope.h"
#include "milter-manager/session/explanation.h"

enum {
    /* A child that takes without replying is not fed faster than it reads. */
    CONTENT_OUTPUT_LIMIT = 1048576,
    /* An MTA that does not read needs no more PROGRESS: it has time enough. */
    CONTENT_PROGRESS_LIMIT = 4096,
};

static void content_pump(struct session *session);

/* The manager cannot do its own work: no temporary file, too large (section 18). */
static void content_give_up(struct session *session, const char *cause)
{
    enum verdict verdict = session->configuration->manager.fallback_status;

    log_event(LOG_LEVEL_ERROR,
              LOG_FIELDS(ABOUT_SESSION(session),
                         LOG_TEXT("stage", command_info[session->command].name),
                         LOG_TEXT("error", cause), LOG_TEXT("fallback", verdict_name(verdict))),
              "[manager][error][%s] [%u] %s: the message gets %s",
              command_info[session->command].name, session->tag, cause, verdict_name(verdict));
    session_message_reset(session);
    session_reply_verdict(session, verdict, slice_of("", 0));
}

static void content_rewind(struct session *session)
{
    struct session_message *message = &session->message;

    message->phase = CONTENT_HEADERS;
    message->next_header = 0;
    message->skip_body = false;
    message->asked = false;
    if (message->reader_open) {
        body_reader_clear(&message->reader);
    }
    body_reader_init(&message->reader, &message->body);
    message->reader_open = true;
    edits_forget(session);
}

/* The current child is done with the message; the next one starts from the beginning. */
static void content_next_child(struct session *session)
{
    session->message.current++;
    content_rewind(session);
}

/* A child may have left between two content commands, at an unknown command. */
static struct session_child *content_current(struct session *session)
{
    struct session_message *message = &session->message;

    while (message->current < session->child_count &&
           !session->children[message->current].in_message) {
        content_next_child(session);
    }
    return message->current < session->child_count ? &session->children[message->current] : NULL;
}

static bool content_store_header(struct session *session, const struct command_packet *event)
{
    struct session_message *message = &session->message;

    message->header_bytes += event->header.name.length + event->header.value.length;
    if (message->headers.count >= PROTOCOL_HEADERS ||
        message->header_bytes > PROTOCOL_HEADER_BYTES) {
        content_give_up(session, "the header is too large");
        return false;
    }
    header_list_append(&message->headers, event->header.name, event->header.value,
                       HEADER_ORIGIN_MTA);
    return true;
}

static bool content_store_body(struct session *session, struct slice bytes)
{
    struct error error = {0};

    if (bytes.length > 0 && !body_spool_append(&session->message.body, bytes, &error)) {
        content_give_up(session, error.message);
        return false;
    }
    return true;
}

static bool content_store(struct session *session, const struct command_packet *event)
{
    struct session_message *message = &session->message;

    switch (event->command) {
    case COMMAND_HEADER:
        return content_store_header(session, event);
    case COMMAND_END_OF_HEADER:
        message->header_done = true;
        return true;
    default:
        message->header_done = true;
        message->end_seen = event->command == COMMAND_END_OF_MESSAGE;
        return content_store_body(session, event->text);
    }
}

static void content_accept_command(struct session *session, const struct command_packet *event)
{
    struct session_message *message = &session->message;

    session->activity = SESSION_CONTENT;
    session->command = event->command;
    message->owed = true;
    if (!message->content) {
        message->content = true;
        content_rewind(session);
    }
    if (!content_store(session, event)) {
        return;
    }
    if (message->end_seen) {
        session->host->schedule_keep_alive(session, SESSION_KEEP_ALIVE);
    }
    content_pump(session);
}

/* Everybody is out of the message, but the MTA goes on: one answer to each command. */
static void content_take_for_nobody(struct session *session)
{
    if (session->command == COMMAND_END_OF_MESSAGE) {
        session_message_reset(session);
    }
    session_reply_verdict(session, session_nobody_verdict(session), slice_of("", 0));
}

static bool content_concerns_nobody(const struct session *session)
{
    for (unsigned i = 0; i < session->child_count; i++) {
        if (session->children[i].in_message) {
            return false;
        }
    }
    return true;
}

void content_take(struct session *session, const struct command_packet *event)
{
    if (content_concerns_nobody(session)) {
        content_take_for_nobody(session);
        return;
    }
    if (session->message.data_done) {
        content_accept_command(session, event);
        return;
    }
    session->waiting = true;
    session->waiting_command = event->command;
    buffer_reset(&session->waiting_payload);
    buffer_append_slice(&session->waiting_payload, event->payload);
    buffer_reset(&session->command_payload);
    envelope_begin(session, COMMAND_DATA);
}

void content_after_emulated_data(struct session *session, enum verdict verdict, struct slice text)
{
    struct packet packet = {.letter = command_info[session->waiting_command].letter,
                            .payload = buffer_slice(&session->waiting_payload)};
    struct command_packet event;

    session->waiting = false;
    session->command = session->waiting_command;
    if (verdict != VERDICT_CONTINUE || !command_decode(&packet, &event, NULL)) {
        session_reply_verdict(session, verdict, text);
        return;
    }
    content_accept_command(session, &event);
}

/* ---- feeding the current child ---- */

static const struct {
    enum command command;
    enum condition_stage stage;
} content_phases[] = {
    [CONTENT_HEADERS] = {COMMAND_HEADER, CONDITION_HEADER},
    [CONTENT_END_OF_HEADER] = {COMMAND_END_OF_HEADER, CONDITION_END_OF_HEADER},
    [CONTENT_BODY] = {COMMAND_BODY, CONDITION_BODY},
    [CONTENT_END] = {COMMAND_END_OF_MESSAGE, CONDITION_END_OF_MESSAGE},
    [CONTENT_DONE] = {COMMAND_END_OF_MESSAGE, CONDITION_END_OF_MESSAGE},
};

enum content_item {
    ITEM_READY,     /* something is to be sent */
    ITEM_NONE,      /* the child has caught up with the MTA */
    ITEM_PHASE_END, /* this phase is through */
    ITEM_FAILED,    /* the store cannot be read */
};

struct content_piece {
    struct slice name, value; /* a header, in the child's form */
    struct slice bytes;       /* a body chunk */
};

/* The header value as the child negotiated to see it (milter-protocol section 5.6). */
static struct slice content_value_for(const struct session_child *child, struct slice value,
                                      struct buffer *spaced)
{
    bool front = (child->session->front.answer.steps & STEP_HEADER_LEADING_SPACE) != 0;
    bool leg = (child->mta.answer.steps & STEP_HEADER_LEADING_SPACE) != 0;

    if (front && !leg && value.length > 0 && value.data[0] == ' ') {
        slice_skip(&value, 1);
    } else if (!front && leg) {
        buffer_reset(spaced);
        buffer_append_byte(spaced, ' ');
        buffer_append_slice(spaced, value);
        return buffer_slice(spaced);
    }
    return value;
}

/* Nobody looks at the pieces of this phase: they need not be read. */
static bool content_unwanted(const struct session_child *child, enum content_phase phase)
{
    return !mta_wants(&child->mta, content_phases[phase].command) &&
           !child_has_stopper(child, content_phases[phase].stage);
}

static enum content_item content_next_header(struct session *session, struct session_child *child,
                                             struct content_piece *piece)
{
    struct session_message *message = &session->message;
    const struct header_field *field;

    if (content_unwanted(child, CONTENT_HEADERS)) {
        message->next_header = message->headers.count;
    }
    do {
        field = header_list_at(&message->headers, message->next_header);
    } while (field != NULL && field->deleted_by != HEADER_ORIGIN_MTA && ++message->next_header);
    if (field == NULL) {
        return message->header_done ? ITEM_PHASE_END : ITEM_NONE;
    }
    piece->name = field->name;
    piece->value = content_value_for(child, field->value, &session->command_payload);
    return ITEM_READY;
}

static enum content_item content_next_chunk(struct session *session, struct session_child *child,
                                            struct content_piece *piece)
{
    struct session_message *message = &session->message;
    struct error error = {0};

    if (!message->skip_body && !content_unwanted(child, CONTENT_BODY) &&
        !body_reader_at_end(&message->reader)) {
        if (!body_reader_next(&message->reader, session->configuration->manager.chunk_size,
                              &piece->bytes, &error)) {
            content_give_up(session, error.message);
            return ITEM_FAILED;
        }
        return ITEM_READY;
    }
    return message->end_seen ? ITEM_PHASE_END : ITEM_NONE;
}

static enum content_item content_next(struct session *session, struct session_child *child,
                                      struct content_piece *piece)
{
    *piece = (struct content_piece){.bytes = {"", 0}};
    switch (session->message.phase) {
    case CONTENT_HEADERS:
        return content_next_header(session, child, piece);
    case CONTENT_END_OF_HEADER:
        return ITEM_READY; /* without it a child would not take what follows (section 18) */
    case CONTENT_BODY:
        return content_next_chunk(session, child, piece);
    case CONTENT_DONE:
        return ITEM_NONE;
    default:
        return ITEM_READY;
    }
}

static enum mta_sent content_send(struct session *session, struct session_child *child,
                                  const struct content_piece *piece)
{
    struct session_message *message = &session->message;
    enum content_phase phase = message->phase;
    struct buffer *payload = &session->waiting_payload;
    struct slice bytes = piece->bytes;

    if (phase == CONTENT_HEADERS) {
        buffer_reset(payload);
        buffer_append_slice(payload, piece->name);
        buffer_append_byte(payload, '\0');
        buffer_append_slice(payload, piece->value);
        buffer_append_byte(payload, '\0');
        bytes = buffer_slice(payload);
        message->next_header++;
    } else if (phase != CONTENT_BODY) {
        message->phase++;
    }
    message->asked = false;
    return child_send(child, content_phases[phase].command, bytes);
}

static void content_end_by(struct session *session, enum verdict verdict, struct slice text)
{
    session_message_reset(session);
    session_reply_verdict(session, verdict, text);
}

/* A verdict of the current child, its own, a stopper's or a fallback, other than "go on". */
static void content_decide(struct session_child *child, enum verdict verdict, struct slice text)
{
    struct session *session = child->session;
    enum verdict counted = child_counted(child, verdict);

    explanation_answered(child, child->last_command, verdict, slice_of("", 0));
    child_leave_message(child);
    if (verdict_ends_message(session->command, counted)) {
        content_end_by(session, counted, text);
        return;
    }
    content_next_child(session);
}

static void content_stopper_answered(void *owner, const struct condition_stopper *stopper)
{
    struct session_child *child = owner;
    struct session *session = child->session;

    child->ticket = NULL;
    session->message.asked = stopper == NULL;
    child->stopper = stopper;
    content_pump(session);
    session_settle(session);
}

/*
 * True when the piece may be sent now.  A chunk that has to wait for a
 * condition is read again afterwards, hence the offset.
 */
static bool content_may_send(struct session *session, struct session_child *child,
                             const struct content_piece *piece)
{
    struct session_message *message = &session->message;
    struct condition_question question = {.stage = content_phases[message->phase].stage};

    if (message->asked || !child_has_stopper(child, question.stage)) {
        return true;
    }
    if (message->phase == CONTENT_HEADERS) {
        question.arguments[0] = piece->name;
        question.arguments[1] = piece->value;
        question.argument_count = 2;
    } else if (message->phase == CONTENT_BODY) {
        question.arguments[0] = piece->bytes;
        question.argument_count = 1;
    }
    child->last_command = content_phases[message->phase].command;
    switch (child_ask(child, &question, content_stopper_answered)) {
    case CONDITION_RUN:
        return true;
    case CONDITION_STOP:
        return false;
    case CONDITION_PENDING:
        if (message->phase == CONTENT_BODY) {
            message->reader.offset -= piece->bytes.length;
        }
        return false;
    }
    return false;
}

static void content_stop(struct session *session, struct session_child *child)
{
    explanation_stopped(child, slice_of("", 0));
    child->stopper = NULL;
    child->status_stopped = true;
    child_apply(child, verdict_stop_effect(session->command));
    content_next_child(session);
}

/* One step with the current child; false: wait for something. */
static bool content_feed(struct session *session, struct session_child *child)
{
    struct session_message *message = &session->message;
    struct content_piece piece;

    if (child->fallback_due) {
        child->fallback_due = false;
        content_decide(child, child_fallback(child), slice_of("", 0));
        return message->open && message->owed;
    }
    if (child->stopper != NULL) {
        content_stop(session, child);
        return true;
    }
    if (child->awaiting || child->ticket != NULL ||
        buffer_length(child->mta.output) > CONTENT_OUTPUT_LIMIT) {
        return false;
    }
    switch (content_next(session, child, &piece)) {
    case ITEM_FAILED:
        return false;
    case ITEM_NONE:
        if (message->phase != CONTENT_DONE && message->owed) {
            session_reply_verdict(session, VERDICT_CONTINUE, slice_of("", 0));
        }
        return false;
    case ITEM_PHASE_END:
        message->phase++;
        return true;
    case ITEM_READY:
        break;
    }
    if (!content_may_send(session, child, &piece)) {
        return child->stopper != NULL;
    }
    if (content_send(session, child, &piece) == MTA_OUT_OF_ORDER) {
        child_expire(child, CHILD_MISTAKEN, "the command is out of order for this child");
        content_decide(child, child_fallback(child), slice_of("", 0));
        return message->open && message->owed;
    }
    return true;
}

static void content_pump(struct session *session)
{
    struct session_child *child;

    while ((child = content_current(session)) != NULL) {
        if (!content_feed(session, child)) {
            return;
        }
    }
    if (!session->message.owed) {
        return;
    }
    if (session->message.end_seen) {
        edits_answer(session);
        return;
    }
    session_reply_verdict(session, session_nobody_verdict(session), slice_of("", 0));
}

void content_continue(struct session *session)
{
    if (session->message.answering) {
        edits_answer(session);
    } else if (session->activity == SESSION_CONTENT && session->message.owed) {
        content_pump(session);
    }
}

/* The final verdict after E lets the mail pass. */
static void content_finish_child(struct session_child *child, enum verdict verdict)
{
    struct session *session = child->session;
    struct session_message *message = &session->message;

    if (message->child_body_failed) {
        content_give_up(session, "the replaced body cannot be stored");
        return;
    }
    explanation_answered(child, COMMAND_END_OF_MESSAGE, verdict, slice_of("", 0));
    message->continued |= verdict == VERDICT_CONTINUE;
    message->accepted |= verdict == VERDICT_ACCEPT;
    child_leave_message(child);
    edits_commit(child);
    content_next_child(session);
}

void content_child_replied(struct session_child *child, enum command command,
                           const struct reply *reply)
{
    struct session *session = child->session;
    enum verdict verdict = reply_verdict(reply);

    child_answered(child);
    child_note_status(child, verdict);
    if (command == COMMAND_END_OF_MESSAGE &&
        (verdict == VERDICT_CONTINUE || verdict == VERDICT_ACCEPT)) {
        content_finish_child(child, verdict);
    } else if (verdict == VERDICT_SKIP) {
        session->message.skip_body = true;
    } else if (verdict != VERDICT_CONTINUE) {
        /* The text points into the child's input, which is read on after this. */
        content_decide(child, verdict, arena_copy(&session->command_arena, session_text_of(reply)));
    }
    if (session->message.open && session->message.owed) {
        content_pump(session);
    }
}

void content_child_edited(struct session_child *child, const struct reply *edit)
{
    struct session *session = child->session;

    if (edit->kind != REPLY_PROGRESS) {
        if (!edits_take(child, edit)) {
            child_expire(child, CHILD_MISTAKEN,
                         "too many or too large modification requests for one message");
            content_child_failed(child);
        }
        return;
    }
    if (child->mta.owed == COMMAND_END_OF_MESSAGE) {
        session->host->expect_child(child, child->configuration->end_of_message_timeout);
        if (buffer_length(session->front.output) < CONTENT_PROGRESS_LIMIT) {
            filter_edit(&session->front, edit);
        }
    }
}

void content_child_failed(struct session_child *child)
{
    struct session *session = child->session;

    content_decide(child, child_fallback(child), slice_of("", 0));
    if (session->message.open && session->message.owed) {
        content_pump(session);
    }
}
