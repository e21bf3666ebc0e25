/*
 * items - the rows of the table of configuration items.
 *
 * Data only.  To add an item: a member of struct configuration, a row here, its
 * name in the Ruby class of its group; everything else follows.
 */
#include "milter-manager/config/configuration.h"
#include "milter-manager/config/item.h"

#include "libcore/base/log.h"

#include <limits.h>
#include <stddef.h>

#ifndef MILTER_MANAGER_PLATFORM
#define MILTER_MANAGER_PLATFORM NULL
#endif
#ifndef MILTER_MANAGER_PACKAGE_OPTIONS
#define MILTER_MANAGER_PACKAGE_OPTIONS NULL
#endif

static const char *const backends[] = {"glib", "libev", NULL};
static const char *const formats[] = {"json", "text", NULL};
static const char *const facilities[] = {
    "auth",   "authpriv", "cron",   "daemon", "ftp",    "kern",   "local0",
    "local1", "local2",   "local3", "local4", "local5", "local6", "local7",
    "lpr",    "mail",     "news",   "syslog", "user",   "uucp",   NULL};

#ifdef WITH_GLIB
#define ONLY_LIBEV NULL
#else
#define ONLY_LIBEV "this program is built without GLib"
#endif

/* Each row ends in its summary and, where there is one, .details = and other members. */
#define AT(group, member)      .offset = offsetof(struct configuration, group.member)
#define NAMED(group_, member_) .group = #group_, .name = #member_, AT(group_, member_)
#define CHILD(member_)                                                                             \
    .group = "milter", .name = #member_, .offset = offsetof(struct configuration_child, member_)

#define STRING_ROW(group_, member_, ...)                                                           \
    {                                                                                              \
        NAMED(group_, member_), .type = ITEM_STRING, .summary = __VA_ARGS__                        \
    }
#define SPEC_ROW(group_, member_, ...)                                                             \
    {                                                                                              \
        NAMED(group_, member_), .type = ITEM_SPEC, .summary = __VA_ARGS__                          \
    }
#define USER_ROW(group_, member_, ...)                                                             \
    {                                                                                              \
        NAMED(group_, member_), .type = ITEM_USER, .summary = __VA_ARGS__                          \
    }
#define BOOLEAN_ROW(group_, member_, default_, ...)                                                \
    {                                                                                              \
        NAMED(group_, member_), .type = ITEM_BOOLEAN, .number = default_, .summary = __VA_ARGS__   \
    }
#define MODE_ROW(group_, member_, ...)                                                             \
    {                                                                                              \
        NAMED(group_, member_), .type = ITEM_MODE, .number = 0660, .maximum = 07777,               \
                                .summary = __VA_ARGS__                                             \
    }
#define UNSIGNED_ROW(group_, member_, default_, minimum_, maximum_, ...)                           \
    {                                                                                              \
        NAMED(group_, member_), .type = ITEM_UNSIGNED, .number = default_, .minimum = minimum_,    \
                                .maximum = maximum_, .summary = __VA_ARGS__                        \
    }
#define SECONDS_ROW(group_, member_, default_, ...)                                                \
    {                                                                                              \
        NAMED(group_, member_), .type = ITEM_SECONDS, .number = default_, .maximum = INT_MAX,      \
                                .summary = __VA_ARGS__                                             \
    }
#define FALLBACK_ROW(group_, member_, default_, ...)                                               \
    {                                                                                              \
        NAMED(group_, member_), .type = ITEM_FALLBACK, .number = default_, .summary = __VA_ARGS__  \
    }
#define CHILD_SECONDS_ROW(member_, default_, ...)                                                  \
    {                                                                                              \
        CHILD(member_), .type = ITEM_SECONDS, .number = default_, .maximum = INT_MAX,              \
                        .flags = ITEM_POSITIVE, .summary = __VA_ARGS__                             \
    }
#define CHILD_STRING_ROW(member_, ...)                                                             \
    {                                                                                              \
        CHILD(member_), .type = ITEM_STRING, .summary = __VA_ARGS__                                \
    }

const struct item configuration_items[] = {
    {NAMED(package, platform), .type = ITEM_STRING, .text = MILTER_MANAGER_PLATFORM,
     .flags = ITEM_ALWAYS_DEFAULT,
     .summary = "Platform whose installed milters load_default looks for",
     .details = "`load_default` loads `defaults/PLATFORM.conf`. Set it before that call; an empty "
                "one looks "
                "for nothing."},
    {NAMED(package, options), .type = ITEM_STRING, .text = MILTER_MANAGER_PACKAGE_OPTIONS,
     .flags = ITEM_ALWAYS_DEFAULT,
     .summary = "Options of that search, \"KEY=VALUE,KEY=VALUE\" or a hash",
     .details = "Read, it is a hash in both cases. See `DETECTION OF INSTALLED MILTERS`."},

    {NAMED(security, privilege_mode), .type = ITEM_BOOLEAN, .flags = ITEM_TEXT_BOOLEAN,
     .summary = "Whether root may start milters with their commands",
     .details = "Always false for others than root. The texts `\"true\"` and `\"false\"` are "
                "taken too."},
    USER_ROW(security, effective_user,
             "User to run as, by name or number, when root starts the program",
             .details = "`nil`: root stays root, or becomes `nobody` when only the group is set."),
    USER_ROW(security, effective_group,
             "Group to run with, by name or number; nil is the user's own",
             .details = "Supplementary groups are always those of the user."),

    {.group = "log",
     .name = "level",
     AT(log, levels),
     .type = ITEM_LEVELS,
     .number = LOG_LEVEL_DEFAULT,
     .summary = "What is logged: names joined by |, \"default\", \"all\", \"none\", +NAME, -NAME",
     .details = "The names are `critical`, `error`, `warning`, `message`, `info`, `debug`, "
                "`trace`, `statistics` and `profile`; see `milter-manager(8)`."},
    STRING_ROW(log, path, "Log file; nil is standard output",
               .details = "Opened again when `SIGUSR1` comes."),
    {NAMED(log, format), .type = ITEM_CHOICE, .text = "text", .choices = formats,
     .summary = "Form of the lines in the log file: \"text\", or \"json\", one object a line",
     .details = "Syslog gets text in both cases. See `LOG` in `milter-manager(8)`."},
    BOOLEAN_ROW(log, use_syslog, true, "Whether to log to syslog as well"),
    {NAMED(log, syslog_facility), .type = ITEM_CHOICE, .text = "mail", .choices = facilities,
     .summary = "Facility of syslog"},

    SPEC_ROW(manager, connection_spec,
             "Where the mail server connects to; nil is inet:10025@[127.0.0.1]",
             .details = "`$MILTER_DEFAULT_CONNECTION_SPEC` comes before that default."),
    MODE_ROW(manager, unix_socket_mode, "Mode of a unix socket"),
    USER_ROW(manager, unix_socket_group, "Group of a unix socket, by name or number",
             .details = "The user that the program runs as must be in it."),
    BOOLEAN_ROW(manager, remove_unix_socket_on_create, true,
                "Whether a unix socket nobody listens on is removed at the start",
                .details = "If not, it is an error."),
    BOOLEAN_ROW(manager, remove_unix_socket_on_close, true,
                "Whether the unix socket is removed at the end"),
    BOOLEAN_ROW(manager, daemon, false, "Whether to run in the background"),
    STRING_ROW(manager, pid_file, "File for the process number"),
    UNSIGNED_ROW(manager, maintenance_interval, 10, 0, INT_MAX,
                 "Maintenance comes after that many finished sessions; nil only when idle",
                 .flags = ITEM_NIL_IS_ZERO,
                 .details = "It writes the line `[sessions][finished]`. It comes as well when no "
                            "session is open any more, and a second after one has ended; with 0 "
                            "or `nil` only then."),
    UNSIGNED_ROW(manager, suspend_time_on_unacceptable, 5, 0, INT_MAX,
                 "Seconds without accepting connections when there are too many"),
    UNSIGNED_ROW(
        manager, max_connections, 0, 0, INT_MAX,
        "Mail server connections at a time; 0 is as many as the limit of open files allows"),
    BOOLEAN_ROW(manager, refuse_when_full, false,
                "Whether connections above the maximum are closed at once instead of queued"),
    UNSIGNED_ROW(manager, max_file_descriptors, 0, 0, INT_MAX,
                 "Limit of open files; 0 is the hard limit the process was given",
                 .details = "Each session needs one for the mail server and one for each child."),
    STRING_ROW(manager, custom_configuration_directory, "Last directory of the load path",
               .details = "A file `milter-manager.custom.conf` in it is read after all others."),
    FALLBACK_ROW(manager, fallback_status, VERDICT_ACCEPT,
                 "Answer when the manager itself cannot do its work",
                 .details = "See `WHEN SOMETHING FAILS`."),
    FALLBACK_ROW(manager, fallback_status_at_disconnect, VERDICT_TEMPORARY_FAILURE,
                 "Answer when a connection checker says that the SMTP client has gone"),
    {NAMED(manager, event_loop_backend), .type = ITEM_CHOICE, .text = "libev", .choices = backends,
     .only_default_why = ONLY_LIBEV, .summary = "Event loop: its own, or that of GLib",
     .details = "It makes no difference to mail. With `\"glib\"` what libraries wait for in the "
                "default main context of GLib has its turns as well. A change takes effect at the "
                "next start "
                "or upgrade."},
    UNSIGNED_ROW(manager, n_workers, 0, 0, 1000, "Worker processes; 0 is none",
                 .details = "Each takes connections and has its own "
                            "`manager.max_connections`. "
                            "A change takes effect at the next start or upgrade."),
    UNSIGNED_ROW(manager, packet_buffer_size, 0, 0, INT_MAX,
                 "Bytes of a replaced body collected before they are written to the mail server",
                 .details = "0 leaves it to the program."),
    UNSIGNED_ROW(manager, connection_check_interval, 0, 0, INT_MAX,
                 "Seconds between checks whether the SMTP client is still there; 0 is never",
                 .details = "Does nothing without a checker. See `CONNECTION CHECKERS`."),
    UNSIGNED_ROW(manager, chunk_size, 65535, 1, 65535,
                 "Largest piece of a body sent to a milter at once, in bytes",
                 .flags = ITEM_CLAMPED),
    UNSIGNED_ROW(manager, max_pending_finished_sessions, 0, 0, INT_MAX,
                 "Finished sessions that may wait for maintenance; 0 is no limit of its own",
                 .details = "Then `manager.maintenance_interval` is the limit. The memory of "
                            "sessions is given back at once in any case."),
    SECONDS_ROW(manager, condition_timeout, 5.0,
                "Seconds a condition may take; then its answer counts as false; 0 is no limit",
                .details = "Both of waiting and of computing."),
    SECONDS_ROW(manager, shutdown_timeout, 60.0,
                "Seconds that running sessions may go on after SIGTERM"),
    STRING_ROW(manager, record_sessions,
               "Directory where sessions are recorded, with the mail in them",
               .details = "See `RECORDING SESSIONS`. `nil`: nothing is recorded."),
    UNSIGNED_ROW(manager, record_sessions_limit, 1048576, 4096, INT_MAX,
                 "Bytes of one such file; what does not fit is left out"),

    SPEC_ROW(controller, connection_spec, "Where the controller listens; nil is not at all",
             .address_offset = offsetof(struct configuration, controller.address),
             .details = "It serves status, metrics and commands over HTTP, see `CONTROLLER` in "
                        "`milter-manager(8)`. Where other hosts can connect it needs "
                        "`controller.token`. A change takes effect at the next start or upgrade."),
    STRING_ROW(controller, token, "Secret that its clients have to know; nil is none",
               .flags = ITEM_SECRET,
               .details = "At least 8 visible ASCII characters. `milter-manager --control` takes "
                          "it from here; it is never shown."),
    MODE_ROW(controller, unix_socket_mode, "Mode of its unix socket"),
    USER_ROW(controller, unix_socket_group, "Group of its unix socket, by name or number"),
    BOOLEAN_ROW(controller, remove_unix_socket_on_create, true,
                "Whether a unix socket nobody listens on is removed at the start"),
    BOOLEAN_ROW(controller, remove_unix_socket_on_close, true,
                "Whether its unix socket is removed at the end"),

    STRING_ROW(database, type, "Kind of the database that conditions use",
               .details = "`\"mysql\"`, `\"mysql2\"`, `\"sqlite3\"` or `\"pg\"`; anything else is "
                          "taken for the name of an adapter."),
    STRING_ROW(database, name, "Its name; of sqlite3 the file, or \":memory:\""),
    STRING_ROW(database, host, "Host of its server; nil is localhost for MySQL"),
    {NAMED(database, port), .type = ITEM_PORT, .number = -1, .minimum = 0, .maximum = 65535,
     .summary = "Port of its server; nil is 3306 for MySQL"},
    STRING_ROW(database, path, "Unix socket of its server; of sqlite3 the file when name is nil"),
    STRING_ROW(database, user, "User to log in as; nil is root for MySQL"),
    STRING_ROW(database, password, "Password of that user", .flags = ITEM_PASSWORD,
               .details = "`--show-config` prints it, the controller does not."),
};
const unsigned configuration_item_count =
    sizeof(configuration_items) / sizeof(configuration_items[0]);

const struct item child_items[] = {
    {CHILD(connection_spec), .type = ITEM_SPEC,
     .address_offset = offsetof(struct configuration_child, address),
     .summary = "Where it listens: unix:PATH, inet:PORT@HOST, inet6:PORT@HOST",
     .details = "A child without one is not used; a warning says so when the configuration is "
                "read, an error in each session."},
    CHILD_STRING_ROW(description, "Text for people"),
    {CHILD(enabled), .type = ITEM_BOOLEAN, .number = true, .summary = "Whether it is used"},
    {CHILD(fallback_status), .type = ITEM_FALLBACK, .number = VERDICT_ACCEPT,
     .summary = "Answer assumed when it fails", .details = "See `WHEN SOMETHING FAILS`."},
    {CHILD(evaluation_mode), .type = ITEM_BOOLEAN,
     .summary = "Whether its answers are logged and then ignored",
     .details = "To try a child on real mail: it sees everything, its refusals count as accept, "
                "and its changes are dropped. Statistics lines show its answers and headers, "
                "level debug the other changes."},
    CHILD_STRING_ROW(command, "Program that is run when it cannot be reached",
                     .flags = ITEM_COMMAND_LINE,
                     .details = "Needs `security.privilege_mode`. Quotes and backslashes are those "
                                "of a shell; there is none. See `STARTING CHILDREN`."),
    CHILD_STRING_ROW(command_options, "Arguments of that program; an array is quoted and joined",
                     .flags = ITEM_COMMAND_LINE),
    CHILD_STRING_ROW(user_name, "User to run that program as; nil is root"),
    CHILD_SECONDS_ROW(startup_time, 5.0, "Seconds that program has until it can be connected to"),
    CHILD_SECONDS_ROW(connection_timeout, 297.0, "Seconds that connecting may take"),
    CHILD_SECONDS_ROW(writing_timeout, 7.0, "Seconds it may keep from reading what it is sent"),
    CHILD_SECONDS_ROW(reading_timeout, 7.0, "Seconds it may take for an answer"),
    CHILD_SECONDS_ROW(end_of_message_timeout, 297.0,
                      "Seconds it may take for the answer to the end of a message",
                      .details = "Counted anew with each sign of progress."),
};
const unsigned child_item_count = sizeof(child_items) / sizeof(child_items[0]);
