/*
 * printer_json - one JSON object a line.  The caller writes the buffer out.
 */
#include "milter-test-client/printer_json.h"

#include "libcore/base/base64.h"
#include "libcore/wire/macro.h"
#include "milter-test-client/printer.h"

#include <jansson.h>
#include <time.h>

/* ---- values */

/* A string, or {"base64": ...} when the bytes are none. */
static json_t *json_bytes(struct slice bytes)
{
    json_t *value = json_stringn(bytes.data == NULL ? "" : bytes.data, bytes.length);
    struct buffer text = {0};

    if (value != NULL) {
        return value;
    }
    base64_append(&text, bytes);
    value = json_pack("{s:s%}", "base64", text.data + text.start, buffer_length(&text));
    buffer_clear(&text);
    return value;
}

static void set_bytes(json_t *object, const char *key, struct slice bytes)
{
    (void)json_object_set_new(object, key, json_bytes(bytes));
}

typedef const char *flag_name_fn(unsigned bit_number);

/* Bits without a name are numbers. */
static json_t *json_flags(uint32_t flags, flag_name_fn *name_of)
{
    json_t *names = json_array();

    for (unsigned bit = 0; bit < 32; bit++) {
        const char *name = name_of(bit);

        if ((flags >> bit & 1) != 0) {
            (void)json_array_append_new(names, name != NULL ? json_string(name)
                                                            : json_integer((json_int_t)1 << bit));
        }
    }
    return names;
}

static void set_negotiation(json_t *object, const struct negotiation *negotiation)
{
    (void)json_object_set_new(object, "version", json_integer(negotiation->version));
    (void)json_object_set_new(object, "actions", json_flags(negotiation->actions, action_name));
    (void)json_object_set_new(object, "steps", json_flags(negotiation->steps, step_name));
}

static json_t *json_macros(struct slice pairs)
{
    json_t *macros = json_object();
    struct slice name, value;

    while (macro_pair_next(&pairs, &name, &value)) {
        struct slice bare = macro_bare_name(name);
        struct buffer key = {0};
        json_t *text = json_stringn(bare.data, bare.length);

        if (text == NULL) {
            buffer_append_string(&key, "base64:");
            base64_append(&key, bare);
        } else {
            buffer_append_slice(&key, bare);
        }
        buffer_append_byte(&key, '\0');
        set_bytes(macros, key.data + key.start, value);
        json_decref(text);
        buffer_clear(&key);
    }
    return macros;
}

/* ---- the fields of an event */

static void set_offer(json_t *object, const struct command_packet *event)
{
    struct negotiation offer = {.version = 0};

    (void)negotiation_decode(event->text, &offer, NULL); /* the machine has checked it */
    set_negotiation(object, &offer);
}

static void set_connect(json_t *object, const struct command_packet *event)
{
    struct buffer address = {0};

    printer_address(&address, &event->connect);
    set_bytes(object, "host", event->connect.host);
    set_bytes(object, "address", buffer_slice(&address));
    buffer_clear(&address);
}

static void set_helo(json_t *object, const struct command_packet *event)
{
    set_bytes(object, "fqdn", event->text);
}

static void set_envelope(json_t *object, const struct command_packet *event)
{
    struct slice rest = event->envelope.arguments, argument;
    json_t *arguments = json_array();

    set_bytes(object, "address", event->envelope.address);
    while (slice_take_string(&rest, &argument)) {
        (void)json_array_append_new(arguments, json_bytes(argument));
    }
    (void)json_object_set_new(object, "arguments", arguments);
}

static void set_header(json_t *object, const struct command_packet *event)
{
    set_bytes(object, "name", event->header.name);
    set_bytes(object, "value", event->header.value);
}

static void set_data(json_t *object, const struct command_packet *event)
{
    set_bytes(object, "data", event->text);
}

static void set_last_data(json_t *object, const struct command_packet *event)
{
    if (event->text.length > 0) {
        set_data(object, event);
    }
}

static void set_unknown(json_t *object, const struct command_packet *event)
{
    set_bytes(object, "command", event->text);
}

static void (*const set_fields[COMMANDS])(json_t *object, const struct command_packet *event) = {
    [COMMAND_NEGOTIATE] = set_offer, [COMMAND_CONNECT] = set_connect,
    [COMMAND_HELO] = set_helo,       [COMMAND_MAIL] = set_envelope,
    [COMMAND_RCPT] = set_envelope,   [COMMAND_HEADER] = set_header,
    [COMMAND_BODY] = set_data,       [COMMAND_END_OF_MESSAGE] = set_last_data,
    [COMMAND_UNKNOWN] = set_unknown,
};

/* ---- the answer */

static json_t *json_reply(enum command command, const struct answer_plan *plan)
{
    json_t *object;

    if (command == COMMAND_NEGOTIATE) {
        object = json_object();
        set_negotiation(object, &plan->negotiation);
        return object;
    }
    return plan->reply.kind == REPLY_CODE ? json_bytes(plan->reply.text)
                                          : json_string(reply_info[plan->reply.kind].name);
}

static void set_edits(json_t *object, const struct answer *answer)
{
    json_t *edits = json_array();

    for (size_t i = 0; i < answer->policy->edit_count; i++) {
        const struct reply *edit = &answer->policy->edits[i];

        if (answer_sends(answer, edit)) {
            (void)json_array_append_new(edits, json_string(reply_info[edit->kind].name));
        }
    }
    if (json_array_size(edits) > 0) {
        (void)json_object_set(object, "edits", edits);
    }
    json_decref(edits);
}

/* Without a reply, null and the fault that takes its place; nothing where none is due. */
static void set_answer(json_t *object, enum command command, const struct answer *answer)
{
    const struct answer_plan *plan = &answer->plan;

    if (plan->due && plan->edits && !answer->silent) {
        set_edits(object, answer);
    }
    if (plan->delay > 0 && !answer->silent) {
        (void)json_object_set_new(object, "delay", json_real(plan->delay));
    }
    if (plan->fault != FAULT_NONE || (plan->due && answer->silent)) {
        const char *fault = answer->silent ? "hang" : policy_fault_name(plan->fault);

        (void)json_object_set_new(object, "reply", json_null());
        (void)json_object_set_new(object, "fault", json_string(fault));
    } else if (plan->due) {
        (void)json_object_set_new(object, "reply", json_reply(command, plan));
    }
}

/* ---- lines */

static json_t *begin_line(unsigned long session, const char *event)
{
    struct timespec now;
    long microseconds;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    microseconds = now.tv_nsec / 1000;
    return json_pack("{s:f, s:I, s:s}", "time", (double)now.tv_sec + (double)microseconds / 1e6,
                     "session", (json_int_t)session, "event", event);
}

static int append_text(const char *text, size_t length, void *output)
{
    buffer_append(output, text, length);
    return 0;
}

static void end_line(struct buffer *output, json_t *object)
{
    /* Sixteen digits: microseconds, and not one more. */
    (void)json_dump_callback(object, append_text, output, JSON_REAL_PRECISION(16));
    buffer_append_byte(output, '\n');
    json_decref(object);
}

void printer_json_command(struct buffer *output, unsigned long session,
                          const struct command_packet *event, struct slice macros,
                          const struct answer *answer)
{
    json_t *object = begin_line(session, command_info[event->command].name);

    if (set_fields[event->command] != NULL) {
        set_fields[event->command](object, event);
    }
    if (macros.length > 0) {
        (void)json_object_set_new(object, "macros", json_macros(macros));
    }
    set_answer(object, event->command, answer);
    end_line(output, object);
}

void printer_json_finished(struct buffer *output, unsigned long session)
{
    end_line(output, begin_line(session, "finished"));
}
