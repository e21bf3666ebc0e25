/*
 * report - what --explain prints.  Only formats; what it prints was found out
 * elsewhere.
 */
#include "milter-manager/explain/report.h"

#include "milter-manager/explain/report_text.h"

/* ---- a milter's headline ---- */

enum fate {
    FATE_DISABLED,
    FATE_NOWHERE,
    FATE_FAILED,
    FATE_RUNS,
    FATE_PARTLY,
    FATE_STOPPED,
    FATE_ANSWERED,
    FATE_NO_RECIPIENT,
    FATE_CUT_OFF,
};

static enum fate report_fate(const struct account_child *child, const unsigned *seen)
{
    if (!child->configuration->enabled) {
        return FATE_DISABLED;
    }
    if (!child->used) {
        return FATE_NOWHERE;
    }
    if (child->failed) {
        return FATE_FAILED;
    }
    if (seen[COMMAND_END_OF_MESSAGE] > 0) {
        return child->recipients_stopped > 0 ? FATE_PARTLY : FATE_RUNS;
    }
    if (child->stopper != NULL) {
        return FATE_STOPPED;
    }
    if (child->answered) {
        return FATE_ANSWERED;
    }
    return child->recipients_stopped > 0 && seen[COMMAND_RCPT] == 0 ? FATE_NO_RECIPIENT
                                                                    : FATE_CUT_OFF;
}

static void report_headline(const struct account_child *child, enum fate fate, struct buffer *text)
{
    buffer_append_format(text, "  %s: ", child->configuration->name);
    switch (fate) {
    case FATE_DISABLED:
        buffer_append_string(text, "DISABLED (milter.enabled is false)");
        break;
    case FATE_NOWHERE:
        buffer_append_string(text, "NOT USED (it has no milter.connection_spec)");
        break;
    case FATE_FAILED:
        buffer_append_format(text, "FAILED at %s: its fallback %s counts",
                             command_info[child->command].name, verdict_name(child->verdict));
        break;
    case FATE_RUNS:
        buffer_append_format(text, "RUNS: sees the message to its end and answers %s",
                             verdict_name(child->verdict));
        break;
    case FATE_PARTLY:
        buffer_append_format(text,
                             "PARTLY: sees the message to its end, but not all recipients, and "
                             "answers %s",
                             verdict_name(child->verdict));
        break;
    case FATE_STOPPED:
        buffer_append_format(text, "STOPPED at %s", condition_stage_name(child->stopper->stage));
        break;
    case FATE_ANSWERED:
        buffer_append_format(text, "ANSWERED %s at %s and sees no more of the message",
                             verdict_name(child->verdict), command_info[child->command].name);
        break;
    case FATE_NO_RECIPIENT:
        buffer_append_string(text, "STOPPED for every recipient");
        break;
    case FATE_CUT_OFF:
        buffer_append_string(text, "CUT OFF: the mail is over before");
        break;
    }
    if (child->answered && child->configuration->evaluation_mode) {
        buffer_append_string(text, " (evaluation mode: not obeyed)");
    }
    buffer_append_byte(text, '\n');
}

/* ---- a milter's details ---- */

/* What a milter saw that did not see everything. */
static void report_seen(const unsigned *seen, struct buffer *text)
{
    const char *separator = " ";

    buffer_append_string(text, "    it has seen:");
    for (unsigned i = COMMAND_CONNECT; i <= COMMAND_END_OF_MESSAGE; i++) {
        if (seen[i] > 0) {
            buffer_append_format(text, "%s%s", separator, command_info[i].name);
            separator = ", ";
        }
        if (seen[i] > 1) {
            buffer_append_format(text, " (%u times)", seen[i]);
        }
    }
    buffer_append_string(text, separator[0] == ' ' ? " nothing\n" : "\n");
}

static void report_asked(const struct account_condition *condition, struct buffer *text)
{
    const char *separator = " asked at ";

    for (unsigned i = 0; i < CONDITION_STAGES; i++) {
        if (condition->asked[i] > 0) {
            buffer_append_format(text, "%s%s", separator,
                                 condition_stage_name((enum condition_stage)i));
            separator = ", ";
        }
        if (condition->asked[i] > 1) {
            buffer_append_format(text, " (%u times)", condition->asked[i]);
        }
    }
    if (separator[0] != ',') {
        buffer_append_string(text, " not asked");
    }
}

/* Some question was answered in time with false. */
static bool report_passes(const struct account_condition *condition)
{
    unsigned asked = 0;

    for (unsigned i = 0; i < CONDITION_STAGES; i++) {
        asked += condition->asked[i];
    }
    return condition->stopper == NULL && asked > condition->troubled;
}

/* said: what a condition means that says true. */
static void report_outcome(const struct account_condition *condition, const char *said,
                           struct buffer *text)
{
    const struct condition_stopper *stopper = condition->stopper;

    if (stopper != NULL) {
        buffer_append_format(text, ", %s at %s (%s:%d)", said, condition_stage_name(stopper->stage),
                             stopper->file, stopper->line);
        if (buffer_length(&condition->stopped_recipients) > 0) {
            buffer_append_string(text, " for");
            report_text_append(buffer_slice(&condition->stopped_recipients), text);
        }
    } else if (report_passes(condition)) {
        buffer_append_string(text, ", lets it pass");
    }
    buffer_append_byte(text, '\n');
}

static void report_troubles(const struct account_condition *condition, struct buffer *text)
{
    unsigned left = condition->troubled;

    for (unsigned i = 0; i < condition->trouble_count; i++) {
        const struct account_trouble *trouble = &condition->troubles[i];

        buffer_append_format(text, "      at %s: ", condition_stage_name(trouble->stage));
        report_text_append(buffer_slice(&trouble->text), text);
        buffer_append_string(text, ": counts as no stop");
        if (trouble->times > 1) {
            buffer_append_format(text, ", %u times", trouble->times);
        }
        buffer_append_byte(text, '\n');
        left -= trouble->times;
    }
    if (left > 0) {
        buffer_append_format(text, "      and %u more such: the log has them\n", left);
    }
}

static void report_conditions(const struct account *account, const struct account_child *child,
                              const char *said, struct buffer *text)
{
    for (unsigned i = 0; i < child->configuration->condition_count; i++) {
        const struct account_condition *condition = &child->conditions[i];
        const char *description =
            configuration_condition_description(account->configuration, condition->name);

        buffer_append_format(text, "    condition \"%s\":", condition->name);
        report_asked(condition, text);
        report_outcome(condition, said, text);
        report_troubles(condition, text);
        if (description != NULL && condition->stopper != NULL) {
            buffer_append_string(text, "      ");
            report_text_append(slice_from_string(description), text);
            buffer_append_byte(text, '\n');
        }
    }
}

static void report_macros(const struct account_child *child, struct buffer *text)
{
    struct slice rest = buffer_slice(&child->macros);
    struct slice line;

    while (slice_take_string(&rest, &line)) {
        buffer_append_string(text, "    macro set by a condition: ");
        report_text_append(line, text);
        buffer_append_byte(text, '\n');
    }
}

static void report_child(const struct account *account, const struct account_child *child,
                         const struct virtual_child *virtual, struct buffer *text)
{
    enum fate fate = report_fate(child, virtual->seen);

    report_headline(child, fate, text);
    if (!child->used) {
        return;
    }
    report_conditions(account, child, "stops it", text);
    report_macros(child, text);
    if (fate != FATE_RUNS && fate != FATE_PARTLY) {
        report_seen(virtual->seen, text);
    }
}

static void report_children(const struct account *account, const struct play *play,
                            struct buffer *text)
{
    buffer_append_string(text, "\nMilters, in the order of the configuration:\n");
    for (unsigned i = 0; i < play->child_count; i++) {
        report_child(account, &account->children[i], &play->children[i], text);
    }
    if (play->child_count == 0) {
        buffer_append_string(text, "  none\n");
    }
}

static void report_recording(const struct account *account, struct buffer *text)
{
    const char *directory = account->configuration->manager.record_sessions;

    if (directory == NULL) {
        return;
    }
    buffer_append_format(text, "\nRecording (manager.record_sessions = \"%s\"):\n  %s\n", directory,
                         account->recorded ? "the session would be kept"
                                           : "the session would not be kept");
    report_conditions(account, &account->recording, "is against it", text);
}

/* ---- decisions ---- */

static void report_decisions(const struct account *account, struct buffer *text)
{
    struct slice rest = buffer_slice(&account->decisions);
    size_t start = 0;

    buffer_append_string(text, "\nDecisions, as the log has them at level info:\n");
    for (size_t i = 0; i < rest.length; i++) {
        if (rest.data[i] == '\n') {
            buffer_append_string(text, "  ");
            report_text_append(slice_of(rest.data + start, i - start), text);
            buffer_append_byte(text, '\n');
            start = i + 1;
        }
    }
    if (rest.length == 0) {
        buffer_append_string(text, "  none\n");
    }
}

/* ---- the mail server ---- */

/* What the last answer means. */
static const char *const report_ends[] = {
    [VERDICT_NONE] = "the mail is not through",
    [VERDICT_ACCEPT] = "the mail passes",
    [VERDICT_SKIP] = "the mail passes",
    [VERDICT_CONTINUE] = "the mail passes",
    [VERDICT_TEMPORARY_FAILURE] = "the mail is refused for now",
    [VERDICT_REJECT] = "the mail is refused",
    [VERDICT_DISCARD] = "the mail is taken and thrown away",
};

static void report_answers(const struct virtual_mta *mta, struct buffer *text)
{
    buffer_append_string(text, "\nThe mail server is answered:\n");
    for (unsigned i = 0; i < mta->answer_count; i++) {
        const struct virtual_answer *answer = &mta->answers[i];

        buffer_append_format(text, "  %s: %s", command_info[answer->command].name,
                             verdict_name(answer->verdict));
        if (answer->recipient.length > 0) {
            buffer_append_string(text, " for ");
            report_text_append(answer->recipient, text);
        }
        buffer_append_byte(text, '\n');
    }
    if (mta->answer_count > 0) {
        buffer_append_format(text, "  so %s\n",
                             report_ends[mta->answers[mta->answer_count - 1].verdict]);
    }
}

void report_format(const struct scenario *scenario, const struct account *account,
                   const struct play *play, struct buffer *text)
{
    report_text_scenario(scenario, text);
    report_children(account, play, text);
    report_recording(account, text);
    report_decisions(account, text);
    report_answers(&play->mta, text);
}
