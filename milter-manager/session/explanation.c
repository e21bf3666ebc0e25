/*
 * explanation - why a child saw a mail or did not.  Only tells and counts; owns nothing.
 */
#include "milter-manager/session/explanation.h"

#include "libcore/base/log.h"
#include "milter-manager/control/tally.h"
#include "milter-manager/session/about.h"

static void explanation_tell(const struct explanation *explanation)
{
    const struct session *session = explanation->child->session;
    struct buffer text = {0};
    struct slice line;

    if (session->host->explained != NULL) {
        session->host->explained(explanation);
    }
    if (!log_wants(LOG_LEVEL_INFO)) {
        return;
    }
    explanation_format(explanation, &text);
    line = buffer_slice(&text);
    log_event(
        LOG_LEVEL_INFO,
        LOG_FIELDS(ABOUT_CHILD(explanation->child),
                   LOG_TEXT("stage", command_info[explanation->command].name),
                   LOG_TEXT("verdict", explanation->stopper != NULL
                                           ? "stop"
                                           : verdict_name(explanation->verdict)),
                   LOG_TEXT("condition",
                            explanation->stopper != NULL ? explanation->stopper->condition : NULL),
                   LOG_SLICE("recipient", explanation->recipient)),
        "[explain] [%u] %.*s", session->tag, (int)line.length, line.data);
    buffer_clear(&text);
}

void explanation_stopped(struct session_child *child, struct slice recipient)
{
    counter_increment(&child->tally->stopped[child->stopper->stage]);
    explanation_tell(&(struct explanation){.child = child,
                                           .stopper = child->stopper,
                                           .command = child->session->command,
                                           .recipient = recipient});
}

void explanation_answered(struct session_child *child, enum command command, enum verdict verdict,
                          struct slice recipient)
{
    explanation_tell(&(struct explanation){
        .child = child, .command = command, .recipient = recipient, .verdict = verdict});
}

void explanation_switched_off(struct session *session, const struct configuration_child *child)
{
    const struct session_child absent = {.session = session, .configuration = child};

    explanation_tell(&(struct explanation){
        .child = &absent, .command = COMMAND_NEGOTIATE, .switched_off = true});
}

void explanation_format(const struct explanation *explanation, struct buffer *text)
{
    const struct session_child *child = explanation->child;
    const struct condition_stopper *stopper = explanation->stopper;

    buffer_append_format(text, "milter \"%s\" ", child->configuration->name);
    if (explanation->switched_off) {
        buffer_append_string(text, "is switched off by the operator");
    } else if (stopper != NULL) {
        buffer_append_format(text, "is stopped at %s by the condition \"%s\" (%s:%d)",
                             condition_stage_name(stopper->stage), stopper->condition,
                             stopper->file, stopper->line);
    } else {
        buffer_append_format(
            text, child->failed ? "failed at %s: its fallback %s counts" : "answered at %s: %s",
            command_info[explanation->command].name, verdict_name(explanation->verdict));
        buffer_append_string(
            text, child->configuration->evaluation_mode ? " (evaluation mode: not obeyed)" : "");
    }
    if (explanation->recipient.length > 0) {
        buffer_append_string(text, " for ");
        buffer_append_slice(text, explanation->recipient);
    }
}
