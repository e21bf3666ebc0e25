/*
 * policy - what milter-test-client answers.  Pure functions on the tables.
 */
#include "milter-test-client/policy.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- patterns */

static bool glob_character_fits(char pattern, char text)
{
    return pattern == '?' || tolower((unsigned char)pattern) == tolower((unsigned char)text);
}

/* Going back to the last '*' is enough: what an earlier one took can never have to change. */
bool policy_glob(struct slice pattern, struct slice text)
{
    size_t p = 0, t = 0;
    size_t star = pattern.length, star_text = 0;

    while (t < text.length) {
        if (p < pattern.length && pattern.data[p] == '*') {
            star = p++;
            star_text = t;
        } else if (p < pattern.length && glob_character_fits(pattern.data[p], text.data[t])) {
            p++;
            t++;
        } else if (star < pattern.length) {
            p = star + 1;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.length && pattern.data[p] == '*') {
        p++;
    }
    return p == pattern.length;
}

/* The pattern with a '*' at both ends. */
static bool contains(struct slice pattern, struct slice text)
{
    struct buffer wide = {0};
    bool fits;

    buffer_append_byte(&wide, '*');
    buffer_append_slice(&wide, pattern);
    buffer_append_byte(&wide, '*');
    fits = policy_glob(buffer_slice(&wide), text);
    buffer_clear(&wide);
    return fits;
}

typedef bool text_fits_fn(struct slice pattern, const struct command_packet *command,
                          bool leading_space);

static bool connect_fits(struct slice pattern, const struct command_packet *command,
                         bool leading_space)
{
    static const char prefix[] = "IPv6:";
    struct slice address = command->connect.address;

    (void)leading_space;
    if (policy_glob(pattern, command->connect.host) || policy_glob(pattern, address)) {
        return true;
    }
    if (address.length < strlen(prefix) || strncasecmp(address.data, prefix, strlen(prefix)) != 0) {
        return false;
    }
    slice_skip(&address, strlen(prefix));
    return policy_glob(pattern, address);
}

static bool text_fits(struct slice pattern, const struct command_packet *command,
                      bool leading_space)
{
    (void)leading_space;
    return policy_glob(pattern, command->text);
}

static bool data_fits(struct slice pattern, const struct command_packet *command,
                      bool leading_space)
{
    (void)leading_space;
    return contains(pattern, command->text);
}

static bool envelope_fits(struct slice pattern, const struct command_packet *command,
                          bool leading_space)
{
    struct slice address = command->envelope.address;

    (void)leading_space;
    if (policy_glob(pattern, address)) {
        return true;
    }
    if (address.length < 2 || address.data[0] != '<' || address.data[address.length - 1] != '>') {
        return false;
    }
    return policy_glob(pattern, slice_of(address.data + 1, address.length - 2));
}

static bool header_fits(struct slice pattern, const struct command_packet *command,
                        bool leading_space)
{
    struct buffer text = {0};
    bool fits;

    buffer_append_slice(&text, command->header.name);
    buffer_append_string(&text, leading_space ? ":" : ": ");
    buffer_append_slice(&text, command->header.value);
    fits = policy_glob(pattern, buffer_slice(&text));
    buffer_clear(&text);
    return fits;
}

static text_fits_fn *const stage_texts[COMMANDS] = {
    [COMMAND_CONNECT] = connect_fits, [COMMAND_HELO] = text_fits,
    [COMMAND_MAIL] = envelope_fits,   [COMMAND_RCPT] = envelope_fits,
    [COMMAND_UNKNOWN] = text_fits,    [COMMAND_HEADER] = header_fits,
    [COMMAND_BODY] = data_fits,       [COMMAND_END_OF_MESSAGE] = data_fits,
};

bool policy_stage_has_text(enum command stage)
{
    return stage_texts[stage] != NULL;
}

bool policy_matches(const struct policy_match *match, const struct command_packet *command,
                    bool leading_space)
{
    if (match->stage != command->command) {
        return false;
    }
    return match->pattern.data == NULL ||
           stage_texts[match->stage](match->pattern, command, leading_space);
}

/* ---- questions */

struct reply policy_reply(const struct policy *policy, const struct command_packet *command,
                          bool leading_space)
{
    for (size_t i = 0; i < policy->action_count; i++) {
        if (policy_matches(&policy->actions[i].match, command, leading_space)) {
            return policy->actions[i].reply;
        }
    }
    return (struct reply){.kind = REPLY_CONTINUE};
}

enum policy_fault policy_fault(const struct policy *policy, const struct command_packet *command,
                               bool leading_space, unsigned long session)
{
    if (policy->fail_every > 0 && session % policy->fail_every != 0) {
        return FAULT_NONE;
    }
    for (size_t i = 0; i < policy->fault_count; i++) {
        if (policy_matches(&policy->faults[i].match, command, leading_space)) {
            return policy->faults[i].fault;
        }
    }
    /* Without a fault of its own --fail-every has this one. */
    return policy->fail_every > 0 && policy->fault_count == 0 &&
                   command->command == COMMAND_END_OF_MESSAGE
               ? FAULT_CLOSE
               : FAULT_NONE;
}

double policy_delay(const struct policy *policy, const struct command_packet *command,
                    bool leading_space, double random)
{
    for (size_t i = 0; i < policy->delay_count; i++) {
        const struct policy_delay *delay = &policy->delays[i];

        if (policy_matches(&delay->match, command, leading_space)) {
            double seconds = delay->seconds + delay->jitter * (2 * random - 1);

            return seconds > 0 ? seconds : 0;
        }
    }
    return 0;
}

/* ---- negotiation */

static uint32_t answer_flags(const struct policy_flags *flags, uint32_t offered, uint32_t fallback)
{
    return flags->given ? (offered & flags->kept) | flags->claimed : fallback;
}

/* MTAs read the lists in ascending order of their stage numbers. */
static void append_macro_lists(const struct policy *policy, struct buffer *lists)
{
    enum command stage;

    for (uint32_t number = 0; negotiation_list_stage(number, &stage); number++) {
        if (policy->requested_at[stage]) {
            negotiation_list_append(lists, stage, buffer_slice(&policy->requested[stage]));
        }
    }
}

struct negotiation policy_negotiate(const struct policy *policy, const struct negotiation *offer,
                                    struct buffer *lists)
{
    /* All actions, but every event and every reply, and values without their blank. */
    const uint32_t unwanted =
        STEP_RCPT_REJECTED | STEP_HEADER_LEADING_SPACE | STEP_NO_EVENT | STEP_NO_REPLY;
    bool older = policy->version != 0 && policy->version < offer->version;
    /* Who wants to be older does not ask for what is newer, unless it is told to. */
    uint32_t actions = offer->actions & (older ? ACTION_VERSION_2 : ~(uint32_t)0);
    uint32_t steps = offer->steps & ~unwanted & (older ? 0 : ~(uint32_t)0);
    struct negotiation answer = {
        .version = older ? policy->version : offer->version,
        .actions = answer_flags(&policy->answer_actions, offer->actions, actions),
        .steps = answer_flags(&policy->answer_steps, offer->steps, steps),
    };

    if (policy->requests_macros) {
        answer.actions |= offer->actions & ACTION_SET_MACRO_LIST;
        if ((answer.actions & ACTION_SET_MACRO_LIST) != 0) {
            append_macro_lists(policy, lists);
        }
    }
    answer.macro_lists = buffer_slice(lists);
    return answer;
}

/* ---- the rest */

void policy_clear(struct policy *policy)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        buffer_clear(&policy->requested[i]);
    }
    arena_clear(&policy->arena);
    free(policy->actions);
    free(policy->delays);
    free(policy->faults);
    free(policy->edits);
    *policy = (struct policy){0};
}

const char *policy_fault_name(enum policy_fault fault)
{
    static const char *const names[FAULTS] = {
        [FAULT_CLOSE] = "close",
        [FAULT_GARBAGE] = "garbage",
        [FAULT_PARTIAL] = "partial",
        [FAULT_HANG] = "hang",
    };

    return names[fault];
}
