/*
 * report_text - foreign bytes and scenarios as text for people.  Pure formatting.
 */
#include "milter-manager/explain/report_text.h"

#include "libcore/wire/macro.h"

void report_text_append(struct slice bytes, struct buffer *text)
{
    for (size_t i = 0; i < bytes.length; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];

        if (byte < ' ' || byte == 0x7f) {
            buffer_append_format(text, "\\x%02x", byte);
        } else {
            buffer_append_byte(text, (char)byte);
        }
    }
}

static void scenario_begin(const char *what, struct buffer *text)
{
    buffer_append_format(text, "  %-10s ", what);
}

static void scenario_end(enum scenario_origin origin, struct buffer *text)
{
    static const char *const origins[] = {
        [ORIGIN_DEFAULT] = " (default)",
        [ORIGIN_OPTION] = "",
        [ORIGIN_MAIL_FILE] = " (from the mail)",
    };

    buffer_append_format(text, "%s\n", origins[origin]);
}

static void scenario_line(const char *what, struct slice value, enum scenario_origin origin,
                          struct buffer *text)
{
    scenario_begin(what, text);
    report_text_append(value, text);
    scenario_end(origin, text);
}

static void scenario_address(const struct scenario *scenario, struct buffer *text)
{
    const struct command_connect *connect = &scenario->connect;

    scenario_begin("address", text);
    switch (connect->family) {
    case '4':
    case '6':
        buffer_append_format(text, "%s:%u@[%s]", connect->family == '4' ? "inet" : "inet6",
                             connect->port, scenario->address);
        break;
    case 'L':
        buffer_append_format(text, "unix:%s", scenario->address);
        break;
    default:
        buffer_append_string(text, "unknown");
        break;
    }
    scenario_end(scenario->origins[SCENARIO_ADDRESS], text);
}

static void scenario_content(const struct scenario *scenario, struct buffer *text)
{
    const struct message *message = &scenario->message;
    size_t bytes = 0;

    for (size_t i = 0; i < message->body.count; i++) {
        bytes += message->body.items[i].length;
    }
    scenario_begin("header", text);
    buffer_append_format(text, "%zu fields", message->headers.count);
    scenario_end(scenario->origins[SCENARIO_HEADER], text);
    scenario_begin("body", text);
    buffer_append_format(text, "%zu bytes", bytes);
    scenario_end(scenario->origins[SCENARIO_BODY], text);
}

static void scenario_macro(struct slice name, struct slice value, struct buffer *text)
{
    report_text_append(name, text);
    buffer_append_string(text, "=\"");
    report_text_append(value, text);
    buffer_append_byte(text, '"');
}

/* Those of a stage that were given, or those that were not. */
static void scenario_macros(const struct scenario *scenario, enum command stage,
                            enum scenario_origin origin, struct buffer *text)
{
    struct slice pairs = macro_store_get(&scenario->macros, stage);
    struct slice given = macro_store_get(&scenario->given_macros, stage);
    struct slice name, value, ignored;
    bool any = false;

    while (macro_pair_next(&pairs, &name, &value)) {
        if (macro_pair_find(given, name, &ignored) != (origin == ORIGIN_OPTION)) {
            continue;
        }
        if (!any) {
            scenario_begin("macros", text);
        }
        buffer_append_string(text, any ? ", " : "");
        scenario_macro(name, value, text);
        any = true;
    }
    if (any) {
        buffer_append_format(text, " at %s", command_info[stage].name);
        scenario_end(origin, text);
    }
}

static void scenario_all_macros(const struct scenario *scenario, struct buffer *text)
{
    for (unsigned i = COMMAND_CONNECT; i <= COMMAND_END_OF_MESSAGE; i++) {
        scenario_macros(scenario, (enum command)i, ORIGIN_OPTION, text);
        scenario_macros(scenario, (enum command)i, ORIGIN_DEFAULT, text);
    }
}

static void scenario_assumptions(const struct scenario *scenario, struct buffer *text)
{
    for (unsigned i = 0; i < scenario->assumptions.count; i++) {
        const struct assumption *assumption = &scenario->assumptions.items[i];

        scenario_begin("assumed", text);
        if (assumption->fails && assumption->stage == COMMAND_NEGOTIATE) {
            buffer_append_format(text, "%s cannot be reached\n", assumption->milter);
        } else {
            buffer_append_format(text, "%s %s at %s\n", assumption->milter,
                                 assumption->fails ? "fails" : verdict_name(assumption->verdict),
                                 command_info[assumption->stage].name);
        }
    }
}

void report_text_scenario(const struct scenario *scenario, struct buffer *text)
{
    const struct message *message = &scenario->message;

    buffer_append_string(text, "Scenario:\n");
    scenario_line("client", scenario->connect.host, scenario->origins[SCENARIO_HOST], text);
    scenario_address(scenario, text);
    scenario_line("helo", scenario->helo, scenario->origins[SCENARIO_HELO], text);
    scenario_line("sender", message->sender, scenario->origins[SCENARIO_SENDER], text);
    for (size_t i = 0; i < message->recipients.count; i++) {
        scenario_line("recipient", message->recipients.items[i],
                      scenario->origins[SCENARIO_RECIPIENTS], text);
    }
    scenario_content(scenario, text);
    scenario_all_macros(scenario, text);
    scenario_assumptions(scenario, text);
}
