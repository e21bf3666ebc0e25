/*
 * steps - what is sent, in order, as a table.  Pure functions of the plan.
 */
#include "milter-test-server/steps.h"

struct step_payload {
    const struct session_plan *plan;
    const struct message *message;
    size_t index;
    bool leading_space;
    struct buffer *output;
};

static void append_string(struct buffer *output, struct slice text)
{
    buffer_append_slice(output, text);
    buffer_append_byte(output, '\0');
}

static size_t count_one(const struct session_plan *plan, const struct message *message)
{
    (void)plan;
    (void)message;
    return 1;
}

static size_t count_recipients(const struct session_plan *plan, const struct message *message)
{
    (void)plan;
    return message->recipients.count;
}

static size_t count_unknown(const struct session_plan *plan, const struct message *message)
{
    (void)message;
    return plan->unknown != NULL ? 1 : 0;
}

static size_t count_headers(const struct session_plan *plan, const struct message *message)
{
    (void)plan;
    return message->headers.count;
}

static size_t count_chunks(const struct session_plan *plan, const struct message *message)
{
    (void)plan;
    return message->body.count;
}

static void payload_none(const struct step_payload *payload)
{
    (void)payload;
}

static void payload_connect(const struct step_payload *payload)
{
    const struct command_connect *connect = &payload->plan->connect;

    append_string(payload->output, connect->host);
    buffer_append_byte(payload->output, connect->family);
    if (connect->family != 'U') {
        buffer_append_uint16(payload->output, connect->port);
        append_string(payload->output, connect->address);
    }
}

static void payload_helo(const struct step_payload *payload)
{
    append_string(payload->output, slice_from_string(payload->plan->helo));
}

static void payload_sender(const struct step_payload *payload)
{
    append_string(payload->output, payload->message->sender);
}

static void payload_recipient(const struct step_payload *payload)
{
    append_string(payload->output, payload->message->recipients.items[payload->index]);
}

static void payload_unknown(const struct step_payload *payload)
{
    append_string(payload->output, slice_from_string(payload->plan->unknown));
}

static void payload_header(const struct step_payload *payload)
{
    const struct header_field *field = header_list_at(&payload->message->headers, payload->index);
    struct slice value = field->value;

    if (!payload->leading_space && slice_starts_with(value, " ")) {
        slice_skip(&value, 1);
    }
    append_string(payload->output, field->name);
    append_string(payload->output, value);
}

static void payload_chunk(const struct step_payload *payload)
{
    buffer_append_slice(payload->output, payload->message->body.items[payload->index]);
}

static const struct {
    enum command command;
    size_t (*count)(const struct session_plan *plan, const struct message *message);
    void (*payload)(const struct step_payload *payload);
} steps[STEPS] = {
    [STEP_CONNECT] = {COMMAND_CONNECT, count_one, payload_connect},
    [STEP_HELO] = {COMMAND_HELO, count_one, payload_helo},
    [STEP_MAIL] = {COMMAND_MAIL, count_one, payload_sender},
    [STEP_RCPT] = {COMMAND_RCPT, count_recipients, payload_recipient},
    [STEP_UNKNOWN] = {COMMAND_UNKNOWN, count_unknown, payload_unknown},
    [STEP_DATA] = {COMMAND_DATA, count_one, payload_none},
    [STEP_HEADER] = {COMMAND_HEADER, count_headers, payload_header},
    [STEP_END_OF_HEADER] = {COMMAND_END_OF_HEADER, count_one, payload_none},
    [STEP_BODY] = {COMMAND_BODY, count_chunks, payload_chunk},
    [STEP_END_OF_MESSAGE] = {COMMAND_END_OF_MESSAGE, count_one, payload_none},
};

enum command steps_command(enum step step)
{
    return steps[step].command;
}

const char *steps_name(enum step step)
{
    return step < STEPS ? command_info[steps[step].command].name : "end";
}

size_t steps_count(enum step step, const struct session_plan *plan, const struct message *message)
{
    return steps[step].count(plan, message);
}

void steps_payload(enum step step, const struct session_plan *plan, const struct message *message,
                   size_t index, bool leading_space, struct buffer *payload)
{
    const struct step_payload arguments = {plan, message, index, leading_space, payload};

    steps[step].payload(&arguments);
}
