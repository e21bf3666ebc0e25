/*
 * child - one child milter in one session: life, failure, fallback, time.
 *
 * Owns the mta machine and the macros conditions have set.  It never decides
 * about other children: what a failure means for the MTA is decided by
 * negotiate.c, envelope.c and content.c.
 */
#include "milter-manager/session/child.h"

#include "libcore/base/log.h"
#include "libcore/wire/macro.h"
#include "milter-manager/session/context_handle.h"
#include "milter-manager/session/statistics.h"

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
    static unsigned last_tag;

    *child = (struct session_child){.session = session, .configuration = configuration};
    child->tag = ++last_tag;
    child->busy_since = session->host->now(session);
    child->stoppers = child_stopper_stages(configuration);
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

void child_expire(struct session_child *child, const char *what, const char *cause)
{
    log_error("[children][%s][%s][%s] [%u] %s: %s", what, command_info[child->last_command].name,
              verdict_name(child->configuration->fallback_status), child->session->tag, cause,
              child->configuration->name);
    child->failed = true;
    child_note_status(child, child->configuration->fallback_status);
    child_disconnect(child, false);
    statistics_child_end(child);
}

enum verdict child_fallback(const struct session_child *child)
{
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
