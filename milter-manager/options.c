/*
 * options - the table of the manager's command line options.
 *
 * Values become overrides of configuration items after parsing, in a fixed
 * order.  Owns nothing: strings stay with the option parser.
 */
#include "milter-manager/options.h"

#include "libcore/base/log.h"
#include "libcore/net/loop_glib.h"
#include "milter-manager/config/show.h"
#include "milter-manager/control/client.h"
#include "milter-manager/explain/arguments.h"

#include <limits.h>
#include <string.h>

enum {
    GROUP_MAIN = 1 << 0,
    GROUP_MILTER = 1 << 1,
    GROUP_EXPLAIN = 1 << 2,
    GROUP_CONTROL = 1 << 3,
};

/* Where the parser puts what it finds; *_given says that there was something. */
static struct {
    const char *config_directory, *syslog_facility, *log_path;
    bool show_config, check_config, syslog;
    const char *connection_spec, *pid_file, *user, *group, *unix_socket_group;
    const char *log_level, *log_format, *event_loop_backend;
    unsigned unix_socket_mode, workers, packet_buffer_size, pending_sessions;
    bool unix_socket_mode_given, workers_given, packet_buffer_size_given, pending_sessions_given;
    bool daemon, daemon_given;
} parsed;

static bool take_spec(void *target, const char *value, struct error *error)
{
    struct socket_address address;

    *(const char **)target = value;
    return connection_spec_parse(value, &address, error);
}

static bool take_backend(void *target, const char *value, struct error *error)
{
    *(const char **)target = value;
    if (strcmp(value, "libev") == 0 || (strcmp(value, "glib") == 0 && loop_glib_available())) {
        return true;
    }
    if (strcmp(value, "glib") == 0) {
        error_set(error, ERROR_USAGE, "<glib>: this program is built without GLib");
    } else {
        error_set(error, ERROR_USAGE,
                  "unknown event loop backend: <%s> available values: [glib|libev]", value);
    }
    return false;
}

static bool take_log_level(void *target, const char *value, struct error *error)
{
    unsigned levels = 0;

    *(const char **)target = value;
    return log_level_parse(value, &levels, error);
}

/* At once: also what is wrong with the other options is said so. */
static bool take_log_format(void *target, const char *value, struct error *error)
{
    *(const char **)target = value;
    return log_set_format(value, error);
}

static bool take_verbose(void *target, const char *value, struct error *error)
{
    (void)value;
    (void)error;
    *(const char **)target = "all";
    return true;
}

static bool take_quiet(void *target, const char *value, struct error *error)
{
    (void)value;
    (void)error;
    *(const char **)target = "none";
    return true;
}

static bool take_facility(void *target, const char *value, struct error *error)
{
    *(const char **)target = value;
    if (!log_facility_valid(value)) {
        error_set(error, ERROR_USAGE, "unknown syslog facility: <%s>", value);
        return false;
    }
    return true;
}

static bool take_deprecated_group(void *target, const char *value, struct error *error)
{
    (void)error;
    *(const char **)target = value;
    (void)fprintf(stderr, "--socket-group-name is deprecated: use --unix-socket-group\n");
    return true;
}

static const struct option_entry main_options[] = {
    {.name = "help",
     .letter = 'h',
     .kind = OPTION_HELP,
     .maximum = GROUP_MAIN,
     .help = "show this help"},
    {.letter = '?', .kind = OPTION_HELP, .maximum = GROUP_MAIN},
    {.name = "help-milter",
     .kind = OPTION_HELP,
     .maximum = GROUP_MILTER,
     .help = "show the common milter options"},
    {.name = "help-explain",
     .kind = OPTION_HELP,
     .maximum = GROUP_EXPLAIN,
     .help = "show the options of --explain"},
    {.name = "help-control",
     .kind = OPTION_HELP,
     .maximum = GROUP_CONTROL,
     .help = "show the options that ask the manager that runs"},
    {.name = "help-all",
     .kind = OPTION_HELP,
     .maximum = OPTION_ALL_GROUPS,
     .help = "show all options"},
    {.name = "config-dir",
     .letter = 'c',
     .kind = OPTION_STRING,
     .target = &parsed.config_directory,
     .argument = "DIRECTORY",
     .help = "look for configuration files in DIRECTORY first"},
    {.name = "show-config",
     .kind = OPTION_FLAG,
     .target = &parsed.show_config,
     .help = "print the resulting configuration and exit"},
    EXPLAIN_OPTION,
    {.name = "check-config",
     .kind = OPTION_FLAG,
     .target = &parsed.check_config,
     .help = "check configuration and milters, print what is found, and exit"},
    {.name = "version", .kind = OPTION_VERSION, .help = "print the version and exit"},
    {0},
};

static const struct option_entry milter_options[] = {
    {.name = "connection-spec",
     .letter = 's',
     .kind = OPTION_CALLBACK,
     .callback = take_spec,
     .target = &parsed.connection_spec,
     .argument = "SPEC",
     .help = "listen on unix:PATH, inet:PORT[@HOST] or inet6:PORT[@HOST]"},
    {.name = "pid-file",
     .kind = OPTION_STRING,
     .target = &parsed.pid_file,
     .argument = "FILE",
     .help = "write the process id to FILE"},
    {.name = "user",
     .letter = 'u',
     .kind = OPTION_STRING,
     .target = &parsed.user,
     .argument = "USER",
     .help = "run as USER, a name or a number (needs root)"},
    {.name = "user-id",
     .kind = OPTION_USER_ID,
     .target = &parsed.user,
     .argument = "UID",
     .help = "run as the user with that number"},
    {.name = "user-name",
     .kind = OPTION_STRING,
     .target = &parsed.user,
     .argument = "NAME",
     .help = "run as the user of that name"},
    {.name = "group",
     .letter = 'g',
     .kind = OPTION_STRING,
     .target = &parsed.group,
     .argument = "GROUP",
     .help = "run as GROUP, a name or a number (needs root)"},
    {.name = "group-id",
     .kind = OPTION_GROUP_ID,
     .target = &parsed.group,
     .argument = "GID",
     .help = "run as the group with that number"},
    {.name = "group-name",
     .kind = OPTION_STRING,
     .target = &parsed.group,
     .argument = "NAME",
     .help = "run as the group of that name"},
    {.name = "unix-socket-group",
     .kind = OPTION_STRING,
     .target = &parsed.unix_socket_group,
     .argument = "GROUP",
     .help = "group of a unix listening socket"},
    {.name = "socket-group-name",
     .kind = OPTION_CALLBACK,
     .callback = take_deprecated_group,
     .target = &parsed.unix_socket_group,
     .argument = "GROUP"},
    {.name = "unix-socket-mode",
     .kind = OPTION_MODE,
     .target = &parsed.unix_socket_mode,
     .given = &parsed.unix_socket_mode_given,
     .argument = "MODE",
     .help = "mode of a unix listening socket, 660 or ug=rw (default 0660)"},
    {.name = "daemon",
     .kind = OPTION_FLAG,
     .target = &parsed.daemon,
     .given = &parsed.daemon_given,
     .help = "run in the background"},
    {.name = "no-daemon",
     .kind = OPTION_FLAG_OFF,
     .target = &parsed.daemon,
     .given = &parsed.daemon_given,
     .help = "stay in the foreground"},
    {.name = "n-workers",
     .kind = OPTION_UNSIGNED,
     .target = &parsed.workers,
     .given = &parsed.workers_given,
     .maximum = 1000,
     .argument = "N",
     .help = "worker processes (default 0: one process does everything)"},
    {.name = "event-loop-backend",
     .kind = OPTION_CALLBACK,
     .callback = take_backend,
     .target = &parsed.event_loop_backend,
     .argument = "BACKEND",
     .help = "event loop: libev (default) or, when built with it, glib"},
    {.name = "packet-buffer-size",
     .kind = OPTION_UNSIGNED,
     .target = &parsed.packet_buffer_size,
     .given = &parsed.packet_buffer_size_given,
     .maximum = INT_MAX,
     .argument = "SIZE",
     .help = "bytes of the end-of-message answer to collect before writing (default 0)"},
    {.name = "max-pending-finished-sessions",
     .kind = OPTION_UNSIGNED,
     .target = &parsed.pending_sessions,
     .given = &parsed.pending_sessions_given,
     .maximum = INT_MAX,
     .argument = "N",
     .help = "finished sessions kept until the process is idle (default 0: no limit)"},
    {.name = "log-level",
     .kind = OPTION_CALLBACK,
     .callback = take_log_level,
     .target = &parsed.log_level,
     .argument = "LEVEL",
     .help = "levels to log: default, all, none, names joined by |, +NAME or -NAME"},
    {.name = "log-path",
     .kind = OPTION_STRING,
     .target = &parsed.log_path,
     .argument = "PATH",
     .help = "log to PATH, - for standard output"},
    {.name = "log-format",
     .kind = OPTION_CALLBACK,
     .callback = take_log_format,
     .target = &parsed.log_format,
     .argument = "FORMAT",
     .help = "text (default) or json, one object a line"},
    {.name = "verbose",
     .letter = 'v',
     .kind = OPTION_CALLBACK,
     .callback = take_verbose,
     .target = &parsed.log_level,
     .help = "log everything"},
    {.name = "quiet",
     .letter = 'q',
     .kind = OPTION_CALLBACK,
     .callback = take_quiet,
     .target = &parsed.log_level,
     .help = "log nothing"},
    {.name = "syslog",
     .kind = OPTION_FLAG,
     .target = &parsed.syslog,
     .help = "log to syslog from the start on"},
    {.name = "syslog-facility",
     .kind = OPTION_CALLBACK,
     .callback = take_facility,
     .target = &parsed.syslog_facility,
     .argument = "FACILITY",
     .help = "facility of syslog (default mail)"},
    {0},
};

static const struct option_group groups[] = {
    {.title = "Options", .entries = main_options},
    {.title = "Milter options", .entries = milter_options},
    {.title = "Explain options: the mail in question",
     .entries = explain_entries,
     .given = &explain_first_given},
    {.title = "Control options: what the manager that runs is asked",
     .entries = client_entries,
     .given = &client_first_given},
};

static void add_override(struct manager_options *options, const char *key, bool given,
                         struct value value)
{
    if (given) {
        options->overrides[options->override_count++] =
            (struct configuration_override){.key = key, .value = value};
    }
}

static void add_string(struct manager_options *options, const char *key, const char *value)
{
    add_override(options, key, value != NULL, value_string(value));
}

static void add_overrides(struct manager_options *options)
{
    add_string(options, "manager.connection_spec", parsed.connection_spec);
    add_string(options, "manager.pid_file", parsed.pid_file);
    add_string(options, "security.effective_user", parsed.user);
    add_string(options, "security.effective_group", parsed.group);
    add_string(options, "manager.unix_socket_group", parsed.unix_socket_group);
    add_override(options, "manager.unix_socket_mode", parsed.unix_socket_mode_given,
                 value_integer(parsed.unix_socket_mode));
    add_override(options, "manager.daemon", parsed.daemon_given, value_boolean(parsed.daemon));
    add_override(options, "manager.n_workers", parsed.workers_given, value_integer(parsed.workers));
    add_string(options, "manager.event_loop_backend", parsed.event_loop_backend);
    add_override(options, "manager.packet_buffer_size", parsed.packet_buffer_size_given,
                 value_integer(parsed.packet_buffer_size));
    add_override(options, "manager.max_pending_finished_sessions", parsed.pending_sessions_given,
                 value_integer(parsed.pending_sessions));
    add_string(options, "log.level", parsed.log_level);
    add_string(options, "log.path", parsed.log_path);
    add_string(options, "log.format", parsed.log_format);
    add_override(options, "log.use_syslog", parsed.syslog, value_boolean(true));
    add_string(options, "log.syslog_facility", parsed.syslog_facility);
}

/* One thing is asked for at a time, and a mail only of what looks at it. */
static bool check_explain(struct manager_options *options)
{
    if (explain_first_given != NULL && !explain_arguments.wanted) {
        (void)fprintf(stderr, "milter-manager: %s: only goes with --explain\n",
                      explain_first_given);
        return false;
    }
    if (parsed.show_config + parsed.check_config + explain_arguments.wanted > 1) {
        (void)fprintf(stderr, "milter-manager: %s: does not go with %s\n",
                      explain_arguments.wanted ? "--explain" : "--check-config",
                      parsed.show_config ? "--show-config" : "--check-config");
        return false;
    }
    options->explain = explain_arguments.wanted ? &explain_arguments : NULL;
    return true;
}

static bool check_control(struct manager_options *options)
{
    bool other = parsed.show_config || parsed.check_config || explain_arguments.wanted;

    options->control = client_arguments.command != NULL;
    if (client_first_given != NULL && !options->control) {
        (void)fprintf(stderr, "milter-manager: %s: only goes with --control\n", client_first_given);
        return false;
    }
    if (options->control && other) {
        (void)fprintf(stderr, "milter-manager: --control: does not go with %s\n",
                      explain_arguments.wanted ? "--explain"
                      : parsed.show_config     ? "--show-config"
                                               : "--check-config");
        return false;
    }
    return true;
}

enum option_outcome manager_options_parse(struct manager_options *options, int argc, char **argv)
{
    const struct option_program program = {
        .name = "milter-manager",
        .version = MILTER_MANAGER_VERSION,
        .summary = "Passes mail through several milters on behalf of one MTA.",
        .groups = groups,
        .group_count = sizeof(groups) / sizeof(groups[0]),
        .words = &client_arguments.words,
    };
    enum option_outcome outcome;

    memset(options, 0, sizeof(*options));
    memset(&parsed, 0, sizeof(parsed));
    memset(&explain_arguments, 0, sizeof(explain_arguments));
    explain_first_given = NULL;
    memset(&client_arguments, 0, sizeof(client_arguments));
    client_first_given = NULL;
    outcome = options_parse(&program, argc, argv);
    if (outcome == OPTIONS_RUN) {
        options->config_directory = parsed.config_directory;
        options->show_config = parsed.show_config;
        options->check_config = parsed.check_config;
        options->syslog = parsed.syslog;
        options->syslog_facility = parsed.syslog_facility;
        options->log_level = parsed.log_level;
        options->log_path = parsed.log_path;
        add_overrides(options);
    }
    if (outcome == OPTIONS_RUN && (!check_explain(options) || !check_control(options))) {
        outcome = OPTIONS_EXIT_FAILURE;
    }
    return outcome;
}

bool manager_options_start_log(const struct manager_options *options, struct error *error)
{
    unsigned levels = log_levels(); /* what +NAME and -NAME change */

    if (options->log_level != NULL) {
        if (!log_level_parse(options->log_level, &levels, error)) {
            return false;
        }
        log_set_levels(levels);
    }
    if (options->log_path != NULL && !log_set_path(options->log_path, error)) {
        return false;
    }
    return !options->syslog || log_set_syslog(true, options->syslog_facility, error);
}

bool manager_options_override(const struct manager_options *options, const char *key)
{
    for (unsigned i = 0; i < options->override_count; i++) {
        if (strcmp(options->overrides[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

struct configuration *manager_options_load(const struct manager_options *options,
                                           configuration_report_fn *report,
                                           configuration_report_fn *warn, void *report_owner,
                                           struct error *error)
{
    const struct configuration_sources sources = {
        .directory = options->config_directory,
        .overrides = options->overrides,
        .override_count = options->override_count,
        .report = report,
        .warn = warn,
        .report_owner = report_owner,
    };

    return configuration_load(&sources, error);
}

static void print_message(void *owner, const char *message)
{
    (void)fprintf(owner, "milter-manager: %s\n", message);
}

bool manager_options_show(const struct manager_options *options, FILE *stream)
{
    struct error error = {0};
    struct configuration *configuration;
    bool written;

    (void)log_set_path("/dev/stderr", &error);
    configuration = manager_options_load(options, print_message, NULL, stderr, &error);
    if (configuration == NULL) {
        return false;
    }
    written = configuration_show(configuration, stream);
    configuration_release(configuration);
    if (!written) {
        perror("milter-manager: failed to write the configuration");
    }
    return written;
}
