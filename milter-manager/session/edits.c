/*
 * edits - what children ask for at end of message.
 *
 * Our header list counts as the MTA counts after the same edits, and edits go
 * upstream in the order they were made.  With Postfix indexes therefore stay as
 * they are; Sendmail, which takes us for one filter, needs sendmail_headers.
 */
#include "milter-manager/session/edits.h"

#include "libcore/mail/sendmail_headers.h"
#include "milter-manager/session/about.h"
#include "milter-manager/session/child.h"
#include "milter-manager/session/statistics.h"

enum { EDITS_OUTPUT_LIMIT = 262144 }; /* bytes of a body queued before waiting for the MTA */

/* A header value in the front's form (milter-protocol section 5.6). */
static struct slice edits_value_for_front(const struct session_child *child, struct slice value,
                                          bool deletion)
{
    bool front = (child->session->front.answer.steps & STEP_HEADER_LEADING_SPACE) != 0;
    bool leg = (child->mta.answer.steps & STEP_HEADER_LEADING_SPACE) != 0;
    struct buffer *spaced = &child->session->scratch;

    if (front && !leg && !deletion) {
        buffer_reset(spaced);
        buffer_append_byte(spaced, ' ');
        buffer_append_slice(spaced, value);
        return buffer_slice(spaced);
    }
    if (!front && leg && value.length > 1 && value.data[0] == ' ') {
        slice_skip(&value, 1);
    }
    return value;
}

static bool edits_is_header(enum reply_kind kind)
{
    return kind == REPLY_ADD_HEADER || kind == REPLY_INSERT_HEADER || kind == REPLY_CHANGE_HEADER;
}

static bool edits_allowed(const struct session_child *child, const struct reply *edit)
{
    const struct session *session = child->session;

    if ((session->front.offer.actions & reply_info[edit->kind].action) == 0) {
        log_event(LOG_LEVEL_WARNING,
                  LOG_FIELDS(ABOUT_CHILD(child), LOG_TEXT("stage", "end-of-message")),
                  "[children][%s][warning] [%u] the MTA did not offer this action, it is "
                  "ignored: %s",
                  reply_info[edit->kind].name, session->tag, child->configuration->name);
        return false;
    }
    if (child->configuration->evaluation_mode) {
        log_event(LOG_LEVEL_DEBUG,
                  LOG_FIELDS(ABOUT_CHILD(child), LOG_TEXT("stage", "end-of-message")),
                  "[children][%s] [%u] ignored in evaluation mode: %s", reply_info[edit->kind].name,
                  session->tag, child->configuration->name);
        return false;
    }
    return true;
}

static void edits_take_body(struct session_child *child, struct slice bytes)
{
    struct session_message *message = &child->session->message;
    struct error error = {0};

    if (!message->child_body_open) {
        body_spool_init(&message->child_body, BODY_SPOOL_THRESHOLD);
        message->child_body_open = true;
    }
    if (!message->child_body_replaced) {
        message->child_body_replaced = true;
        edit_list_append(&message->child_edits, &(struct edit){.kind = EDIT_REPLACE_BODY});
    }
    if (bytes.length > 0 && !body_spool_append(&message->child_body, bytes, &error)) {
        log_event(LOG_LEVEL_ERROR,
                  LOG_FIELDS(ABOUT_CHILD(child), LOG_TEXT("stage", "end-of-message"),
                             LOG_TEXT("error", error.message)),
                  "[children][error][replace-body] [%u] %s: %s", child->session->tag, error.message,
                  child->configuration->name);
        message->child_body_failed = true;
    }
}

/* Bounds what one child may ask for; a body is bounded by the disk. */
static bool edits_within_limits(struct session_message *message, const struct reply *edit)
{
    message->child_edit_bytes += edit->name.length + edit->value.length + edit->arguments.length;
    if (edit->kind != REPLY_REPLACE_BODY) {
        message->child_edit_bytes += edit->text.length;
    }
    return message->child_edits.count < PROTOCOL_EDITS &&
           message->child_edit_bytes <= PROTOCOL_HEADER_BYTES;
}

bool edits_take(struct session_child *child, const struct reply *edit)
{
    struct session_message *message = &child->session->message;
    bool deletion = edit->kind == REPLY_CHANGE_HEADER && edit->value.length == 0;
    struct edit noted = {.kind = (enum edit_kind)reply_info[edit->kind].letter,
                         .origin = (unsigned)(child - child->session->children) + 1,
                         .index = edit->index,
                         .name = edit->name,
                         .value = edit->text,
                         .arguments = edit->arguments};

    if (!edits_within_limits(message, edit)) {
        return false;
    }
    if (edits_is_header(edit->kind)) {
        if (!deletion) {
            statistics_child_header(child, edit->name, edit->value);
        }
        noted.value = edits_value_for_front(child, edit->value, deletion);
    }
    if (!edits_allowed(child, edit)) {
        return true;
    }
    if (edit->kind == REPLY_REPLACE_BODY) {
        edits_take_body(child, edit->text);
    } else {
        edit_list_append(&message->child_edits, &noted);
    }
    return true;
}

void edits_forget(struct session *session)
{
    struct session_message *message = &session->message;

    edit_list_init(&message->child_edits, &message->arena);
    message->child_edit_bytes = 0;
    if (message->child_body_open) {
        body_spool_clear(&message->child_body);
        message->child_body_open = false;
    }
    message->child_body_replaced = message->child_body_failed = false;
}

/* Later children see it, and it will go to the MTA with the index the MTA counts. */
static void edits_make_real(struct session_message *message, struct edit edit)
{
    uint32_t index = edit.index;

    if (message->for_sendmail) {
        index = sendmail_headers_index(&message->headers, &edit);
        sendmail_headers_apply(&message->headers, &edit);
    } else {
        header_list_apply(&message->headers, &edit);
    }
    edit.index = index;
    edit_list_append(&message->edits, &edit);
}

void edits_commit(struct session_child *child)
{
    struct session_message *message = &child->session->message;

    for (size_t i = 0; i < message->child_edits.count; i++) {
        edits_make_real(message, *edit_list_at(&message->child_edits, i));
    }
    if (message->child_body_replaced) {
        body_spool_move(&message->body, &message->child_body);
        message->body_replaced = true;
    }
}

/* ---- towards the MTA ---- */

/* Body and quarantine have their place behind the others; of several senders the last one wins. */
static bool edits_sent_otherwise(const struct session *session, const struct edit *edit)
{
    return edit->kind == EDIT_REPLACE_BODY || edit->kind == EDIT_QUARANTINE ||
           (edit->kind == EDIT_CHANGE_SENDER &&
            edit != edit_list_last(&session->message.edits, EDIT_CHANGE_SENDER));
}

static void edits_send(struct session *session, const struct edit *edit)
{
    struct reply reply = {.index = edit->index,
                          .name = edit->name,
                          .value = edit->value,
                          .text = edit->value,
                          .arguments = edit->arguments};

    if (edits_sent_otherwise(session, edit) || !reply_from_letter((char)edit->kind, &reply.kind)) {
        return;
    }
    filter_edit(&session->front, &reply);
    if (edit_changes_headers(edit) && !edit_deletes_header(edit)) {
        statistics_session_header(session, edit->name, edit->value);
    }
}

/* The body as one uninterrupted series; false: the MTA has to read first. */
static bool edits_send_body(struct session *session, bool *failed)
{
    struct session_message *message = &session->message;
    unsigned buffered = session->configuration->manager.packet_buffer_size;
    size_t limit = buffered > 0 ? buffered : EDITS_OUTPUT_LIMIT;
    struct reply reply = {.kind = REPLY_REPLACE_BODY, .text = {"", 0}};
    struct error error = {0};

    if (body_spool_size(&message->body) == 0) {
        filter_edit(&session->front, &reply);
        return true;
    }
    while (!body_reader_at_end(&message->answer_reader)) {
        if (buffer_length(session->front.output) >= limit) {
            return false;
        }
        if (!body_reader_next(&message->answer_reader, session->configuration->manager.chunk_size,
                              &reply.text, &error)) {
            log_event(LOG_LEVEL_ERROR,
                      LOG_FIELDS(ABOUT_SESSION(session), LOG_TEXT("stage", "end-of-message"),
                                 LOG_TEXT("error", error.message)),
                      "[manager][error][replace-body] [%u] %s", session->tag, error.message);
            *failed = true;
            return true;
        }
        filter_edit(&session->front, &reply);
    }
    return true;
}

static void edits_send_quarantine(struct session *session)
{
    const struct edit *edit = edit_list_last(&session->message.edits, EDIT_QUARANTINE);

    if (edit != NULL) {
        filter_edit(&session->front,
                    &(struct reply){.kind = REPLY_QUARANTINE, .text = edit->value});
        session->status_quarantined = true;
        statistics_quarantine(session);
    }
}

/* Some edits are already with the MTA: only a refusal keeps it from delivering half of them. */
static void edits_break_off(struct session *session)
{
    session_message_reset(session);
    session_reply_verdict(session, VERDICT_TEMPORARY_FAILURE, slice_of("", 0));
}

void edits_answer(struct session *session)
{
    struct session_message *message = &session->message;
    bool failed = false, quarantined;
    enum verdict verdict;

    if (!message->answering) {
        message->answering = true;
        session->host->schedule_keep_alive(session, 0);
        for (size_t i = 0; i < message->edits.count; i++) {
            edits_send(session, edit_list_at(&message->edits, i));
        }
        body_reader_init(&message->answer_reader, &message->body);
    }
    if (message->body_replaced && !edits_send_body(session, &failed)) {
        return;
    }
    if (failed) {
        edits_break_off(session);
        return;
    }
    edits_send_quarantine(session);
    quarantined = session->status_quarantined;
    verdict = message->continued ? VERDICT_CONTINUE : VERDICT_ACCEPT;
    if (!message->continued && !message->accepted) {
        verdict = session_nobody_verdict(session);
    }
    session_message_reset(session);
    session->status_quarantined = quarantined;
    session_reply_verdict(session, verdict, slice_of("", 0));
}
