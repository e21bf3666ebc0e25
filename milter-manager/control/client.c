/*
 * client - the command line's side of the controller.
 *
 * Owns nothing beyond a run.  The manager that runs is not touched but through
 * its controller.
 */
#include "milter-manager/control/client.h"

#include "libcore/base/log.h"
#include "libcore/base/markup.h"
#include "milter-manager/check/path_report.h"
#include "milter-manager/control/client_text.h"
#include "milter-manager/control/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct client_arguments client_arguments;
const char *client_first_given;

static const char client_token_variable[] = "MILTER_MANAGER_CONTROL_TOKEN";
static const double client_patience = 10.0;        /* s */
static const double client_reload_patience = 90.0; /* s: what it evaluates may wait for others */

const struct option_entry client_entries[] = {
    {.name = "control",
     .kind = OPTION_STRING,
     .target = &client_arguments.command,
     .argument = "COMMAND",
     .help = "ask the manager that runs: status, sessions, metrics, configuration, health, "
             "reload, enable NAME, disable NAME"},
    {.name = "json",
     .kind = OPTION_FLAG,
     .target = &client_arguments.json,
     .help = "print what it answers as it is"},
    {.name = "control-spec",
     .kind = OPTION_STRING,
     .target = &client_arguments.spec,
     .argument = "SPEC",
     .help = "where its controller listens (default: controller.connection_spec of the "
             "configuration)"},
    {0},
};

typedef void client_show_fn(const json_t *answer, struct buffer *text);

/* What can be asked; show NULL: the answer is text already. */
static const struct client_command {
    const char *name, *method;
    const char *before, *behind; /* the path, around the name of a milter */
    bool named;
    client_show_fn *show;
} client_commands[] = {
    {"status", "GET", "/status", "", false, client_text_status},
    {"sessions", "GET", "/status", "", false, client_text_sessions},
    {"metrics", "GET", "/metrics", "", false, NULL},
    {"configuration", "GET", "/configuration", "", false, NULL},
    {"health", "GET", "/readyz", "", false, NULL},
    {"reload", "POST", "/reload", "", false, client_text_reload},
    {"enable", "POST", "/children/", "/enable", true, client_text_switch},
    {"disable", "POST", "/children/", "/disable", true, client_text_switch},
};

/* ---- the command ---- */

/* NULL: the message was printed. */
static const struct client_command *client_find(const struct client_arguments *arguments)
{
    for (size_t i = 0; i < sizeof(client_commands) / sizeof(client_commands[0]); i++) {
        const struct client_command *command = &client_commands[i];

        if (strcmp(command->name, arguments->command) != 0) {
            continue;
        }
        if (arguments->words.count == (command->named ? 1U : 0U)) {
            return command;
        }
        (void)fprintf(stderr, "milter-manager: --control %s takes %s, not %zu words\n",
                      command->name,
                      command->named ? "the name of one milter" : "nothing behind it",
                      arguments->words.count);
        return NULL;
    }
    (void)fprintf(stderr, "milter-manager: --control: unknown command: %s; it should be one of",
                  arguments->command);
    for (size_t i = 0; i < sizeof(client_commands) / sizeof(client_commands[0]); i++) {
        (void)fprintf(stderr, "%s %s", i == 0 ? "" : ",", client_commands[i].name);
    }
    (void)fputc('\n', stderr);
    return NULL;
}

static void client_path(const struct client_command *command, const char *name, struct buffer *path)
{
    buffer_append_string(path, command->before);
    if (command->named) {
        markup_path(path, slice_from_string(name));
    }
    buffer_append(path, command->behind, strlen(command->behind) + 1);
}

/* ---- where ---- */

struct client_place {
    const char *spec, *token;
    struct socket_address address;
    struct configuration *configuration; /* holds spec and token, or NULL */
    struct error mistake;                /* in the configuration */
};

static void client_ignore(void *owner, const char *message)
{
    (void)owner;
    (void)message;
}

/* What is wrong with the files is not the question: the manager that runs may have others. */
static struct configuration *client_load(const struct manager_options *options,
                                         struct error *mistake)
{
    const struct configuration_sources sources = {
        .directory = options->config_directory,
        .overrides = options->overrides,
        .override_count = options->override_count,
        .report = client_ignore,
        .warn = client_ignore,
        .keep_incomplete = true,
    };
    struct error error = {0};

    log_set_levels(options->log_level == NULL ? 0 : log_levels());
    (void)log_set_path("/dev/stderr", &error);
    return configuration_load(&sources, mistake);
}

static bool client_find_place(const struct manager_options *options,
                              const struct client_arguments *arguments, struct client_place *place)
{
    struct error error = {0};

    place->spec = arguments->spec;
    if (place->spec == NULL) {
        place->configuration = client_load(options, &place->mistake);
        place->spec = place->configuration->controller.connection_spec;
        place->token = place->configuration->controller.token;
    }
    if (getenv(client_token_variable) != NULL) {
        place->token = getenv(client_token_variable);
    }
    if (place->spec == NULL) {
        (void)fprintf(stderr,
                      "milter-manager: the configuration %s%s: set controller.connection_spec and "
                      "start the manager anew, or name the place with --control-spec\n",
                      place->mistake.code == ERROR_NONE ? "has no controller"
                                                        : "does not tell where the controller is: ",
                      place->mistake.message);
        return false;
    }
    if (!connection_spec_parse(place->spec, &place->address, &error)) {
        (void)fprintf(stderr, "milter-manager: --control-spec: %s\n", error.message);
        return false;
    }
    return true;
}

/* ---- the answer ---- */

static bool client_write(FILE *stream, struct slice text)
{
    if (fwrite(text.data, 1, text.length, stream) == text.length && fflush(stream) == 0) {
        return true;
    }
    perror("milter-manager: cannot write the answer");
    return false;
}

static bool client_show(const struct client_command *command, const json_t *answer, FILE *stream)
{
    struct buffer text = {0};
    bool written;

    command->show(answer, &text);
    written = client_write(stream, buffer_slice(&text));
    buffer_clear(&text);
    return written;
}

static enum client_status client_refused(const struct client_place *place,
                                         const struct exchange *exchange, const json_t *answer)
{
    const char *sentence = json_string_value(json_object_get(answer, "error"));
    struct slice body = buffer_slice(&exchange->body);

    if (exchange->status == 401) {
        (void)fprintf(stderr,
                      "milter-manager: the controller at <%s> refuses %s token: it stands in "
                      "controller.token of its configuration; %s takes it too\n",
                      place->spec, place->token == NULL ? "to answer without the" : "this",
                      client_token_variable);
    } else if (sentence != NULL) {
        (void)fprintf(stderr, "milter-manager: %s\n", sentence);
    } else {
        (void)fprintf(stderr, "milter-manager: the controller at <%s> answers %u: %.*s\n",
                      place->spec, exchange->status,
                      (int)strcspn(body.length > 0 ? body.data : "\n", "\n"),
                      body.length > 0 ? body.data : "");
    }
    return CLIENT_REFUSED;
}

static enum client_status client_answered(const struct client_arguments *arguments,
                                          const struct client_command *command,
                                          const struct client_place *place,
                                          const struct exchange *exchange, FILE *stream)
{
    struct slice body = buffer_slice(&exchange->body);
    json_t *answer = json_loadb(body.data, body.length, 0, NULL);
    enum client_status status = CLIENT_DONE;

    if (exchange->status != 200) {
        status = client_refused(place, exchange, answer);
    } else if (command->show == NULL || arguments->json) {
        status = client_write(stream, body) ? CLIENT_DONE : CLIENT_REFUSED;
    } else if (answer == NULL) {
        (void)fprintf(stderr,
                      "milter-manager: what answers at <%s> is no controller of "
                      "milter-manager: it sends no JSON\n",
                      place->spec);
        status = CLIENT_UNREACHABLE;
    } else {
        status = client_show(command, answer, stream) ? CLIENT_DONE : CLIENT_REFUSED;
    }
    json_decref(answer);
    return status;
}

/* A unix socket that is there, and not for this user: who it is for. */
static bool client_closed(const struct client_place *place)
{
    const struct sockaddr_un *address = (const struct sockaddr_un *)&place->address.storage;
    char element[PATH_ELEMENT_TEXT], user[PATH_NAME_TEXT];
    struct path_report report;
    struct error error = {0};
    bool closed;

    if (address->sun_family != AF_UNIX || access(address->sun_path, W_OK) == 0 || errno != EACCES) {
        return false;
    }
    closed = !path_report_make(&report, address->sun_path, PATH_CONNECT, &error) &&
             report.culprit >= 0 && report.elements[report.culprit].known;
    if (closed) {
        (void)fprintf(stderr,
                      "milter-manager: the controller at <%s> is closed to user %s: %s; ask as "
                      "root or as the user of the manager, or open it to a group with "
                      "controller.unix_socket_group\n",
                      place->spec, path_user_name(geteuid(), user),
                      path_element_format(&report.elements[report.culprit], element));
    }
    path_report_clear(&report);
    return closed;
}

static enum client_status client_ask(const struct client_arguments *arguments,
                                     const struct client_command *command,
                                     const struct client_place *place, FILE *stream)
{
    struct buffer path = {0};
    struct error error = {0};
    struct exchange exchange = {
        .address = &place->address,
        .method = command->method,
        .token = place->token,
        .patience = strcmp(command->name, "reload") == 0 ? client_reload_patience : client_patience,
    };
    enum client_status status = CLIENT_UNREACHABLE;

    client_path(command, command->named ? arguments->words.items[0] : "", &path);
    exchange.path = buffer_slice(&path).data;
    if (exchange_run(&exchange, &error)) {
        status = client_answered(arguments, command, place, &exchange, stream);
    } else if (!client_closed(place)) {
        (void)fprintf(stderr,
                      "milter-manager: the controller at <%s> does not answer: %s; does the "
                      "manager run, with this controller.connection_spec?\n",
                      place->spec, error.message);
    }
    exchange_clear(&exchange);
    buffer_clear(&path);
    return status;
}

enum client_status client_run(const struct manager_options *options, FILE *stream)
{
    const struct client_arguments *arguments = &client_arguments;
    const struct client_command *command = client_find(arguments);
    struct client_place place = {0};
    enum client_status status = CLIENT_UNREACHABLE;

    if (command == NULL) {
        return CLIENT_REFUSED;
    }
    if (client_find_place(options, arguments, &place)) {
        status = client_ask(arguments, command, &place, stream);
    }
    configuration_release(place.configuration);
    return status;
}
