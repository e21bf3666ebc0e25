/*
 * account - what is heard about the milters while a scenario is played.  Owns
 * the lists; names and places are the configuration's.
 */
#include "milter-manager/explain/account.h"

#include "libcore/base/memory.h"

#include <stdlib.h>

/* index: as for configuration_child_condition. */
static void account_child_init(struct account_child *child,
                               const struct configuration *configuration,
                               const struct configuration_child *configured, unsigned index)
{
    *child = (struct account_child){.configuration = configured};
    child->conditions = memory_new(configured->condition_count, sizeof(*child->conditions));
    for (unsigned i = 0; i < configured->condition_count; i++) {
        child->conditions[i].name = configuration_child_condition(configuration, index, i);
    }
}

static void account_child_clear(struct account_child *child)
{
    for (unsigned i = 0; i < child->configuration->condition_count; i++) {
        buffer_clear(&child->conditions[i].stopped_recipients);
        for (unsigned k = 0; k < child->conditions[i].trouble_count; k++) {
            buffer_clear(&child->conditions[i].troubles[k].text);
        }
    }
    free(child->conditions);
    buffer_clear(&child->macros);
}

void account_init(struct account *account, const struct configuration *configuration)
{
    *account = (struct account){.configuration = configuration};
    account->children = memory_new(configuration->child_count, sizeof(*account->children));
    for (unsigned i = 0; i < configuration->child_count; i++) {
        account_child_init(&account->children[i], configuration, &configuration->children[i], i);
    }
    account_child_init(&account->recording, configuration, &configuration->recording,
                       CONFIGURATION_RECORDING);
}

void account_clear(struct account *account)
{
    for (unsigned i = 0; i < account->configuration->child_count; i++) {
        account_child_clear(&account->children[i]);
    }
    account_child_clear(&account->recording);
    free(account->children);
    buffer_clear(&account->decisions);
}

struct account_child *account_child_of(struct account *account, const struct session_child *child)
{
    if (child->configuration == &account->configuration->recording) {
        return NULL;
    }
    return &account->children[child->configuration - account->configuration->children];
}

/* ---- decisions */

static struct account_condition *account_find_condition(struct account_child *child,
                                                        struct slice name)
{
    for (unsigned i = 0; i < child->configuration->condition_count; i++) {
        if (slice_equal_string(name, child->conditions[i].name)) {
            return &child->conditions[i];
        }
    }
    return NULL;
}

static void account_stop_recipient(struct account_child *child, const struct explanation *told)
{
    struct account_condition *condition =
        account_find_condition(child, slice_from_string(told->stopper->condition));

    child->recipients_stopped++;
    if (condition != NULL) {
        buffer_append_byte(&condition->stopped_recipients, ' ');
        buffer_append_slice(&condition->stopped_recipients, told->recipient);
    }
}

void account_take_explanation(struct account *account, const struct explanation *explanation)
{
    struct account_child *child = account_child_of(account, explanation->child);

    explanation_format(explanation, &account->decisions);
    buffer_append_byte(&account->decisions, '\n');
    if (child == NULL) {
        return;
    }
    if (explanation->stopper == NULL) {
        child->answered = true;
        child->failed |= explanation->child->failed;
        child->command = explanation->command;
        child->verdict = explanation->verdict;
    } else if (explanation->stopper->stage == CONDITION_ENVELOPE_RECIPIENT) {
        account_stop_recipient(child, explanation);
    } else {
        child->stopper = explanation->stopper;
    }
}

/* ---- conditions */

/* Whom a question is about: a milter, or the recording. */
static struct account_child *account_child_of_context(struct account *account, uint64_t context)
{
    const struct session *session = account->session;

    for (unsigned i = 0; session != NULL && i < session->child_count; i++) {
        if (session->children[i].context == context) {
            return account_child_of(account, &session->children[i]);
        }
    }
    return &account->recording;
}

static struct account_trouble *account_find_trouble(struct account_condition *condition,
                                                    const struct condition_remark *remark)
{
    for (unsigned i = 0; i < condition->trouble_count; i++) {
        struct account_trouble *trouble = &condition->troubles[i];

        if (trouble->stage == remark->stage &&
            slice_equal(buffer_slice(&trouble->text), remark->text)) {
            return trouble;
        }
    }
    return NULL;
}

static void account_take_trouble(struct account_condition *condition,
                                 const struct condition_remark *remark)
{
    struct account_trouble *trouble = account_find_trouble(condition, remark);

    condition->troubled++;
    if (trouble == NULL && condition->trouble_count < ACCOUNT_TROUBLES) {
        trouble = &condition->troubles[condition->trouble_count++];
        trouble->stage = remark->stage;
        buffer_append_slice(&trouble->text, remark->text);
    }
    if (trouble != NULL) {
        trouble->times++;
    }
}

void account_take_remark(struct account *account, const struct condition_remark *remark)
{
    struct account_child *child = account_child_of_context(account, remark->context);
    struct account_condition *condition = account_find_condition(child, remark->condition);

    if (condition == NULL) {
        return;
    }
    condition->asked[remark->stage]++;
    switch (remark->outcome) {
    case CONDITION_PASSED:
        break;
    case CONDITION_STOPPED:
        condition->stopper = remark->stopper;
        break;
    case CONDITION_RAISED:
    case CONDITION_TIMED_OUT:
        account_take_trouble(condition, remark);
        break;
    }
}

void account_take_macro(struct account *account, const struct session_child *child,
                        enum command stage, struct slice name, struct slice value)
{
    struct account_child *account_child = account_child_of(account, child);

    if (account_child != NULL) {
        buffer_append_format(&account_child->macros, "%.*s = \"%.*s\" at %s", (int)name.length,
                             name.data, (int)value.length, value.data, command_info[stage].name);
        buffer_append_byte(&account_child->macros, '\0');
    }
}
