/*
 * arguments - the command line of milter-test-server.
 */
#include "milter-test-server/arguments.h"

#include "libcore/base/memory.h"
#include "libcore/net/connect_address.h"
#include "libcore/session/macros.h"
#include "libcore/wire/protocol.h"
#include "milter-test-server/composition.h"
#include "milter-test-server/load_options.h"
#include "milter-test-server/replay_arguments.h"
#include "milter-test-server/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char program_name[] = "milter-test-server";

/* What the table of options points to; copied out when everything has been read. */
static struct {
    struct arguments *arguments;
    struct composition composition;
    char address[CONNECT_ADDRESS_TEXT];
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
    /* Names of the first options of these groups. */
    const char *of_message, *of_macros, *of_load, *of_output;
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

static bool take_connect_address(void *target, const char *value, struct error *error)
{
    (void)target;
    return connect_address_parse(value, &given.arguments->plan.connect, given.address, error);
}

/* target: which part of the message; what comes of the parts is made when all are known. */
static bool take_part(void *target, const char *value, struct error *error)
{
    enum composition_part part = *(const enum composition_part *)target;
    const char *colon = strchr(value, ':');

    if (part == PART_HEADER && (colon == NULL || colon == value)) {
        error_set(error, ERROR_USAGE, "headers option should be 'NAME:VALUE'");
        return false;
    }
    composition_add(&given.composition, part, value);
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

static enum composition_part sender = PART_SENDER, recipient = PART_RECIPIENT, header = PART_HEADER,
                             body = PART_BODY, mail = PART_MAIL;
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
#define PART(option, short_option, part, value, text)                                              \
    {                                                                                              \
        .name = (option), .letter = (short_option), .kind = OPTION_CALLBACK,                       \
        .callback = take_part, .target = &(part), .argument = (value), .help = (text)              \
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
    {0},
};

static const struct option_entry message_entries[] = {
    STRING("connect-host", connect_host, "HOST", "name of the client (default mx.example.net)"),
    TAKE("connect-address", '\0', take_connect_address, "SPEC",
         "address of the client, or unknown (default inet:50443@[192.168.123.123])"),
    STRING("helo-fqdn", helo, "FQDN", "argument of HELO (default delian)"),
    PART("envelope-from", 'f', sender, "FROM", "envelope sender (default sender@example.com)"),
    PART("from", '\0', sender, "FROM", NULL),
    PART("envelope-recipient", 'r', recipient, "RCPT",
         "envelope recipient, repeatable (default receiver@example.org)"),
    PART("recipient", '\0', recipient, "RCPT", NULL),
    STRING("unknown", unknown, "COMMAND", "SMTP command nobody knows, sent after the recipients"),
    PART("header", 'h', header, "NAME:VALUE", "header field, repeatable"),
    PART("body", 'b', body, "CHUNK", "chunk of the body, repeatable"),
    PART("mail-file", 'm', mail, "PATH",
         "take sender, recipients, header and body from a mail; - is standard input; "
         "under load repeatable, or a directory of mails"),
    AUTHENTICATED("authenticated-name", auth_authen, "auth_authen", "NAME"),
    AUTHENTICATED("authenticated-type", auth_type, "auth_type", "TYPE"),
    AUTHENTICATED("authenticated-author", auth_author, "auth_author", "AUTHOR"),
    {.name = "negotiate-version",
     .kind = OPTION_UNSIGNED,
     .target = &given.version,
     .argument = "N",
     .help = "protocol version to offer (default 6)"},
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

static const struct option_entry output_entries[] = {
    {.name = "output-message",
     .kind = OPTION_FLAG,
     .target = &given.output_message,
     .help = "print the resulting message, what was changed is marked"},
    {.name = "color",
     .kind = OPTION_OPTIONAL_STRING,
     .target = &given.colour,
     .argument = "yes|true|no|false|auto",
     .help = "colour the message (default auto: on a terminal; without argument: yes)"},
    {0},
};

static const struct option_entry program_entries[] = {
    STRING("name", name, "NAME", "name of this server in its log (default milter-test-server)"),
    {.name = "threads",
     .letter = 't',
     .kind = OPTION_UNSIGNED,
     .target = &given.threads,
     .argument = "N",
     .maximum = 1000000,
     .help = "run N such sessions at the same time; all must succeed"},
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
    plan->macros = &arguments->macros;
    plan->messages_per_session = arguments->load->messages_per_session;
    plan->keep_message = given.output_message;
    arguments->output_message = given.output_message;
    arguments->sessions = given.threads > 0 ? given.threads : 1;
    arguments->replays = replay_arguments_take(&arguments->replay);
    arguments->replay.player.spec = plan->spec;
    arguments->replay.player.address = plan->address;
    arguments->replay.player.connection_timeout = plan->timeouts.connection;
    arguments->replay.player.reply_timeout = plan->timeouts.reading;
    arguments->replay.player.writing_timeout = plan->timeouts.writing;
    arguments->replay.player.end_of_message_timeout = plan->timeouts.end_of_message;
}

/* Under load every mail is a message of its own, else all parts make one. */
static bool make_messages(struct arguments *arguments)
{
    struct error error = {0};
    bool ok;

    if (arguments->load->wanted) {
        ok = composition_build_each(&given.composition, &arguments->messages,
                                    &arguments->message_count, &error);
    } else {
        arguments->messages = NEW(struct message);
        arguments->message_count = 1;
        ok = composition_build(&given.composition, arguments->messages, &error);
    }
    if (!ok) {
        return arguments_fail("--mail-file", error.message);
    }
    arguments->prepared = memory_new(arguments->message_count, sizeof(*arguments->prepared));
    for (size_t i = 0; i < arguments->message_count; i++) {
        prepared_init(arguments->prepared + i, &arguments->plan, arguments->messages + i);
    }
    arguments->plan.messages = arguments->prepared;
    arguments->plan.message_count = arguments->message_count;
    return true;
}

/* The files say what is said: what would say it otherwise has no part in a replay. */
static bool check_replay(const struct arguments *arguments)
{
    const char *const names[] = {given.of_message, given.of_macros, given.of_output, given.of_load,
                                 given.threads > 0 ? "--threads" : NULL};

    if (replay_arguments_idle() != NULL) {
        return arguments_fail(replay_arguments_idle(), "only goes with --replay");
    }
    for (size_t i = 0; arguments->replays && i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i] != NULL) {
            return arguments_fail(names[i], "has no part in a replay: the files say what is sent");
        }
    }
    return true;
}

static bool check_load(struct arguments *arguments)
{
    struct error error = {0};

    arguments->load = load_options_check(&error);
    if (arguments->load == NULL) {
        fprintf(stderr, "%s: %s\n", program_name, error.message);
        return false;
    }
    if (arguments->load->wanted && given.threads > 0) {
        return arguments_fail("--threads", "under load --concurrency says how many sessions run");
    }
    if (arguments->load->wanted && given.output_message) {
        return arguments_fail("--output-message", "under load no message is printed");
    }
    return true;
}

enum option_outcome arguments_parse(struct arguments *arguments, int argc, char **argv)
{
    static const struct option_group groups[] = {
        {"The filter", filter_entries, NULL},
        {"The message", message_entries, &given.of_message},
        {"Macros", macro_entries, &given.of_macros},
        {"Output", output_entries, &given.of_output},
        {"Several messages and sessions", load_entries, &given.of_load},
        {"Replay", replay_entries, NULL},
        {"This program", program_entries, NULL},
    };
    static const struct option_program program = {
        .name = program_name,
        .version = MILTER_MANAGER_VERSION,
        .usage = "[FILE...]",
        .words = &replay_words,
        .summary =
            "Plays the mail server: sends messages to a milter, once or as fast as it can, and "
            "says what came of it.",
        .groups = groups,
        .group_count = sizeof(groups) / sizeof(groups[0]),
    };
    enum option_outcome outcome;

    set_defaults(arguments);
    outcome = options_parse(&program, argc, argv);
    if (outcome != OPTIONS_RUN) {
        return outcome;
    }
    if (!choose_colour(&arguments->colour) || !check_load(arguments)) {
        return OPTIONS_EXIT_FAILURE;
    }
    complete_plan(arguments);
    if (!check_replay(arguments)) {
        return OPTIONS_EXIT_FAILURE;
    }
    return arguments->replays || make_messages(arguments) ? OPTIONS_RUN : OPTIONS_EXIT_FAILURE;
}

void arguments_clear(struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->message_count; i++) {
        message_clear(arguments->messages + i);
        if (arguments->prepared != NULL) {
            prepared_clear(arguments->prepared + i);
        }
    }
    free(arguments->messages);
    free(arguments->prepared);
    composition_clear(&given.composition);
    macro_store_clear(&arguments->macros);
}
