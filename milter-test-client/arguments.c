/*
 * arguments - the command line of milter-test-client.
 *
 * How it listens, runs and logs stands here, what it answers in
 * answer_arguments.
 */
#include "milter-test-client/arguments.h"

#include "libcore/base/file.h"
#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "milter-test-client/answer_arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char program_name[] = "milter-test-client";
static const char default_spec[] = "inet:10025@[127.0.0.1]";

/* What the table of options points to; copied out when everything has been read. */
static struct {
    const char *spec;
    const char *user;
    const char *group;
    const char *socket_group;
    unsigned socket_mode;
    bool daemon;
    const char *pid_file;
    unsigned n_workers;
    unsigned packet_buffer_size;
    unsigned max_pending;
    bool syslog;
    const char *facility;
    bool report_off;
    enum session_format format;
    const char *record_directory;
    bool memory_profile;
    bool version;
} given;

static bool take_backend(void *target, const char *value, struct error *error)
{
    (void)target;
    if (strcmp(value, "libev") == 0) {
        return true;
    }
    if (strcmp(value, "glib") == 0) {
        error_set(error, ERROR_USAGE, "this program was built without the glib event loop backend");
    } else {
        error_set(error, ERROR_USAGE,
                  "unknown event loop backend: <%s> available values: [glib|libev]", value);
    }
    return false;
}

static bool take_log_level(void *target, const char *value, struct error *error)
{
    unsigned levels = log_levels();

    (void)target;
    if (!log_level_parse(value, &levels, error)) {
        return false;
    }
    log_set_levels(levels);
    return true;
}

static bool take_log_path(void *target, const char *value, struct error *error)
{
    (void)target;
    return log_set_path(value, error);
}

static bool take_verbose(void *target, const char *value, struct error *error)
{
    (void)target;
    (void)value;
    (void)error;
    log_set_levels(LOG_LEVEL_ALL);
    return true;
}

static bool take_quiet(void *target, const char *value, struct error *error)
{
    (void)target;
    (void)value;
    (void)error;
    log_set_levels(0);
    return true;
}

static bool take_facility(void *target, const char *value, struct error *error)
{
    (void)target;
    if (!log_facility_valid(value)) {
        error_set(error, ERROR_USAGE, "unknown syslog facility: <%s>", value);
        return false;
    }
    given.facility = value;
    return true;
}

static bool take_old_socket_group(void *target, const char *value, struct error *error)
{
    (void)target;
    (void)error;
    fprintf(stderr, "%s: --socket-group-name is deprecated, use --unix-socket-group\n",
            program_name);
    given.socket_group = value;
    return true;
}

static bool take_format(void *target, const char *value, struct error *error)
{
    static const char *const names[] = {
        [SESSION_FORMAT_TEXT] = "text",
        [SESSION_FORMAT_JSON] = "json",
        [SESSION_FORMAT_SESSION] = "session",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(value, names[i]) == 0) {
            *(enum session_format *)target = (enum session_format)i;
            return true;
        }
    }
    error_set(error, ERROR_USAGE, "unknown format <%s>; text, json and session are known", value);
    return false;
}

static const struct option_entry own_entries[] = {
    {.name = "no-report-request",
     .kind = OPTION_FLAG,
     .target = &given.report_off,
     .help = "do not print what is received"},
    {.name = "output-format",
     .kind = OPTION_CALLBACK,
     .callback = take_format,
     .target = &given.format,
     .argument = "text|json|session",
     .help = "how it is printed: lines to read (default), one JSON object a line, or a session "
             "file"},
    {.name = "record",
     .kind = OPTION_STRING,
     .target = &given.record_directory,
     .argument = "DIR",
     .help = "save each connection there as a session file, for milter-test-server --replay"},
    {.name = "report-memory-profile",
     .kind = OPTION_FLAG,
     .target = &given.memory_profile,
     .help = "print the use of memory after each session, details with the environment's "
             "MILTER_MEMORY_PROFILE=yes"},
    {.name = "version", .kind = OPTION_FLAG, .target = &given.version, .help = "print the version"},
    {.name = "help",
     .letter = 'h',
     .kind = OPTION_HELP,
     .maximum = OPTION_ALL_GROUPS,
     .help = "print this help (also -?)"},
    {.letter = '?', .kind = OPTION_HELP, .maximum = OPTION_ALL_GROUPS},
    {0},
};

#define TEXT(option, short_option, place, value, text)                                             \
    {                                                                                              \
        .name = (option), .letter = (short_option), .kind = OPTION_STRING, .target = &given.place, \
        .argument = (value), .help = (text)                                                        \
    }
#define TAKE(option, short_option, function, value, text)                                          \
    {                                                                                              \
        .name = (option), .letter = (short_option), .kind = OPTION_CALLBACK,                       \
        .callback = (function), .argument = (value), .help = (text)                                \
    }
#define NUMBER(option, place, value, limit, text)                                                  \
    {                                                                                              \
        .name = (option), .kind = OPTION_UNSIGNED, .target = &given.place, .argument = (value),    \
        .maximum = (limit), .help = (text)                                                         \
    }

static const struct option_entry milter_entries[] = {
    TEXT("connection-spec", 's', spec, "SPEC",
         "listen there: unix:PATH, inet:PORT[@HOST], inet6:PORT[@HOST] (default: the environment's "
         "MILTER_DEFAULT_CONNECTION_SPEC, else inet:10025@[127.0.0.1])"),
    TEXT("unix-socket-group", '\0', socket_group, "GROUP", "group of the unix socket"),
    TAKE("socket-group-name", '\0', take_old_socket_group, "GROUP", NULL),
    {.name = "unix-socket-mode",
     .kind = OPTION_MODE,
     .target = &given.socket_mode,
     .argument = "MODE",
     .help = "access to the unix socket, 660 or ug=rw (default 0660)"},
    {.name = "daemon",
     .kind = OPTION_FLAG,
     .target = &given.daemon,
     .help = "detach from the terminal"},
    {.name = "no-daemon",
     .kind = OPTION_FLAG_OFF,
     .target = &given.daemon,
     .help = "cancel an earlier --daemon"},
    TEXT("pid-file", '\0', pid_file, "FILE", "write the process number there"),
    TEXT("user", 'u', user, "UID or NAME", "run as that user (needs root)"),
    {.name = "user-id",
     .kind = OPTION_USER_ID,
     .target = &given.user,
     .argument = "UID",
     .help = "the same, as a number"},
    TEXT("user-name", '\0', user, "NAME", "the same, as a name"),
    TEXT("group", 'g', group, "GID or NAME", "run with that group (needs root)"),
    {.name = "group-id",
     .kind = OPTION_GROUP_ID,
     .target = &given.group,
     .argument = "GID",
     .help = "the same, as a number"},
    TEXT("group-name", '\0', group, "NAME", "the same, as a name"),
    NUMBER("n-workers", n_workers, "N", 1000,
           "processes that share the listening socket (default 0: this one does it all)"),
    TAKE("event-loop-backend", '\0', take_backend, "glib|libev", "event loop (default libev)"),
    NUMBER("packet-buffer-size", packet_buffer_size, "BYTES", 0,
           "collect replies up to that size before writing (default 0: write each)"),
    NUMBER("max-pending-finished-sessions", max_pending, "N", 0,
           "clear finished sessions away when there are so many (default 0: when idle)"),
    {0},
};

static const struct option_entry log_entries[] = {
    TAKE("log-level", '\0', take_log_level, "LEVEL",
         "what is logged: all, default, none or names joined with |, +NAME and -NAME change it"),
    TAKE("log-path", '\0', take_log_path, "PATH", "log file, - is standard output"),
    TAKE("verbose", 'v', take_verbose, NULL, "log everything"),
    TAKE("quiet", 'q', take_quiet, NULL, "log nothing"),
    {.name = "syslog",
     .kind = OPTION_FLAG,
     .target = &given.syslog,
     .help = "log to syslog as well"},
    TAKE("syslog-facility", '\0', take_facility, "FACILITY", "facility of syslog (default mail)"),
    {0},
};

static enum option_outcome arguments_fail(const char *option, const char *sentence)
{
    fprintf(stderr, "%s: %s: %s\n", program_name, option, sentence);
    return OPTIONS_EXIT_FAILURE;
}

/* A daemon leaves its directory; what the paths mean must not change by that.  Never freed. */
static const char *absolute(const char *prefix, const char *path)
{
    char *from_everywhere = file_absolute_path(path);
    char *text = memory_format("%s%s", prefix, from_everywhere);

    free(from_everywhere);
    return text;
}

static const char *daemon_spec(const char *spec)
{
    static const char *const prefixes[] = {"unix:", "local:"};

    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(spec, prefixes[i], strlen(prefixes[i])) == 0) {
            return absolute(prefixes[i], spec + strlen(prefixes[i]));
        }
    }
    return spec;
}

static const char *choose_spec(void)
{
    const char *environment = getenv("MILTER_DEFAULT_CONNECTION_SPEC");
    const char *spec = given.spec;

    if (spec == NULL) {
        spec = environment != NULL && environment[0] != '\0' ? environment : default_spec;
    }
    return given.daemon ? daemon_spec(spec) : spec;
}

static enum option_outcome complete(struct arguments *arguments)
{
    struct server_options *server = &arguments->server;
    struct error error = {0};

    *arguments = (struct arguments){
        .user = given.user,
        .group = given.group,
        .daemon = given.daemon,
        .pid_file =
            given.daemon && given.pid_file != NULL ? absolute("", given.pid_file) : given.pid_file,
        .n_workers = given.n_workers,
    };
    server->spec = choose_spec();
    server->listener.unix_socket_mode = given.socket_mode;
    server->listener.unix_socket_group = given.socket_group;
    server->listener.remove_unix_socket_on_create = true;
    server->listener.remove_unix_socket_on_close = true;
    server->session.report_request = !given.report_off;
    server->session.format = given.format;
    if (given.record_directory != NULL) {
        server->session.record_directory =
            given.daemon ? absolute("", given.record_directory) : given.record_directory;
    }
    server->session.policy = answer_arguments_take();
    server->memory_profile = given.memory_profile;
    server->session.packet_buffer_size = given.packet_buffer_size;
    server->max_pending_finished_sessions = given.max_pending;
    if (!connection_spec_parse(server->spec, &server->address, &error)) {
        return arguments_fail(given.spec != NULL ? "--connection-spec"
                                                 : "MILTER_DEFAULT_CONNECTION_SPEC",
                              error.message);
    }
    if ((given.syslog || given.facility != NULL) &&
        !log_set_syslog(given.syslog, given.facility, &error)) {
        return arguments_fail("--syslog", error.message);
    }
    return OPTIONS_RUN;
}

enum option_outcome arguments_parse(struct arguments *arguments, int argc, char **argv)
{
    static const struct option_group groups[] = {
        {"Options", own_entries, NULL},
        {"Answers", action_entries, NULL},
        {"Edits at the end of a message", edit_entries, NULL},
        {"Negotiation", negotiation_entries, NULL},
        {"Delays and faults", fault_entries, NULL},
        {"Milter", milter_entries, NULL},
        {"Log", log_entries, NULL},
    };
    static const struct option_program program = {
        .name = program_name,
        .version = MILTER_MANAGER_VERSION,
        .summary = "A milter that prints what a mail server sends, and answers what it is told to.",
        .groups = groups,
        .group_count = sizeof(groups) / sizeof(groups[0]),
    };
    enum option_outcome outcome;

    given.socket_mode = 0660;
    outcome = options_parse(&program, argc, argv);
    if (outcome == OPTIONS_RUN && given.version) {
        puts(MILTER_MANAGER_VERSION);
        return OPTIONS_EXIT_SUCCESS;
    }
    return outcome == OPTIONS_RUN ? complete(arguments) : outcome;
}
