/*
 * child - one child milter in one session: life, failure, fallback, time.
 *
 * Owns the mta machine and the macros conditions have set.  It never decides
 * about other children: what a failure means for the MTA is decided by
 * negotiate.c, envelope.c and content.c.
 */
#include "milter-manager/session/child.h"

#include "libcore/wire/macro.h"
#include "milter-manager/board.h"
#include "milter-manager/child/health.h"
#include "milter-manager/control/tally.h"
#include "milter-manager/session/about.h"
#include "milter-manager/session/context_handle.h"
#include "milter-manager/session/statistics.h"

#include <stdio.h>

static uint32_t child_stopper_stages(const struct configuration_child *configuration)
{
    uint32_t stages = 0;

    for (unsigned i = 0; i < configuration->condition_count; i++) {
        for (unsigned stage = 0; stage < CONDITION_STAGES; stage++) {
            if (condition_has_stopper(configuration->conditions[i], (enum condition_stage)stage)) {
                stages |= (uint32_t)1 << stage;
            }
        }
    }
    return stages;
}

void child_init(struct session_child *child, struct session *session,
                const struct configuration_child *configuration)
{
    *child = (struct session_child){.session = session, .configuration = configuration};
    child->tag = board_next(BOARD_MILTER_TAG);
    child->busy_since = session->host->now(session);
    child->stoppers = child_stopper_stages(configuration);
    child->tally = tally_child(configuration->name,
                               (unsigned)(configuration - session->configuration->children));
    mta_init(&child->mta, NULL);
}

void child_clear(struct session_child *child)
{
    context_handle_release(child);
    macro_store_clear(&child->overlay);
    mta_clear(&child->mta);
}

bool child_alive(const struct session_child *child)
{
    return child->state == CHILD_READY || child->fallback_due;
}

bool child_has_stopper(const struct session_child *child, enum condition_stage stage)
{
    return child->state == CHILD_READY && (child->stoppers & (uint32_t)1 << stage) != 0;
}

/* The stage's set as this child is to see it: the MTA's, with what conditions have set. */
static struct slice child_macros(struct session_child *child, enum command stage)
{
    struct slice given = macro_store_get(&child->session->front.macros, stage);
    struct slice overlay = macro_store_get(&child->overlay, stage);
    struct buffer *merged = &child->session->scratch;
    struct slice name, value, ignored;

    if ((child->macros_due & (uint32_t)1 << stage) == 0) {
        return slice_of(NULL, 0);
    }
    child->macros_due &= ~((uint32_t)1 << stage);
    if (overlay.length == 0) {
        return given;
    }
    buffer_reset(merged);
    while (macro_pair_next(&given, &name, &value)) {
        if (!macro_pair_find(overlay, name, &ignored)) {
            macro_pair_append(merged, name, value);
        }
    }
    buffer_append_slice(merged, overlay);
    return buffer_slice(merged);
}

static double child_reply_timeout(const struct session_child *child, enum command command)
{
    return command == COMMAND_END_OF_MESSAGE ? child->configuration->end_of_message_timeout
                                             : child->configuration->reading_timeout;
}

enum mta_sent child_send(struct session_child *child, enum command command, struct slice payload)
{
    const struct session_host *host = child->session->host;
    enum mta_sent sent = mta_command(&child->mta, command, payload, child_macros(child, command));

    child->last_command = command;
    child->status_stopped = child->status_aborted = false;
    if (sent == MTA_REPLY_OWED) {
        child->awaiting = true;
        child->busy_since = host->now(child->session);
        host->expect_child(child, child_reply_timeout(child, command));
    }
    return sent;
}

void child_answered(struct session_child *child)
{
    const struct session_host *host = child->session->host;

    if (child->awaiting) {
        child->awaiting = false;
        child->busy_time += host->now(child->session) - child->busy_since;
    }
    host->expect_child(child, 0);
}

void child_count(struct session_child *child, enum mta_result result, enum command command,
                 const struct reply *reply)
{
    if (result == MTA_EDIT) {
        if (reply->kind != REPLY_PROGRESS) {
            counter_increment(&child->tally->edits[reply->kind]);
        }
        return;
    }
    if (result == MTA_REPLY) {
        counter_increment(&child->tally->verdicts[command][reply_verdict(reply)]);
    }
    tally_reply_time(child->tally, command,
                     child->session->host->now(child->session) - child->busy_since);
}

enum condition_answer child_ask(struct session_child *child, struct condition_question *question,
                                condition_answered_fn *answered)
{
    question->context = context_handle_of(child);
    child->busy_since = child->session->host->now(child->session);
    return condition_ask(child->configuration->conditions, child->configuration->condition_count,
                         question, answered, child, &child->ticket, &child->stopper);
}

void child_apply(struct session_child *child, enum verdict_effect effect)
{
    switch (effect) {
    case EFFECT_STAY:
        break;
    case EFFECT_LEAVE_MESSAGE:
        child_leave_message(child);
        break;
    case EFFECT_QUIT:
        child_quit(child);
        break;
    }
}

void child_leave_message(struct session_child *child)
{
    if (child->ticket != NULL) {
        condition_cancel(child->ticket);
        child->ticket = NULL;
    }
    if (child->state == CHILD_READY) {
        if (child->awaiting) {
            child_answered(child);
        }
        if (position_in_message(child->mta.position) && mta_owed(&child->mta)) {
            child->status_aborted = true;
        }
        mta_abort(&child->mta);
    }
    child->in_message = false;
}

static void child_disconnect(struct session_child *child, bool graceful)
{
    bool linked = child->state != CHILD_OUT;

    if (child->ticket != NULL) {
        condition_cancel(child->ticket);
        child->ticket = NULL;
    }
    child_answered(child);
    if (child->state == CHILD_NEGOTIATING || child->state == CHILD_READY) {
        counter_decrement(&child->tally->connections_open);
    }
    child->state = CHILD_OUT;
    if (linked) {
        child->session->host->disconnect_child(child, graceful);
    }
    child->mta.output = NULL;
}

void child_quit(struct session_child *child)
{
    if (child->state == CHILD_READY) {
        child_leave_message(child);
        mta_quit(&child->mta);
        child_disconnect(child, true);
    } else if (child->state != CHILD_OUT) {
        child_disconnect(child, false);
    }
    child->in_message = false;
    child->fallback_due = false;
    statistics_child_end(child);
}

/* Words of the log, and what is counted; timeout: TALLY_TIMEOUTS for none. */
static const struct {
    const char *words;
    enum tally_failure reason;
    enum tally_timeout timeout;
} child_failures[CHILD_FAILURES] = {
    [CHILD_UNREACHABLE] = {"error", TALLY_FAILED_CONNECT, TALLY_TIMEOUTS},
    [CHILD_CLOSED] = {"error", TALLY_FAILED_CLOSED, TALLY_TIMEOUTS},
    [CHILD_BROKEN] = {"error", TALLY_FAILED_IO, TALLY_TIMEOUTS},
    [CHILD_MISTAKEN] = {"error", TALLY_FAILED_PROTOCOL, TALLY_TIMEOUTS},
    [CHILD_LATE_CONNECTING] = {"timeout][connection", TALLY_FAILED_TIMEOUT,
                               TALLY_TIMEOUT_CONNECTION},
    [CHILD_LATE_WRITING] = {"timeout][writing", TALLY_FAILED_TIMEOUT, TALLY_TIMEOUT_WRITING},
    [CHILD_LATE_READING] = {"timeout][reading", TALLY_FAILED_TIMEOUT, TALLY_TIMEOUT_READING},
    [CHILD_LATE_AT_END] = {"timeout][end-of-message", TALLY_FAILED_TIMEOUT,
                           TALLY_TIMEOUT_END_OF_MESSAGE},
};

static void child_count_failure(struct session_child *child, enum child_failure failure)
{
    counter_increment(&child->tally->failures[child->last_command][child_failures[failure].reason]);
    if (child_failures[failure].timeout != TALLY_TIMEOUTS) {
        counter_increment(&child->tally->timeouts[child_failures[failure].timeout]);
    }
}

static void child_copy(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from == NULL ? "" : from);
}

/* Whether it becomes a line of the log at once depends on what else has failed. */
static void child_tell_failure(const struct session_child *child, const char *what,
                               const char *cause)
{
    const struct configuration_child *configuration = child->configuration;
    struct session *session = child->session;
    double now = session->host->now(session);
    struct health_failure failure = {.time = time(NULL), .session = session->tag};

    child_copy(failure.child, sizeof(failure.child), configuration->name);
    child_copy(failure.endpoint, sizeof(failure.endpoint), configuration->connection_spec);
    child_copy(failure.stage, sizeof(failure.stage), command_info[child->last_command].name);
    child_copy(failure.cause, sizeof(failure.cause), cause);
    child_copy(failure.fallback, sizeof(failure.fallback),
               verdict_name(configuration->fallback_status));
    health_failed(
        &failure, what, child->state != CHILD_READY, now,
        LOG_FIELDS(ABOUT_CHILD(child), LOG_TEXT("stage", failure.stage), LOG_TEXT("error", cause),
                   LOG_TEXT("fallback", failure.fallback),
                   LOG_SECONDS("elapsed", child->awaiting ? now - child->busy_since : -1)));
}

void child_expire(struct session_child *child, enum child_failure failure, const char *cause)
{
    child_tell_failure(child, child_failures[failure].words, cause);
    child_count_failure(child, failure);
    child->failed = true;
    child_note_status(child, child->configuration->fallback_status);
    child_disconnect(child, false);
    statistics_child_end(child);
}

enum verdict child_fallback(struct session_child *child)
{
    counter_increment(&child->tally->fallbacks[child->configuration->fallback_status]);
    return child->configuration->fallback_status;
}

enum verdict child_counted(const struct session_child *child, enum verdict verdict)
{
    bool decisive = verdict == VERDICT_REJECT || verdict == VERDICT_TEMPORARY_FAILURE ||
                    verdict == VERDICT_DISCARD;

    return child->configuration->evaluation_mode && decisive ? VERDICT_ACCEPT : verdict;
}

void child_note_status(struct session_child *child, enum verdict verdict)
{
    child->status = verdict;
}

void child_message_reset(struct session_child *child)
{
    child->in_message = false;
    child->accepted_recipients = child->refused_recipients = 0;
    for (unsigned stage = COMMAND_MAIL; stage < COMMANDS; stage++) {
        buffer_reset(&child->overlay.sets[stage]);
    }
    child->macros_due &= ((uint32_t)1 << COMMAND_MAIL) - 1;
}
