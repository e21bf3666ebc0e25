/*
 * record - a connection of the MTA as a session file, unless a condition is
 * against it.
 *
 * Owns the text and a child that is never connected: the conditions are asked
 * about it with what serves for real children.  Questions that wait run beside
 * the session, several at a time.
 */
#include "milter-manager/session/record.h"

#include "libcore/base/clock.h"
#include "libcore/base/memory.h"
#include "milter-manager/session/about.h"
#include "milter-manager/session/child.h"
#include "milter-manager/session/context_handle.h"
#include "milter-manager/session/question.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    RECORD_QUESTIONS = 64, /* open at a time */
    RECORD_ROOM = 256,     /* bytes for the remarks at the end of a file that is full */
};

struct record_question {
    struct session_record *record;
    struct condition_ticket *ticket;
    struct record_question *next;
};

struct session_record {
    struct session *session;
    struct recorder recorder;
    struct session_child subject; /* what the conditions are asked about */
    struct record_question *questions;
    unsigned question_count;
    bool data_asked; /* in this message: not every MTA says DATA */
    char last_note[160];
};

static void record_begin_text(struct session_record *record)
{
    struct session *session = record->session;
    char stamp[CLOCK_STAMP];
    char *comment = memory_format("milter-manager " MILTER_MANAGER_VERSION "\n"
                                  "began %s\npeer: %s\nsession (%u)",
                                  clock_stamp(stamp), session->peer, session->tag);

    recorder_init(&record->recorder,
                  session->configuration->manager.record_sessions_limit - RECORD_ROOM,
                  session->host->clock, comment);
    free(comment);
}

void record_begin(struct session *session)
{
    struct session_record *record;

    if (session->configuration->manager.record_sessions == NULL) {
        return;
    }
    record = NEW(struct session_record);
    record->session = session;
    session->record = record;
    record_begin_text(record);
    child_init(&record->subject, session, &session->configuration->recording);
    record->subject.state = CHILD_READY;
    session->front.recorder = &record->recorder;
}

static void record_drop(struct session_record *record)
{
    struct record_question *question;

    record->session->front.recorder = NULL;
    record->session->record = NULL;
    while ((question = record->questions) != NULL) {
        record->questions = question->next;
        condition_cancel(question->ticket);
        free(question);
    }
    child_clear(&record->subject);
    recorder_clear(&record->recorder);
    free(record);
}

/* ---- the conditions ---- */

static void record_forget_question(struct session_record *record, struct record_question *question)
{
    struct record_question **place = &record->questions;

    while (*place != question) {
        place = &(*place)->next;
    }
    *place = question->next;
    record->question_count--;
    free(question);
}

static void record_stop(struct session_record *record, const struct condition_stopper *stopper)
{
    log_event(LOG_LEVEL_INFO,
              LOG_FIELDS(ABOUT_SESSION(record->session), LOG_TEXT("condition", stopper->condition)),
              "[record][stop] [%u] the condition \"%s\" is against it (%s:%d): the session is not "
              "recorded",
              record->session->tag, stopper->condition, stopper->file, stopper->line);
    record_drop(record);
}

static void record_answered(void *owner, const struct condition_stopper *stopper)
{
    struct record_question *question = owner;
    struct session_record *record = question->record;

    record_forget_question(record, question);
    if (stopper != NULL) {
        record_stop(record, stopper);
    }
}

/* False: the record is gone. */
static bool record_ask(struct session_record *record, struct condition_question *question)
{
    struct session_child *subject = &record->subject;
    struct record_question *open = NEW(struct record_question);
    const struct condition_stopper *stopper;

    *open = (struct record_question){.record = record, .next = record->questions};
    record->questions = open;
    record->question_count++;
    question->context = context_handle_of(subject);
    switch (condition_ask(subject->configuration->conditions,
                          subject->configuration->condition_count, question, record_answered, open,
                          &open->ticket, &stopper)) {
    case CONDITION_RUN:
        record_forget_question(record, open);
        return true;
    case CONDITION_STOP:
        record_forget_question(record, open);
        record_stop(record, stopper);
        return false;
    case CONDITION_PENDING:
        break;
    }
    if (record->question_count > RECORD_QUESTIONS) {
        log_event(LOG_LEVEL_WARNING, LOG_FIELDS(ABOUT_SESSION(record->session)),
                  "[record][warning] [%u] more than %d answers of conditions are outstanding: "
                  "the session is not recorded",
                  record->session->tag, RECORD_QUESTIONS);
        record_drop(record);
        return false;
    }
    return true;
}

static bool record_ask_about(struct session_record *record, const struct command_packet *event)
{
    const struct session *session = record->session;
    struct condition_question question;
    struct slice *value = &question.arguments[1];
    bool spaced = (session->front.answer.steps & STEP_HEADER_LEADING_SPACE) != 0;

    if (!question_stage(event->command, &question.stage) ||
        !child_has_stopper(&record->subject, question.stage)) {
        return true;
    }
    question_init(&question, event);
    if (event->command == COMMAND_HEADER && spaced && slice_starts_with(*value, " ")) {
        slice_skip(value, 1);
    }
    record->subject.last_command = event->command;
    record->subject.status = session->status; /* what the manager has answered last */
    return record_ask(record, &question);
}

bool record_wants_envelope(const struct session *session)
{
    return session->record != NULL &&
           child_has_stopper(&session->record->subject, CONDITION_ENVELOPE);
}

/* False: the record is gone. */
static bool record_ask_envelope(struct session_record *record)
{
    const struct session_message *message = &record->session->message;
    struct condition_question question;

    if (!child_has_stopper(&record->subject, CONDITION_ENVELOPE)) {
        return true;
    }
    question_init_envelope(&question, message->sender, message->recipients,
                           message->recipient_count);
    record->subject.last_command = COMMAND_DATA;
    record->subject.status = record->session->status;
    return record_ask(record, &question);
}

static bool record_ask_data(struct session_record *record, enum command next)
{
    const struct command_packet data = {.command = COMMAND_DATA};

    if (next < COMMAND_HEADER || record->data_asked) {
        return true;
    }
    record->data_asked = true;
    return record_ask_envelope(record) && record_ask_about(record, &data);
}

/* The last piece of the body may come with the end. */
static bool record_ask_last_piece(struct session_record *record, const struct command_packet *event)
{
    struct command_packet body = *event;

    body.command = COMMAND_BODY;
    return event->command != COMMAND_END_OF_MESSAGE || event->text.length == 0 ||
           record_ask_about(record, &body);
}

void record_take(struct session *session, const struct command_packet *event)
{
    struct session_record *record = session->record;

    if (record == NULL || record->subject.stoppers == 0) {
        return;
    }
    if (event->command == COMMAND_CONNECT) { /* it may be the next one on this connection */
        macro_store_expire(&record->subject.overlay, COMMAND_QUIT);
    }
    if (event->command == COMMAND_MAIL || event->command == COMMAND_DATA) {
        record->data_asked = event->command == COMMAND_DATA;
    }
    if (event->command == COMMAND_DATA && !record_ask_envelope(record)) {
        return;
    }
    if (record_ask_data(record, event->command) && record_ask_last_piece(record, event)) {
        (void)record_ask_about(record, event);
    }
}

void record_macros(struct session *session, enum command stage)
{
    if (session->record != NULL) {
        buffer_reset(&session->record->subject.overlay.sets[stage]);
    }
}

void record_message_reset(struct session *session)
{
    if (session->record != NULL) {
        child_message_reset(&session->record->subject);
    }
}

/* ---- the end ---- */

void record_note(struct session *session, const char *text)
{
    struct session_record *record = session->record;

    if (record != NULL) {
        recorder_comment(&record->recorder, text);
        (void)snprintf(record->last_note, sizeof(record->last_note), "%s", text);
    }
}

static void record_save(struct session_record *record)
{
    const struct session *session = record->session;

    if (record->recorder.full) { /* how it ended is worth more than the limit's last bytes */
        buffer_append_format(&record->recorder.text, "# %s\n", record->last_note);
    }
    session->host->save_record(record->session, buffer_slice(&record->recorder.text));
}

void record_end(struct session *session)
{
    struct session_record *record = session->record;

    if (record == NULL) {
        return;
    }
    if (record->questions != NULL) {
        log_event(LOG_LEVEL_INFO, LOG_FIELDS(ABOUT_SESSION(session)),
                  "[record][stop] [%u] a condition has not answered by the end: the session is not "
                  "recorded",
                  session->tag);
    } else if (record->recorder.any) {
        record_save(record);
    }
    record_drop(record);
}
