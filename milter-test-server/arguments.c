/*
 * arguments - the command line of milter-test-server.
 *
 * Options that build the message act in the order they are given, so a later
 * sender or recipient overrides the one of a mail file and the other way round.
 */
#include "milter-test-server/arguments.h"

#include "libcore/base/memory.h"
#include "libcore/mail/mail_file.h"
#include "libcore/wire/protocol.h"
#include "milter-test-server/macros.h"
#include "milter-test-server/replay_arguments.h"
#include "milter-test-server/terminal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static const char program_name[] = "milter-test-server";

/* What the table of options points to; copied out when everything has been read. */
static struct {
    struct arguments *arguments;
    bool recipients_from_file;
    char address[INET6_ADDRSTRLEN + sizeof(((struct sockaddr_un *)0)->sun_path)];
    const char *name;
    const char *connect_host;
    const char *helo;
    const char *unknown;
    const char *colour;
    unsigned version;
    unsigned threads;
    struct session_timeouts timeouts;
    double all_timeouts;
    bool all_timeouts_given;
    bool output_message;
} given;

static bool take_spec(void *target, const char *value, struct error *error)
{
    struct session_plan *plan = &given.arguments->plan;
    char *spec = value[0] == '/' ? memory_format("unix:%s", value) : memory_copy_string(value);
    bool valid = connection_spec_parse(spec, &plan->address, error);

    (void)target;
    free(spec);
    plan->spec = value;
    return valid;
}

static void connect_of_address(struct command_connect *connect,
                               const struct socket_address *address)
{
    const struct sockaddr_in *inet = (const void *)&address->storage;
    const struct sockaddr_in6 *inet6 = (const void *)&address->storage;
    const struct sockaddr_un *local = (const void *)&address->storage;

    switch (address->storage.ss_family) {
    case AF_INET:
        connect->family = '4';
        connect->port = ntohs(inet->sin_port);
        (void)inet_ntop(AF_INET, &inet->sin_addr, given.address, sizeof(given.address));
        break;
    case AF_INET6:
        connect->family = '6';
        connect->port = ntohs(inet6->sin6_port);
        (void)inet_ntop(AF_INET6, &inet6->sin6_addr, given.address, sizeof(given.address));
        break;
    default:
        connect->family = 'L';
        connect->port = 0;
        (void)snprintf(given.address, sizeof(given.address), "%s", local->sun_path);
        break;
    }
    connect->address = slice_from_string(given.address);
}

static bool take_connect_address(void *target, const char *value, struct error *error)
{
    struct command_connect *connect = &given.arguments->plan.connect;
    struct socket_address address;

    (void)target;
    if (strcmp(value, "unknown") == 0) {
        connect->family = 'U';
        return true;
    }
    if (!connection_spec_parse(value, &address, error)) {
        return false;
    }
    connect_of_address(connect, &address);
    return true;
}

static bool take_sender(void *target, const char *value, struct error *error)
{
    (void)target;
    (void)error;
    message_set_sender(&given.arguments->message, slice_from_string(value));
    return true;
}

static bool take_recipient(void *target, const char *value, struct error *error)
{
    (void)target;
    (void)error;
    if (given.recipients_from_file) {
        given.recipients_from_file = false;
        message_clear_recipients(&given.arguments->message);
    }
    message_add_recipient(&given.arguments->message, slice_from_string(value));
    return true;
}

static bool take_header(void *target, const char *value, struct error *error)
{
    const char *colon = strchr(value, ':');

    (void)target;
    if (colon == NULL || colon == value) {
        error_set(error, ERROR_USAGE, "headers option should be 'NAME:VALUE'");
        return false;
    }
    message_add_header(&given.arguments->message, slice_of(value, (size_t)(colon - value)),
                       slice_from_string(colon + 1));
    return true;
}

static bool take_body(void *target, const char *value, struct error *error)
{
    (void)target;
    (void)error;
    message_add_body(&given.arguments->message, slice_from_string(value));
    return true;
}

static bool take_mail_file(void *target, const char *value, struct error *error)
{
    struct message *message = &given.arguments->message;
    struct mail_file mail;

    (void)target;
    if (!mail_file_read(&mail, value, error)) {
        return false;
    }
    if (mail.sender.data != NULL) {
        message_set_sender(message, mail.sender);
    }
    if (mail.recipient_count > 0) {
        given.recipients_from_file = true;
        message_clear_recipients(message);
    }
    for (size_t i = 0; i < mail.recipient_count; i++) {
        message_add_recipient(message, mail.recipients[i]);
    }
    for (size_t i = 0; i < mail.headers.count; i++) {
        message_add_header(message, mail.headers.fields[i].name, mail.headers.fields[i].value);
    }
    message_add_body(message, mail.body);
    mail_file_clear(&mail);
    return true;
}

static bool take_verbose(void *target, const char *value, struct error *error)
{
    (void)target;
    (void)value;
    (void)error;
    (void)setenv("MILTER_LOG_LEVEL", "all", 0);
    return true;
}

static enum command macro_stages[] = {
    COMMAND_CONNECT, COMMAND_HELO,          COMMAND_MAIL,           COMMAND_RCPT,
    COMMAND_DATA,    COMMAND_END_OF_HEADER, COMMAND_END_OF_MESSAGE,
};

static bool take_macro(void *target, const char *value, struct error *error)
{
    return macros_set_argument(&given.arguments->macros, *(enum command *)target, value, error);
}

/* target: the macro's name. */
static bool take_authenticated(void *target, const char *value, struct error *error)
{
    (void)error;
    macro_store_set(&given.arguments->macros, COMMAND_MAIL, slice_from_string(target),
                    slice_from_string(value));
    return true;
}

static char auth_authen[] = "auth_authen", auth_type[] = "auth_type", auth_author[] = "auth_author";

#define MACRO(option, place, stage)                                                                \
    {                                                                                              \
        .name = (option), .kind = OPTION_CALLBACK, .callback = take_macro,                         \
        .target = macro_stages + (place), .argument = "NAME:VALUE",                                \
        .help = "add or replace a macro of " stage " (repeatable)"                                 \
    }
#define TAKE(option, short_option, function, value, text)                                          \
    {                                                                                              \
        .name = (option), .letter = (short_option), .kind = OPTION_CALLBACK,                       \
        .callback = (function), .argument = (value), .help = (text)                                \
    }
#define AUTHENTICATED(option, macro, macro_text, value)                                            \
    {                                                                                              \
        .name = (option), .kind = OPTION_CALLBACK, .callback = take_authenticated,                 \
        .target = (macro), .argument = (value), .help = "macro {" macro_text "} at MAIL"           \
    }
#define SECONDS(option, place, text)                                                               \
    {                                                                                              \
        .name = (option), .kind = OPTION_SECONDS, .target = &given.place, .argument = "SECONDS",   \
        .help = (text)                                                                             \
    }
#define STRING(option, place, value, text)                                                         \
    {                                                                                              \
        .name = (option), .kind = OPTION_STRING, .target = &given.place, .argument = (value),      \
        .help = (text)                                                                             \
    }

static const struct option_entry filter_entries[] = {
    TAKE("connection-spec", 's', take_spec, "SPEC",
         "filter to test: unix:PATH, inet:PORT[@HOST], inet6:PORT[@HOST] or /PATH"),
    SECONDS("connection-timeout", timeouts.connection, "wait for the connection (default 300)"),
    SECONDS("reading-timeout", timeouts.reading, "wait for a reply (default 10)"),
    SECONDS("writing-timeout", timeouts.writing, "wait for bytes to be taken (default 10)"),
    SECONDS("end-of-message-timeout", timeouts.end_of_message,
            "wait for the reply to the whole message, or for progress (default 300)"),
    {.name = "all-timeouts",
     .kind = OPTION_SECONDS,
     .target = &given.all_timeouts,
     .argument = "SECONDS",
     .help = "set all four of them; 0 waits for ever",
     .given = &given.all_timeouts_given},
    {.name = "negotiate-version",
     .kind = OPTION_UNSIGNED,
     .target = &given.version,
     .argument = "N",
     .help = "protocol version to offer (default 6)"},
    {0},
};

static const struct option_entry message_entries[] = {
    STRING("connect-host", connect_host, "HOST", "name of the client (default mx.example.net)"),
    TAKE("connect-address", '\0', take_connect_address, "SPEC",
         "address of the client, or unknown (default inet:50443@[192.168.123.123])"),
    STRING("helo-fqdn", helo, "FQDN", "argument of HELO (default delian)"),
    TAKE("envelope-from", 'f', take_sender, "FROM", "envelope sender (default sender@example.com)"),
    TAKE("from", '\0', take_sender, "FROM", NULL),
    TAKE("envelope-recipient", 'r', take_recipient, "RCPT",
         "envelope recipient, repeatable (default receiver@example.org)"),
    TAKE("recipient", '\0', take_recipient, "RCPT", NULL),
    STRING("unknown", unknown, "COMMAND", "SMTP command nobody knows, sent after the recipients"),
    TAKE("header", 'h', take_header, "NAME:VALUE", "header field, repeatable"),
    TAKE("body", 'b', take_body, "CHUNK", "chunk of the body, repeatable"),
    TAKE("mail-file", 'm', take_mail_file, "PATH",
         "take sender, recipients, header and body from a mail; - is standard input"),
    AUTHENTICATED("authenticated-name", auth_authen, "auth_authen", "NAME"),
    AUTHENTICATED("authenticated-type", auth_type, "auth_type", "TYPE"),
    AUTHENTICATED("authenticated-author", auth_author, "auth_author", "AUTHOR"),
    {0},
};

static const struct option_entry macro_entries[] = {
    MACRO("connect-macro", 0, "CONNECT"),
    MACRO("helo-macro", 1, "HELO"),
    MACRO("envelope-from-macro", 2, "MAIL"),
    MACRO("envelope-recipient-macro", 3, "RCPT"),
    MACRO("data-macro", 4, "DATA"),
    MACRO("end-of-header-macro", 5, "the end of the header"),
    MACRO("end-of-message-macro", 6, "the end of the message"),
    {0},
};

static const struct option_entry program_entries[] = {
    STRING("name", name, "NAME", "name of this server in its log (default milter-test-server)"),
    {.name = "output-message",
     .kind = OPTION_FLAG,
     .target = &given.output_message,
     .help = "print the resulting message, what was changed is marked"},
    {.name = "color",
     .kind = OPTION_OPTIONAL_STRING,
     .target = &given.colour,
     .argument = "yes|true|no|false|auto",
     .help = "colour the message (default auto: on a terminal; without argument: yes)"},
    {.name = "threads",
     .letter = 't',
     .kind = OPTION_UNSIGNED,
     .target = &given.threads,
     .argument = "N",
     .help = "parallel sessions; not available yet, only 0 is taken"},
    {.name = "verbose",
     .letter = 'v',
     .kind = OPTION_CALLBACK,
     .callback = take_verbose,
     .help = "log everything, unless MILTER_LOG_LEVEL is set"},
    {.name = "version", .kind = OPTION_VERSION, .help = "print the version"},
    {.name = "help",
     .letter = '?',
     .kind = OPTION_HELP,
     .maximum = OPTION_ALL_GROUPS,
     .help = "print this help"},
    {0},
};

static bool arguments_fail(const char *option, const char *sentence)
{
    fprintf(stderr, "%s: %s: %s\n", program_name, option, sentence);
    return false;
}

static bool choose_colour(bool *colour)
{
    static const struct {
        const char *name;
        int colour; /* -1: what the terminal can */
    } choices[] = {
        {"", 1}, {"yes", 1}, {"true", 1}, {"no", 0}, {"false", 0}, {"auto", -1},
    };
    char sentence[256];

    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        if (strcmp(choices[i].name, given.colour) == 0) {
            *colour = choices[i].colour < 0 ? terminal_has_colours() : choices[i].colour > 0;
            return true;
        }
    }
    (void)snprintf(sentence, sizeof(sentence), "Invalid color value: %s", given.colour);
    return arguments_fail("--color", sentence);
}

static void set_defaults(struct arguments *arguments)
{
    struct error error = {0};

    *arguments = (struct arguments){.colour = false};
    given.arguments = arguments;
    given.name = program_name;
    given.connect_host = "mx.example.net";
    given.helo = "delian";
    given.colour = "auto";
    given.version = PROTOCOL_VERSION;
    given.timeouts = (struct session_timeouts){300, 10, 10, 300};
    message_init(&arguments->message);
    macros_set_defaults(&arguments->macros, program_name);
    (void)take_connect_address(NULL, "inet:50443@[192.168.123.123]", &error);
}

static void complete_plan(struct arguments *arguments)
{
    struct session_plan *plan = &arguments->plan;

    if (given.all_timeouts_given) {
        given.timeouts = (struct session_timeouts){given.all_timeouts, given.all_timeouts,
                                                   given.all_timeouts, given.all_timeouts};
    }
    plan->name = given.name;
    plan->version = given.version;
    plan->connect.host = slice_from_string(given.connect_host);
    plan->helo = given.helo;
    plan->unknown = given.unknown;
    plan->timeouts = given.timeouts;
    plan->message = &arguments->message;
    plan->macros = &arguments->macros;
    arguments->output_message = given.output_message;
    message_complete(&arguments->message);
    arguments->replays = replay_arguments_take(&arguments->replay);
    arguments->replay.player.spec = plan->spec;
    arguments->replay.player.address = plan->address;
    arguments->replay.player.connection_timeout = plan->timeouts.connection;
    arguments->replay.player.reply_timeout = plan->timeouts.reading;
    arguments->replay.player.writing_timeout = plan->timeouts.writing;
    arguments->replay.player.end_of_message_timeout = plan->timeouts.end_of_message;
}

enum option_outcome arguments_parse(struct arguments *arguments, int argc, char **argv)
{
    static const struct option_group groups[] = {
        {"The filter", filter_entries},    {"The message", message_entries},
        {"Macros", macro_entries},         {"Replay", replay_entries},
        {"This program", program_entries},
    };
    static const struct option_program program = {
        .name = program_name,
        .version = MILTER_MANAGER_VERSION,
        .usage = "[FILE...]",
        .words = &replay_words,
        .summary = "Plays the mail server: sends one message to a milter and says what came of it.",
        .groups = groups,
        .group_count = sizeof(groups) / sizeof(groups[0]),
    };
    enum option_outcome outcome;

    set_defaults(arguments);
    outcome = options_parse(&program, argc, argv);
    if (outcome != OPTIONS_RUN) {
        return outcome;
    }
    if (given.threads > 0) {
        (void)arguments_fail("--threads", "parallel sessions are not available yet");
        return OPTIONS_EXIT_FAILURE;
    }
    if (replay_arguments_idle() != NULL) {
        (void)arguments_fail(replay_arguments_idle(), "only goes with --replay");
        return OPTIONS_EXIT_FAILURE;
    }
    if (!choose_colour(&arguments->colour)) {
        return OPTIONS_EXIT_FAILURE;
    }
    complete_plan(arguments);
    return OPTIONS_RUN;
}

void arguments_clear(struct arguments *arguments)
{
    message_clear(&arguments->message);
    macro_store_clear(&arguments->macros);
}
