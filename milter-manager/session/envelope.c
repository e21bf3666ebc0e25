/*
 * envelope - C H M R T U: fan out to every child concerned, collect, decide.
 *
 * All stoppers are asked before the first child is: then every child is sent
 * the command at the same time, and the answer is formed when the last reply is
 * in, in configuration order and not in the order of arrival.
 */
#include "milter-manager/session/envelope.h"

#include "libcore/base/memory.h"
#include "libcore/wire/macro.h"
#include "milter-manager/control/tally.h"
#include "milter-manager/session/about.h"
#include "milter-manager/session/child.h"
#include "milter-manager/session/content.h"
#include "milter-manager/session/explanation.h"
#include "milter-manager/session/question.h"
#include "milter-manager/session/record.h"

/* A recipient the MTA itself refuses, told because some child asked for such (RCPT_REJ). */
static bool envelope_recipient_refused_by_mta(const struct session *session)
{
    struct slice mailer;

    return (session->front.answer.steps & STEP_RCPT_REJECTED) != 0 &&
           macro_pair_find(macro_store_get(&session->front.macros, COMMAND_RCPT),
                           slice_from_string("rcpt_mailer"), &mailer) &&
           slice_equal_string(mailer, "error");
}

/*
 * libmilter would leave CONNECT unanswered behind an unknown command, and from
 * DATA on it takes one for the end of the message (milter-protocol section 11).
 */
static bool envelope_takes_unknown(const struct session_child *child)
{
    return child->state == CHILD_READY && child->mta.position >= POSITION_CONNECTED &&
           child->mta.position <= POSITION_RCPT;
}

static bool envelope_concerns(const struct session_child *child, enum command command,
                              bool refused_by_mta)
{
    if (!child_alive(child)) {
        return false;
    }
    switch (command) {
    case COMMAND_HELO:
        /* After a HELO libmilter would not answer the CONNECT any more. */
        return child->session->connected;
    case COMMAND_UNKNOWN:
        return envelope_takes_unknown(child);
    case COMMAND_RCPT:
        return child->in_message &&
               (!refused_by_mta || (child->mta.answer.steps & STEP_RCPT_REJECTED) != 0);
    case COMMAND_DATA:
        return child->in_message && child->accepted_recipients > 0;
    default:
        return true;
    }
}

static void envelope_dispatch(struct session *session);
static void envelope_finish(struct session *session);

/* The command in progress, decoded again from the payload kept of it. */
static struct command_packet envelope_command(const struct session *session)
{
    struct packet packet = {.letter = command_info[session->command].letter,
                            .payload = buffer_slice(&session->command_payload)};
    struct command_packet command = {.command = session->command};

    /* The payload of a DATA that the MTA did not send is empty, too. */
    (void)command_decode(&packet, &command, NULL);
    return command;
}

/* The recipient in question at RCPT, else nothing. */
static struct slice envelope_recipient(const struct session *session)
{
    return session->command == COMMAND_RCPT ? envelope_command(session).envelope.address
                                            : slice_of("", 0);
}

/* Only when somebody is going to be asked about the whole envelope. */
static bool envelope_is_kept(const struct session *session)
{
    bool wanted = record_wants_envelope(session);

    for (unsigned i = 0; i < session->child_count; i++) {
        wanted |= child_has_stopper(&session->children[i], CONDITION_ENVELOPE);
    }
    return wanted && session->message.open;
}

static void envelope_keep_sender(struct session *session)
{
    struct session_message *message = &session->message;

    message->sender = arena_copy(&message->arena, envelope_command(session).envelope.address);
}

static void envelope_keep_recipient(struct session *session)
{
    struct session_message *message = &session->message;

    if (message->recipient_count == message->recipient_room) {
        message->recipient_room = message->recipient_room == 0 ? 16 : message->recipient_room * 2;
        message->recipients = memory_resize(message->recipients, message->recipient_room,
                                            sizeof(message->recipients[0]));
    }
    message->recipients[message->recipient_count++] =
        arena_copy(&message->arena, envelope_recipient(session));
}

/* ---- questions ---- */

static enum condition_answer envelope_ask_about(struct session_child *child,
                                                enum condition_stage stage,
                                                condition_answered_fn *answered)
{
    struct session *session = child->session;
    const struct session_message *message = &session->message;
    struct condition_question question;

    child->asked = stage;
    if (!child_has_stopper(child, stage)) {
        return CONDITION_RUN;
    }
    if (stage == CONDITION_ENVELOPE) {
        question_init_envelope(&question, message->sender, message->recipients,
                               message->recipient_count);
    } else {
        struct command_packet command = envelope_command(session);

        question_init(&question, &command);
    }
    return child_ask(child, &question, answered);
}

static void envelope_stopper_answered(void *owner, const struct condition_stopper *stopper);

/* At DATA there are two: the whole envelope comes first. */
static enum condition_answer envelope_ask_from(struct session_child *child,
                                               enum condition_stage stage)
{
    enum condition_answer answer = envelope_ask_about(child, stage, envelope_stopper_answered);

    if (answer == CONDITION_RUN && stage == CONDITION_ENVELOPE) {
        answer = envelope_ask_about(child, CONDITION_DATA, envelope_stopper_answered);
    }
    return answer;
}

static void envelope_stopper_answered(void *owner, const struct condition_stopper *stopper)
{
    struct session_child *child = owner;
    struct session *session = child->session;

    child->ticket = NULL;
    child->stopper = stopper;
    if (stopper == NULL && child->asked == CONDITION_ENVELOPE &&
        envelope_ask_from(child, CONDITION_DATA) == CONDITION_PENDING) {
        return;
    }
    if (--session->questions == 0) {
        envelope_dispatch(session);
    }
    session_settle(session);
}

static void envelope_ask(struct session_child *child)
{
    struct session *session = child->session;
    enum condition_stage stage;

    if (!question_stage(session->command, &stage)) {
        return;
    }
    if (stage == CONDITION_DATA) {
        stage = CONDITION_ENVELOPE;
    }
    if (envelope_ask_from(child, stage) == CONDITION_PENDING) {
        session->questions++;
    }
}

void envelope_begin(struct session *session, enum command command)
{
    bool refused_by_mta = command == COMMAND_RCPT && envelope_recipient_refused_by_mta(session);

    session->activity = SESSION_ENVELOPE;
    session->command = command;
    session->questions = session->awaited = 0;
    if (command == COMMAND_MAIL && envelope_is_kept(session)) {
        envelope_keep_sender(session);
    }
    for (unsigned i = 0; i < session->child_count; i++) {
        struct session_child *child = &session->children[i];

        child->target = envelope_concerns(child, command, refused_by_mta);
        child->stopper = NULL;
        child->answer = VERDICT_NONE;
        child->answer_text = slice_of("", 0);
    }
    for (unsigned i = 0; i < session->child_count; i++) {
        if (session->children[i].target) {
            envelope_ask(&session->children[i]);
        }
    }
    if (session->questions == 0) {
        envelope_dispatch(session);
    }
}

static void envelope_stop(struct session_child *child)
{
    enum command command = child->session->command;

    explanation_stopped(child, envelope_recipient(child->session));
    child->answer = verdict_when_stopped(command);
    child->last_command = command;
    child->status_stopped = command != COMMAND_RCPT;
    child_apply(child, verdict_stop_effect(command));
    child->target = false;
}

/* The fallback is the answer; of a recipient the MTA refuses itself nobody hears: it stays due. */
static void envelope_take_fallback(struct session_child *child)
{
    struct session *session = child->session;
    bool unheard = session->command == COMMAND_RCPT && envelope_recipient_refused_by_mta(session);

    child->answer = unheard ? VERDICT_CONTINUE : child_fallback(child);
    child->fallback_due = unheard;
}

static void envelope_send(struct session_child *child)
{
    struct session *session = child->session;

    if (child->fallback_due) {
        envelope_take_fallback(child);
        return;
    }
    if (session->command == COMMAND_MAIL) {
        counter_increment(&child->tally->messages);
        child->in_message = true;
        child->accepted_recipients = child->refused_recipients = 0;
    }
    switch (child_send(child, session->command, buffer_slice(&session->command_payload))) {
    case MTA_REPLY_OWED:
        session->awaited++;
        break;
    case MTA_NO_REPLY:
    case MTA_NOT_SENT:
        child->answer = VERDICT_CONTINUE;
        break;
    case MTA_OUT_OF_ORDER:
        child_expire(child, CHILD_MISTAKEN, "the command is out of order for this child");
        child->answer = child_fallback(child);
        break;
    }
}

static void envelope_dispatch(struct session *session)
{
    for (unsigned i = 0; i < session->child_count; i++) {
        struct session_child *child = &session->children[i];

        if (!child->target) {
            continue;
        }
        if (child->stopper != NULL && child->state == CHILD_READY) {
            envelope_stop(child);
        } else {
            envelope_send(child);
        }
    }
    if (session->awaited == 0) {
        envelope_finish(session);
    }
}

static void envelope_collected(struct session *session)
{
    if (--session->awaited == 0) {
        envelope_finish(session);
    }
}

void envelope_child_replied(struct session_child *child, const struct reply *reply)
{
    struct session *session = child->session;

    child_answered(child);
    child->answer = reply_verdict(reply);
    child->answer_text = arena_copy(&session->command_arena, session_text_of(reply));
    child_note_status(child, child->answer);
    envelope_collected(session);
}

void envelope_child_failed(struct session_child *child, bool asked)
{
    struct session *session = child->session;

    if (asked) {
        child->fallback_due = true; /* it will be counted when the others are asked */
        if (--session->questions == 0) {
            envelope_dispatch(session);
        }
        return;
    }
    if (session->command == COMMAND_UNKNOWN) {
        child->answer = VERDICT_CONTINUE; /* no effect on the reply (section 18) */
        child->fallback_due = true;
    } else {
        envelope_take_fallback(child);
    }
    envelope_collected(session);
}

/* The child whose answer counts: the strongest, the first in configuration order among equals. */
static struct session_child *envelope_decider(struct session *session, enum verdict *verdict)
{
    struct session_child *decider = NULL;

    *verdict = VERDICT_NONE;
    for (unsigned i = 0; i < session->child_count; i++) {
        struct session_child *child = &session->children[i];
        enum verdict counted = child_counted(child, child->answer);

        if (verdict_stronger(counted, *verdict)) {
            *verdict = counted;
            decider = child;
        }
    }
    return decider;
}

static void envelope_count_recipient(struct session_child *child)
{
    if (child->answer == VERDICT_CONTINUE) {
        child->accepted_recipients++;
    } else if (child->answer != VERDICT_ACCEPT) {
        child->refused_recipients++;
    }
}

/* What each child's own answer means for itself. */
static void envelope_apply_answers(struct session *session)
{
    bool refused_by_mta =
        session->command == COMMAND_RCPT && envelope_recipient_refused_by_mta(session);

    for (unsigned i = 0; i < session->child_count; i++) {
        struct session_child *child = &session->children[i];

        if (!child->target || child->answer == VERDICT_NONE) {
            continue;
        }
        if (session->command == COMMAND_RCPT && !refused_by_mta) {
            envelope_count_recipient(child);
        }
        if (child->answer != VERDICT_CONTINUE) {
            explanation_answered(child, session->command, child->answer,
                                 envelope_recipient(session));
        }
        if (session->command == COMMAND_UNKNOWN && child->answer == VERDICT_ACCEPT) {
            child_leave_message(child);
            continue;
        }
        if (child->answer == VERDICT_DISCARD && session->command <= COMMAND_HELO) {
            log_event(LOG_LEVEL_ERROR,
                      LOG_FIELDS(ABOUT_CHILD(child),
                                 LOG_TEXT("stage", command_info[session->command].name),
                                 LOG_TEXT("verdict", verdict_name(child->answer))),
                      "[children][error][%s] [%u] %s: discard is no answer there: %s",
                      command_info[session->command].name, session->tag,
                      child->configuration->connection_spec, child->configuration->name);
        }
        if (child->state == CHILD_READY) {
            child_apply(child, verdict_child_effect(session->command, child->answer));
        } else if (!child->fallback_due ||
                   verdict_child_effect(session->command, child->answer) != EFFECT_STAY) {
            child->in_message = false; /* it has closed behind its answer */
        }
    }
}

/* After DATA only children with a recipient of their own go on (section 3). */
static void envelope_drop_recipientless(struct session *session)
{
    for (unsigned i = 0; i < session->child_count; i++) {
        struct session_child *child = &session->children[i];

        if (child->in_message && child->accepted_recipients == 0) {
            child_leave_message(child);
        }
    }
}

/*
 * Nobody is concerned.  An accept would end our interest in the session or the
 * message, which a HELO before CONNECT, an unknown command or a recipient the
 * MTA refuses itself must not do.
 */
static enum verdict envelope_nobody_verdict(const struct session *session)
{
    enum verdict verdict = session_nobody_verdict(session);
    bool passing = session->command == COMMAND_UNKNOWN || !session->connected ||
                   (session->command == COMMAND_RCPT && envelope_recipient_refused_by_mta(session));

    return passing && verdict == VERDICT_ACCEPT ? VERDICT_CONTINUE : verdict;
}

/*
 * An accept to the MTA would take the message from every child, also from those
 * that were not asked about a recipient the MTA refuses itself.
 */
static bool envelope_child_goes_on(const struct session *session)
{
    for (unsigned i = 0; i < session->child_count; i++) {
        if (session->children[i].in_message) {
            return true;
        }
    }
    return false;
}

static void envelope_finish(struct session *session)
{
    enum verdict verdict;
    struct session_child *decider = envelope_decider(session, &verdict);
    struct slice text = decider == NULL ? slice_of("", 0) : decider->answer_text;

    envelope_apply_answers(session);
    if (decider == NULL || (verdict == VERDICT_ACCEPT && decider->failed)) {
        verdict = envelope_nobody_verdict(session);
    }
    if (session->command == COMMAND_DATA) {
        session->message.data_done = true;
        envelope_drop_recipientless(session);
    }
    if (verdict == VERDICT_ACCEPT && envelope_child_goes_on(session)) {
        verdict = VERDICT_CONTINUE;
    }
    if (verdict == VERDICT_DISCARD && session->command == COMMAND_RCPT &&
        envelope_recipient_refused_by_mta(session)) {
        verdict = VERDICT_CONTINUE; /* the MTA does not hear it: the message goes on */
    }
    if (session->command == COMMAND_RCPT && envelope_is_kept(session) &&
        (verdict == VERDICT_CONTINUE || verdict == VERDICT_ACCEPT) &&
        !envelope_recipient_refused_by_mta(session)) {
        envelope_keep_recipient(session);
    }
    if (verdict_ends_message(session->command, verdict)) {
        session_message_reset(session);
    }
    if (session->command == COMMAND_DATA && session->waiting) {
        content_after_emulated_data(session, verdict, text);
        return;
    }
    session_reply_verdict(session, verdict, text);
}
