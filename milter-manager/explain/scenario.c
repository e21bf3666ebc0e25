/*
 * scenario - the mail that --explain is about.  Owns message and macros.
 */
#include "milter-manager/explain/scenario.h"

#include "libcore/mail/mail_file.h"
#include "libcore/session/macros.h"
#include "libcore/wire/macro.h"
#include "milter-manager/explain/stage.h"
#include "milter-manager/session/negotiate.h"

#include <string.h>

static const char default_host[] = "mx.example.net";
static const char default_address[] = "inet:50443@[192.168.123.123]";
static const char default_helo[] = "delian";

enum { SCENARIO_PIECE = PROTOCOL_PACKET - 1024 }; /* bytes: what is around it fits as well */

/* Puts the option's name in front; always false. */
static bool scenario_fail(const char *option, const struct error *cause, struct error *error)
{
    error_set(error, cause->code, "%s: %s", option, cause->message);
    return false;
}

/* What was given, else the default. */
static struct slice scenario_string(struct scenario *scenario, enum scenario_part part,
                                    const char *given, const char *standard)
{
    scenario->origins[part] = given != NULL ? ORIGIN_OPTION : ORIGIN_DEFAULT;
    return slice_from_string(given != NULL ? given : standard);
}

static bool scenario_take_client(struct scenario *scenario,
                                 const struct explain_arguments *arguments, struct error *error)
{
    struct slice address =
        scenario_string(scenario, SCENARIO_ADDRESS, arguments->connect_address, default_address);
    struct error cause = {0};

    scenario->connect.host =
        scenario_string(scenario, SCENARIO_HOST, arguments->connect_host, default_host);
    scenario->helo = scenario_string(scenario, SCENARIO_HELO, arguments->helo, default_helo);
    return connect_address_parse(address.data, &scenario->connect, scenario->address, &cause) ||
           scenario_fail("--connect-address", &cause, error);
}

/* ---- macros */

/* Where an MTA that is told nothing else sends it, or where it has a default; else at CONNECT. */
static void scenario_place_macro(struct scenario *scenario, struct slice name, struct slice value)
{
    bool placed = false;

    for (unsigned i = COMMAND_CONNECT; i <= COMMAND_END_OF_MESSAGE; i++) {
        enum command stage = (enum command)i;
        struct slice known;

        if (macro_pair_find(macro_store_get(&scenario->macros, stage), name, &known) ||
            macro_list_contains(negotiate_unasked_macros(stage), name)) {
            macro_store_set(&scenario->given_macros, stage, name, value);
            placed = true;
        }
    }
    if (!placed) {
        macro_store_set(&scenario->given_macros, COMMAND_CONNECT, name, value);
    }
}

/* text: [STAGE:]NAME=VALUE */
static bool scenario_take_macro(struct scenario *scenario, const char *text, struct error *error)
{
    const char *equal = strchr(text, '=');
    const char *colon = strchr(text, ':');
    bool staged = equal != NULL && colon != NULL && colon < equal;
    const char *name = staged ? colon + 1 : text;
    enum command stage;

    if (equal == NULL || equal == name) {
        error_set(error, ERROR_USAGE, "a macro should be [STAGE:]NAME=VALUE but was <%s>", text);
        return false;
    }
    if (!staged) {
        scenario_place_macro(scenario, slice_of(name, (size_t)(equal - name)),
                             slice_from_string(equal + 1));
        return true;
    }
    if (!stage_parse(slice_of(text, (size_t)(colon - text)), STAGES_WITH_MACROS, &stage, error)) {
        return false;
    }
    macro_store_set(&scenario->given_macros, stage, slice_of(name, (size_t)(equal - name)),
                    slice_from_string(equal + 1));
    return true;
}

static void scenario_take_authenticated(struct scenario *scenario, const char *name,
                                        const char *value)
{
    if (value != NULL) {
        macro_store_set(&scenario->given_macros, COMMAND_MAIL, slice_from_string(name),
                        slice_from_string(value));
    }
}

static void scenario_add_given_macros(struct scenario *scenario)
{
    for (unsigned stage = 0; stage < COMMANDS; stage++) {
        struct slice pairs = macro_store_get(&scenario->given_macros, (enum command)stage);
        struct slice name, value;

        while (macro_pair_next(&pairs, &name, &value)) {
            macro_store_set(&scenario->macros, (enum command)stage, name, value);
        }
    }
}

static bool scenario_take_macros(struct scenario *scenario,
                                 const struct explain_arguments *arguments, struct error *error)
{
    struct error cause = {0};

    macros_set_defaults(&scenario->macros, "milter-manager");
    scenario_take_authenticated(scenario, "auth_authen", arguments->authenticated_name);
    scenario_take_authenticated(scenario, "auth_type", arguments->authenticated_type);
    scenario_take_authenticated(scenario, "auth_author", arguments->authenticated_author);
    for (size_t i = 0; i < arguments->macros.count; i++) {
        if (!scenario_take_macro(scenario, arguments->macros.items[i], &cause)) {
            return scenario_fail("--macro", &cause, error);
        }
    }
    scenario_add_given_macros(scenario);
    return true;
}

/* ---- the message */

static bool scenario_take_header(struct scenario *scenario, const char *text, struct error *error)
{
    const char *colon = strchr(text, ':');

    if (colon == NULL || colon == text) {
        error_set(error, ERROR_USAGE, "--header: a header should be NAME:VALUE but was <%s>", text);
        return false;
    }
    message_add_header(&scenario->message, slice_of(text, (size_t)(colon - text)),
                       slice_from_string(colon + 1));
    scenario->origins[SCENARIO_HEADER] = ORIGIN_OPTION;
    return true;
}

static bool scenario_take_options(struct scenario *scenario,
                                  const struct explain_arguments *arguments, struct error *error)
{
    struct message *message = &scenario->message;

    if (arguments->sender != NULL) {
        message_set_sender(message, slice_from_string(arguments->sender));
        scenario->origins[SCENARIO_SENDER] = ORIGIN_OPTION;
    }
    for (size_t i = 0; i < arguments->recipients.count; i++) {
        message_add_recipient(message, slice_from_string(arguments->recipients.items[i]));
        scenario->origins[SCENARIO_RECIPIENTS] = ORIGIN_OPTION;
    }
    for (size_t i = 0; i < arguments->bodies.count; i++) {
        message_add_body(message, slice_from_string(arguments->bodies.items[i]));
        scenario->origins[SCENARIO_BODY] = ORIGIN_OPTION;
    }
    for (size_t i = 0; i < arguments->headers.count; i++) {
        if (!scenario_take_header(scenario, arguments->headers.items[i], error)) {
            return false;
        }
    }
    return true;
}

/* True, and noted as the mail's, when no option says this part. */
static bool scenario_open(struct scenario *scenario, enum scenario_part part)
{
    if (scenario->origins[part] != ORIGIN_DEFAULT) {
        return false;
    }
    scenario->origins[part] = ORIGIN_MAIL_FILE;
    return true;
}

/* The fields of the mail stand behind those that options gave. */
static void scenario_fill_from_mail(struct scenario *scenario, const struct mail_file *mail)
{
    struct message *message = &scenario->message;

    if (mail->sender.data != NULL && scenario_open(scenario, SCENARIO_SENDER)) {
        message_set_sender(message, mail->sender);
    }
    if (mail->recipient_count > 0 && scenario_open(scenario, SCENARIO_RECIPIENTS)) {
        for (size_t i = 0; i < mail->recipient_count; i++) {
            message_add_recipient(message, mail->recipients[i]);
        }
    }
    if (mail->headers.count > 0) {
        scenario->origins[SCENARIO_HEADER] = ORIGIN_MAIL_FILE;
        for (size_t i = 0; i < mail->headers.count; i++) {
            message_add_header(message, mail->headers.fields[i].name,
                               mail->headers.fields[i].value);
        }
    }
    if (scenario_open(scenario, SCENARIO_BODY)) {
        message_add_body(message, mail->body);
    }
}

static bool scenario_take_mail(struct scenario *scenario, const char *path, struct error *error)
{
    struct error cause = {0};
    struct mail_file mail;

    if (path == NULL) {
        return true;
    }
    if (!mail_file_read(&mail, path, &cause)) {
        return scenario_fail("--mail-file", &cause, error);
    }
    scenario_fill_from_mail(scenario, &mail);
    mail_file_clear(&mail);
    return true;
}

static bool scenario_take_assumptions(struct scenario *scenario,
                                      const struct explain_arguments *arguments,
                                      struct error *error)
{
    struct error cause = {0};

    for (size_t i = 0; i < arguments->assumptions.count; i++) {
        if (!assumptions_add(&scenario->assumptions, arguments->assumptions.items[i], &cause)) {
            return scenario_fail("--assume", &cause, error);
        }
    }
    return true;
}

/* What does not fit into a packet no MTA can say. */
static bool scenario_check_length(const char *what, size_t length, struct error *error)
{
    if (length > SCENARIO_PIECE) {
        error_set(error, ERROR_USAGE, "--mail-file: %s has %zu bytes; %d fit into a packet", what,
                  length, SCENARIO_PIECE);
    }
    return length <= SCENARIO_PIECE;
}

static bool scenario_check(const struct scenario *scenario, struct error *error)
{
    const struct message *message = &scenario->message;
    bool ok = scenario_check_length("the sender", message->sender.length, error);

    for (size_t i = 0; ok && i < message->recipients.count; i++) {
        ok = scenario_check_length("a recipient", message->recipients.items[i].length, error);
    }
    for (size_t i = 0; ok && i < message->headers.count; i++) {
        const struct header_field *field = &message->headers.fields[i];

        ok = scenario_check_length("a header field", field->name.length + field->value.length,
                                   error);
    }
    return ok;
}

bool scenario_init(struct scenario *scenario, const struct explain_arguments *arguments,
                   struct error *error)
{
    *scenario = (struct scenario){.helo = {"", 0}};
    message_init(&scenario->message);
    if (!scenario_take_client(scenario, arguments, error) ||
        !scenario_take_macros(scenario, arguments, error) ||
        !scenario_take_options(scenario, arguments, error) ||
        !scenario_take_mail(scenario, arguments->mail_file, error) ||
        !scenario_check(scenario, error) ||
        !scenario_take_assumptions(scenario, arguments, error)) {
        scenario_clear(scenario);
        return false;
    }
    message_complete(&scenario->message);
    return true;
}

void scenario_clear(struct scenario *scenario)
{
    message_clear(&scenario->message);
    macro_store_clear(&scenario->macros);
    macro_store_clear(&scenario->given_macros);
    assumptions_clear(&scenario->assumptions);
}

/* ---- as an MTA says it */

void scenario_commands(const struct scenario *scenario, struct buffer *packets)
{
    const struct message *message = &scenario->message;
    struct slice nothing = slice_of("", 0);

    command_append_connect(packets, &scenario->connect);
    command_append_text(packets, COMMAND_HELO, scenario->helo);
    command_append_envelope(packets, COMMAND_MAIL, message->sender, nothing);
    for (size_t i = 0; i < message->recipients.count; i++) {
        command_append_envelope(packets, COMMAND_RCPT, message->recipients.items[i], nothing);
    }
    command_append(packets, COMMAND_DATA, nothing);
    for (size_t i = 0; i < message->headers.count; i++) {
        struct header_field field = message->headers.fields[i];

        slice_skip(&field.value, slice_starts_with(field.value, " ") ? 1 : 0);
        command_append_header(packets, field.name, field.value);
    }
    command_append(packets, COMMAND_END_OF_HEADER, nothing);
    for (size_t i = 0; i < message->body.count; i++) {
        command_append(packets, COMMAND_BODY, message->body.items[i]);
    }
    command_append(packets, COMMAND_END_OF_MESSAGE, nothing);
}
