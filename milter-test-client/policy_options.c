/*
 * policy_options - the values of the options that fill a policy.  Pure
 * functions: nothing is read, nothing is printed.
 */
#include "milter-test-client/policy_options.h"

#include "libcore/base/duration.h"
#include "libcore/base/memory.h"
#include "libcore/base/option_value.h"
#include "libcore/session/order.h"
#include "libcore/wire/flags.h"
#include "libcore/wire/macro.h"

#include <string.h>

/* ---- stages and patterns */

static const struct {
    const char *name;
    enum command stage;
} stages[] = {
    {"negotiate", COMMAND_NEGOTIATE}, /* first: not every option has it */
    {"connect", COMMAND_CONNECT},     {"helo", COMMAND_HELO},
    {"envelope-from", COMMAND_MAIL},  {"envelope-recipient", COMMAND_RCPT},
    {"data", COMMAND_DATA},           {"unknown", COMMAND_UNKNOWN},
    {"header", COMMAND_HEADER},       {"end-of-header", COMMAND_END_OF_HEADER},
    {"body", COMMAND_BODY},           {"end-of-message", COMMAND_END_OF_MESSAGE},
    {"mail", COMMAND_MAIL},           {"rcpt", COMMAND_RCPT},
};
enum { STAGE_NAMES = sizeof(stages) / sizeof(stages[0]) };

enum stage_first { WITH_NEGOTIATE, WITHOUT_NEGOTIATE };

/* Appends "a, b and c". */
static void append_names(struct buffer *list, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buffer_append_string(list, i == 0 ? "" : i + 1 < count ? ", " : " and ");
        buffer_append_string(list, names[i]);
    }
    buffer_append_byte(list, '\0');
}

static bool unknown_stage(struct slice name, enum stage_first first, struct error *error)
{
    const char *names[STAGE_NAMES] = {NULL};
    struct buffer list = {0};

    for (size_t i = first; i < STAGE_NAMES; i++) {
        names[i - first] = stages[i].name;
    }
    append_names(&list, names, STAGE_NAMES - first);
    error_set(error, ERROR_USAGE, "unknown stage <%.*s>; %s are known", (int)name.length, name.data,
              list.data + list.start);
    buffer_clear(&list);
    return false;
}

static bool parse_stage(struct slice name, enum stage_first first, enum command *stage,
                        struct error *error)
{
    for (size_t i = first; i < STAGE_NAMES; i++) {
        if (slice_equal_string(name, stages[i].name)) {
            *stage = stages[i].stage;
            return true;
        }
    }
    return unknown_stage(name, first, error);
}

/* What stands before the first separator; *rest has no data when there is none. */
static struct slice cut(struct slice text, char separator, struct slice *rest)
{
    const char *found = memchr(text.data, separator, text.length);
    size_t length = found == NULL ? text.length : (size_t)(found - text.data);

    *rest = found == NULL ? slice_of(NULL, 0) : slice_of(found + 1, text.length - length - 1);
    return slice_of(text.data, length);
}

static bool parse_match(struct slice text, enum stage_first first, struct policy_match *match,
                        struct error *error)
{
    struct slice name = cut(text, ':', &match->pattern);

    if (!parse_stage(name, first, &match->stage, error)) {
        return false;
    }
    if (match->pattern.data != NULL && !policy_stage_has_text(match->stage)) {
        error_set(error, ERROR_USAGE,
                  "%s has no text that the pattern <%.*s> could fit; leave the pattern out",
                  command_info[match->stage].name, (int)match->pattern.length, match->pattern.data);
        return false;
    }
    return true;
}

/* ---- verdicts */

static const char reply_prefix[] = "reply:";

static const struct {
    const char *name;
    enum reply_kind kind;
    bool shown; /* in messages */
} verdicts[] = {
    {"accept", REPLY_ACCEPT, true},
    {"reject", REPLY_REJECT, true},
    {"temporary-failure", REPLY_TEMPORARY_FAILURE, true},
    {"discard", REPLY_DISCARD, true},
    {"skip", REPLY_SKIP, true},
    {"continue", REPLY_CONTINUE, true},
    {"tempfail", REPLY_TEMPORARY_FAILURE, false},
    {"reply:CODE TEXT", REPLY_CODE, true}, /* only shown */
};
enum { VERDICT_NAMES = sizeof(verdicts) / sizeof(verdicts[0]) };

static bool find_verdict(struct slice word, enum reply_kind *kind)
{
    if (slice_starts_with(word, reply_prefix)) {
        *kind = REPLY_CODE;
        return true;
    }
    for (size_t i = 0; i < VERDICT_NAMES; i++) {
        if (verdicts[i].kind != REPLY_CODE && slice_equal_string(word, verdicts[i].name)) {
            *kind = verdicts[i].kind;
            return true;
        }
    }
    return false;
}

/* Appends the verdicts allowed at a stage; COMMANDS: all there are. */
static void append_verdicts(struct buffer *list, enum command stage)
{
    const char *names[VERDICT_NAMES] = {NULL};
    size_t count = 0;

    for (size_t i = 0; i < VERDICT_NAMES; i++) {
        if (verdicts[i].shown &&
            (stage == COMMANDS || order_reply_valid(stage, verdicts[i].kind))) {
            names[count++] = verdicts[i].name;
        }
    }
    append_names(list, names, count);
}

static bool refuse_verdict(struct slice verdict, enum command stage, struct error *error)
{
    struct buffer list = {0};

    append_verdicts(&list, stage);
    if (stage == COMMANDS) {
        error_set(error, ERROR_USAGE,
                  "no verdict in <%.*s>; STAGE[:PATTERN]=VERDICT is expected, and %s are verdicts",
                  (int)verdict.length, verdict.data, list.data + list.start);
    } else {
        error_set(error, ERROR_USAGE, "%.*s is not allowed at %s; %s are", (int)verdict.length,
                  verdict.data, command_info[stage].name, list.data + list.start);
    }
    buffer_clear(&list);
    return false;
}

/* Without the \n that ends a line, which is dropped from *rest. */
static struct slice take_line(struct slice *rest, bool *last)
{
    const char *end = memmem(rest->data, rest->length, "\\n", 2);
    struct slice line = *rest;

    *last = end == NULL;
    if (end != NULL) {
        line.length = (size_t)(end - rest->data);
        slice_skip(rest, line.length + 2);
    }
    return line;
}

/* "5.7.1 " in front of a text, as far as it is there (RFC 3463 section 2). */
static struct slice enhanced_code(struct slice text)
{
    size_t length = 0;

    for (unsigned part = 0; part < 3; part++) {
        size_t digits = length;

        while (length < text.length && text.data[length] >= '0' && text.data[length] <= '9') {
            length++;
        }
        if (length == digits || length == text.length ||
            text.data[length] != (part < 2 ? '.' : ' ')) {
            return slice_of("", 0);
        }
        length++;
    }
    return slice_of(text.data, length);
}

/*
 * "550 5.7.1 no\nreally": every line has the code, and an enhanced one if the
 * first line has (RFC 2034 section 4).
 */
static bool parse_reply_text(struct policy *policy, struct slice text, struct reply *reply,
                             struct error *error)
{
    struct slice code = slice_of(text.data, text.length < 3 ? text.length : 3);
    struct slice rest = text;
    struct buffer lines = {0};
    struct slice enhanced;
    bool last = false, valid = text.length >= 4 && text.data[3] == ' ';

    slice_skip(&rest, 4);
    enhanced = enhanced_code(rest);
    while (valid && !last) {
        struct slice line = take_line(&rest, &last);

        buffer_append_slice(&lines, code);
        buffer_append_byte(&lines, last ? ' ' : '-');
        if (enhanced_code(line).length == 0) {
            buffer_append_slice(&lines, enhanced);
        }
        buffer_append_slice(&lines, line);
        buffer_append_string(&lines, last ? "" : "\r\n");
    }
    valid = valid && reply_text_valid(buffer_slice(&lines));
    if (valid) {
        reply->text = arena_copy(&policy->arena, buffer_slice(&lines));
    } else {
        error_set(error, ERROR_USAGE,
                  "not a reply: <%.*s>; a code from 400 to 599, a blank and a text is one, e.g. "
                  "reply:550 5.7.1 no, with \\n between its lines",
                  (int)text.length, text.data);
    }
    buffer_clear(&lines);
    return valid;
}

/* The '=' in front of the verdict, or NULL. */
static const char *find_equals(struct slice text, enum reply_kind *kind)
{
    for (size_t i = text.length; i > 0; i--) {
        if (text.data[i - 1] == '=' &&
            find_verdict(slice_of(text.data + i, text.length - i), kind)) {
            return text.data + i - 1;
        }
    }
    return NULL;
}

bool policy_options_action(struct policy *policy, const char *value, struct error *error)
{
    struct slice text = slice_from_string(value), verdict;
    struct policy_action action = {0};
    const char *equals = find_equals(text, &action.reply.kind);

    if (equals == NULL) {
        return refuse_verdict(text, COMMANDS, error);
    }
    verdict = slice_from_string(equals + 1);
    if (!parse_match(slice_of(value, (size_t)(equals - value)), WITHOUT_NEGOTIATE, &action.match,
                     error)) {
        return false;
    }
    if (!order_reply_valid(action.match.stage, action.reply.kind)) {
        return refuse_verdict(verdict, action.match.stage, error);
    }
    if (action.reply.kind == REPLY_CODE) {
        slice_skip(&verdict, strlen(reply_prefix));
        if (!parse_reply_text(policy, verdict, &action.reply, error)) {
            return false;
        }
    }
    policy->actions =
        memory_resize(policy->actions, policy->action_count + 1, sizeof(*policy->actions));
    policy->actions[policy->action_count++] = action;
    return true;
}

/* ---- delays and faults */

static bool parse_delay_time(struct slice text, struct policy_delay *delay, struct error *error)
{
    static const char *const signs[] = {"\xc2\xb1", "+-"}; /* the first is the plus-minus sign */
    struct slice jitter = slice_of(NULL, 0);

    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]) && jitter.data == NULL; i++) {
        const char *found = memmem(text.data, text.length, signs[i], 2);

        if (found != NULL) {
            jitter = text;
            text.length = (size_t)(found - text.data);
            slice_skip(&jitter, text.length + 2);
        }
    }
    return duration_parse(text, &delay->seconds, error) &&
           (jitter.data == NULL || duration_parse(jitter, &delay->jitter, error));
}

bool policy_options_delay(struct policy *policy, const char *value, struct error *error)
{
    const char *equals = strrchr(value, '=');
    struct policy_delay delay = {0};

    if (equals == NULL) {
        error_set(error, ERROR_USAGE,
                  "no '=' in <%s>; STAGE[:PATTERN]=DURATION[+-JITTER] is expected, e.g. "
                  "end-of-message=500ms+-100ms",
                  value);
        return false;
    }
    if (!parse_match(slice_of(value, (size_t)(equals - value)), WITH_NEGOTIATE, &delay.match,
                     error) ||
        !parse_delay_time(slice_from_string(equals + 1), &delay, error)) {
        return false;
    }
    policy->delays =
        memory_resize(policy->delays, policy->delay_count + 1, sizeof(*policy->delays));
    policy->delays[policy->delay_count++] = delay;
    return true;
}

bool policy_options_fault(struct policy *policy, enum policy_fault fault, const char *value,
                          struct error *error)
{
    struct policy_fault_entry entry = {.fault = fault};

    if (!parse_match(slice_from_string(value), WITH_NEGOTIATE, &entry.match, error)) {
        return false;
    }
    policy->faults =
        memory_resize(policy->faults, policy->fault_count + 1, sizeof(*policy->faults));
    policy->faults[policy->fault_count++] = entry;
    return true;
}

bool policy_options_progress(struct policy *policy, const char *value, struct error *error)
{
    if (!duration_parse(slice_from_string(value), &policy->progress, error)) {
        return false;
    }
    if (policy->progress < 1e-3) {
        error_set(error, ERROR_USAGE, "too short: <%s>; 1ms is the shortest time between two",
                  value);
        return false;
    }
    return true;
}

bool policy_options_fail_every(struct policy *policy, const char *value, struct error *error)
{
    unsigned long number = 0;

    if (!option_parse_unsigned(value, 1000000000, &number, error)) {
        return false;
    }
    if (number == 0) {
        error_set(error, ERROR_USAGE, "0 is no number of sessions; 1 means every session");
        return false;
    }
    policy->fail_every = (unsigned)number;
    return true;
}

/* ---- negotiation */

bool policy_options_version(struct policy *policy, const char *value, struct error *error)
{
    unsigned long number = 0;

    if (!option_parse_unsigned(value, PROTOCOL_VERSION, &number, error)) {
        return false;
    }
    if (number < PROTOCOL_VERSION_MINIMUM) {
        error_set(error, ERROR_USAGE,
                  "version %lu of the protocol is not spoken here; %d to %d are", number,
                  PROTOCOL_VERSION_MINIMUM, PROTOCOL_VERSION);
        return false;
    }
    policy->version = (unsigned)number;
    return true;
}

static bool parse_flags(enum flags_kind kind, const char *value, struct policy_flags *flags,
                        struct error *error)
{
    *flags = (struct policy_flags){.given = true};
    for (const char *word = value;; word++) {
        size_t length = strcspn(word, "|,");
        bool claimed = length > 0 && word[0] == '!';
        uint32_t bits = 0;

        if (!flags_parse(kind, slice_of(word + claimed, length - claimed), &bits, error)) {
            return false;
        }
        *(claimed ? &flags->claimed : &flags->kept) |= bits;
        word += length;
        if (*word == '\0') {
            return true;
        }
    }
}

bool policy_options_answer_actions(struct policy *policy, const char *value, struct error *error)
{
    return parse_flags(FLAGS_ACTIONS, value, &policy->answer_actions, error);
}

bool policy_options_answer_steps(struct policy *policy, const char *value, struct error *error)
{
    return parse_flags(FLAGS_STEPS, value, &policy->answer_steps, error);
}

static bool stage_has_macro_list(enum command wanted)
{
    enum command stage;

    for (uint32_t number = 0; negotiation_list_stage(number, &stage); number++) {
        if (stage == wanted) {
            return true;
        }
    }
    return false;
}

bool policy_options_request_macros(struct policy *policy, const char *value, struct error *error)
{
    struct slice names, name;
    struct slice stage_name = cut(slice_from_string(value), ':', &names);
    enum command stage;

    if (names.data == NULL) {
        error_set(error, ERROR_USAGE,
                  "no ':' in <%s>; STAGE:NAMES is expected, e.g. "
                  "connect:j,{daemon_name}",
                  value);
        return false;
    }
    if (!parse_stage(stage_name, WITHOUT_NEGOTIATE, &stage, error)) {
        return false;
    }
    if (!stage_has_macro_list(stage)) {
        error_set(error, ERROR_USAGE,
                  "macros cannot be requested for %s; they can for connect, helo, envelope-from, "
                  "envelope-recipient, data, end-of-header and end-of-message",
                  command_info[stage].name);
        return false;
    }
    policy->requests_macros = policy->requested_at[stage] = true;
    while (macro_list_next(&names, &name)) {
        bool braces = name.length > 1 && name.data[0] != '{';

        buffer_append_string(&policy->requested[stage],
                             buffer_length(&policy->requested[stage]) > 0 ? " " : "");
        buffer_append_string(&policy->requested[stage], braces ? "{" : "");
        buffer_append_slice(&policy->requested[stage], name);
        buffer_append_string(&policy->requested[stage], braces ? "}" : "");
    }
    return true;
}
