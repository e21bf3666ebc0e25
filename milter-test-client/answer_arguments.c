/*
 * answer_arguments - the options that say what is answered.  Keeps what they
 * say until it is taken.
 */
#include "milter-test-client/answer_arguments.h"

#include "milter-test-client/edit_options.h"
#include "milter-test-client/policy_options.h"

static struct policy given;

struct policy answer_arguments_take(void)
{
    struct policy taken = given;

    given = (struct policy){0};
    return taken;
}

/* An option whose value a function of policy_options or edit_options takes. */
#define TAKES(function)                                                                            \
    static bool take_##function(void *target, const char *value, struct error *error)              \
    {                                                                                              \
        return function(target, value, error);                                                     \
    }
#define TAKES_FAULT(function, kind)                                                                \
    static bool function(void *target, const char *value, struct error *error)                     \
    {                                                                                              \
        return policy_options_fault(target, kind, value, error);                                   \
    }
#define OPTION(option, function, value, text)                                                      \
    {                                                                                              \
        .name = (option), .kind = OPTION_CALLBACK, .target = &given, .callback = (function),       \
        .argument = (value), .help = (text)                                                        \
    }

TAKES(policy_options_action)

const struct option_entry action_entries[] = {
    OPTION("action", take_policy_options_action, "STAGE[:PATTERN]=VERDICT",
           "answer so where the pattern fits, else continue; the first that fits counts. STAGE: "
           "connect, helo, envelope-from, envelope-recipient, data, unknown, header, "
           "end-of-header, body, end-of-message. VERDICT: accept, reject, temporary-failure, "
           "discard, skip, continue, 'reply:550 5.7.1 TEXT'"),
    {0},
};

TAKES(edit_options_add_header)
TAKES(edit_options_insert_header)
TAKES(edit_options_change_header)
TAKES(edit_options_delete_header)
TAKES(edit_options_change_from)
TAKES(edit_options_add_recipient)
TAKES(edit_options_delete_recipient)
TAKES(edit_options_replace_body)
TAKES(edit_options_quarantine)
TAKES(policy_options_progress)

const struct option_entry edit_entries[] = {
    OPTION("add-header", take_edit_options_add_header, "NAME:VALUE", "add a header field"),
    OPTION("insert-header", take_edit_options_insert_header, "N:NAME:VALUE",
           "insert a header field at position N"),
    OPTION("change-header", take_edit_options_change_header, "N:NAME:VALUE",
           "change the Nth field of that name"),
    OPTION("delete-header", take_edit_options_delete_header, "N:NAME",
           "delete the Nth field of that name"),
    OPTION("change-from", take_edit_options_change_from, "ADDRESS",
           "change the envelope sender; 'ADDRESS ARGUMENTS' gives ESMTP arguments as well"),
    OPTION("add-recipient", take_edit_options_add_recipient, "ADDRESS",
           "add a recipient; 'ADDRESS ARGUMENTS' gives ESMTP arguments as well"),
    OPTION("delete-recipient", take_edit_options_delete_recipient, "ADDRESS", "delete a recipient"),
    OPTION("replace-body", take_edit_options_replace_body, "FILE",
           "replace the body by what is in the file"),
    OPTION("quarantine", take_edit_options_quarantine, "REASON", "quarantine the message"),
    OPTION("progress", take_policy_options_progress, "DURATION",
           "send PROGRESS so often while the end of message is delayed; one without a delay"),
    {0},
};

TAKES(policy_options_version)
TAKES(policy_options_answer_actions)
TAKES(policy_options_answer_steps)
TAKES(policy_options_request_macros)

const struct option_entry negotiation_entries[] = {
    OPTION("negotiate-version", take_policy_options_version, "N",
           "speak that version of the protocol at most, 2 to 6"),
    OPTION("negotiate-actions", take_policy_options_answer_actions, "LIST",
           "ask for these actions as far as they are offered: names joined with | or a comma, all, "
           "none, 0x...; !NAME is claimed even if it is not offered (default all)"),
    OPTION("negotiate-steps", take_policy_options_answer_steps, "LIST",
           "the same for the steps (default skip)"),
    OPTION("request-macros", take_policy_options_request_macros, "STAGE:NAMES",
           "ask for these macros at that stage, and for no others"),
    {0},
};

TAKES(policy_options_delay)
TAKES(policy_options_fail_every)
TAKES_FAULT(take_close, FAULT_CLOSE)
TAKES_FAULT(take_garbage, FAULT_GARBAGE)
TAKES_FAULT(take_partial, FAULT_PARTIAL)
TAKES_FAULT(take_hang, FAULT_HANG)

const struct option_entry fault_entries[] = {
    OPTION("delay", take_policy_options_delay, "STAGE[:PATTERN]=DURATION[+-JITTER]",
           "answer only after that time; here and below STAGE may also be negotiate"),
    OPTION("close", take_close, "STAGE[:PATTERN]", "close the connection instead of answering"),
    OPTION("garbage", take_garbage, "STAGE[:PATTERN]",
           "send bytes that are no packet instead of answering"),
    OPTION("partial", take_partial, "STAGE[:PATTERN]",
           "send the first half of the answer, then nothing"),
    OPTION("hang", take_hang, "STAGE[:PATTERN]", "never answer"),
    OPTION("fail-every", take_policy_options_fail_every, "N",
           "let the faults happen in every Nth session only; without any, close that one at the "
           "end of the message"),
    {0},
};
