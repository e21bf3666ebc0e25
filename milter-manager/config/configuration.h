/*
 * configuration - one loaded configuration as plain C data.
 *
 * A snapshot never changes once it is complete.  It is counted: the daemon
 * holds one reference, every session another, so a reload swaps the daemon's
 * and running sessions finish on theirs.
 */
#ifndef MILTER_MANAGER_CONFIG_CONFIGURATION_H
#define MILTER_MANAGER_CONFIG_CONFIGURATION_H

#include "libcore/net/connection_spec.h"
#include "libcore/wire/verdict.h"
#include "milter-manager/config/value.h"

#include <limits.h>
#include <stdbool.h>
#include <time.h>

struct condition;
struct configuration_details;

/* One child milter (configuration section 5). */
struct configuration_child {
    const char *name;
    const char *connection_spec; /* NULL: not set, the child is not used */
    struct socket_address address;
    const char *description;
    bool enabled;
    enum verdict fallback_status;
    bool evaluation_mode;
    struct condition **conditions; /* in order */
    unsigned condition_count;
    const char *command, *command_options, *user_name;
    const char *detected_command; /* the same pointer as command: detection found it */
    double startup_time;          /* s from running the command to connecting again */
    double connection_timeout, writing_timeout, reading_timeout, end_of_message_timeout; /* s */
    bool surplus_warned; /* sessions have said that it claims more than was offered */
};

/* What the files have defined for the daemon to call. */
enum configuration_hook {
    HOOK_CONNECTION_CHECK = 1 << 0, /* manager.define_connection_checker */
    HOOK_MAINTAINED = 1 << 1,       /* manager.maintained, .report_memory_statistics */
    HOOK_LOOP_CREATED = 1 << 2,     /* manager.event_loop_created */
};

struct configuration {
    unsigned references;
    unsigned generation; /* 1, 2, ... per successful load */
    time_t loaded;       /* when that was complete */
    const char **files;  /* read for it, in that order */
    unsigned file_count;
    struct {
        const char *platform, *options;
    } package;
    struct {
        bool privilege_mode;
        const char *effective_user, *effective_group;
    } security;
    struct {
        unsigned levels;
        const char *path;
        const char *format; /* "text" or "json" */
        bool use_syslog;
        const char *syslog_facility;
    } log;
    struct {
        const char *connection_spec; /* NULL: default */
        unsigned unix_socket_mode;
        const char *unix_socket_group;
        bool remove_unix_socket_on_create, remove_unix_socket_on_close;
        bool daemon;
        const char *pid_file;
        unsigned maintenance_interval;
        unsigned suspend_time_on_unacceptable; /* s */
        unsigned max_connections;
        bool refuse_when_full;
        unsigned max_file_descriptors;
        const char *custom_configuration_directory;
        enum verdict fallback_status;
        enum verdict fallback_status_at_disconnect;
        const char *event_loop_backend;
        unsigned n_workers;
        unsigned packet_buffer_size;
        unsigned connection_check_interval; /* s */
        unsigned chunk_size;
        unsigned max_pending_finished_sessions;
        double condition_timeout;       /* s; 0 = none */
        double shutdown_timeout;        /* s */
        const char *record_sessions;    /* directory, as written; NULL: nothing is recorded */
        unsigned record_sessions_limit; /* bytes of one file */
    } manager;
    struct {
        const char *connection_spec; /* NULL: no controller */
        struct socket_address address;
        const char *token; /* NULL: none is needed */
        unsigned unix_socket_mode;
        const char *unix_socket_group;
        bool remove_unix_socket_on_create, remove_unix_socket_on_close;
    } controller;
    struct {
        const char *type, *name, *host;
        int port; /* -1: not set */
        const char *path, *user, *password;
    } database;
    unsigned hooks;                       /* set of enum configuration_hook */
    struct configuration_child *children; /* in configuration order, disabled ones included */
    unsigned child_count;
    /* What manager.record_sessions is to its conditions: a child that is never connected. */
    struct configuration_child recording;
    struct configuration_details *details; /* owned by config/: strings, locations, conditions */
};

struct configuration *configuration_reference(struct configuration *configuration);
void configuration_release(struct configuration *configuration);

/*
 * Where to listen: the item, else the environment's MILTER_DEFAULT_CONNECTION_SPEC,
 * else inet:10025@[127.0.0.1] (milter-manager-cli.md section 1.3).
 */
const char *configuration_listen_spec(const struct configuration *configuration);
/* True when a file or the command line gave "log.level", say, a value that is not the default. */
bool configuration_assigned(const struct configuration *configuration, const char *key);

/*
 * Where in the administrator's files something was written; line 0 is no
 * location: a default, or the command line.
 */
struct location {
    const char *file;
    int line;
};

/* Where "manager.pid_file", say, was assigned. */
struct location configuration_location(const struct configuration *configuration, const char *key);
/* Where the child was defined, or with name one of its items assigned. */
struct location configuration_child_location(const struct configuration *configuration,
                                             unsigned index, const char *name);
/* Where the condition was defined. */
struct location configuration_condition_location(const struct configuration *configuration,
                                                 const char *name);

/*
 * Building, before the snapshot is handed out.  The file of a location is copied.
 */

/* In place of a child's index. */
enum { CONFIGURATION_RECORDING = INT_MAX };

/* All defaults; the caller has the one reference. */
struct configuration *configuration_new(void);
/* group.name = value as a file says it. */
bool configuration_assign(struct configuration *configuration, const char *group, const char *name,
                          const struct value *value, struct location location, struct error *error);
/* key ("manager.daemon") = value as the command line says it: the location stays. */
bool configuration_override(struct configuration *configuration, const char *key,
                            const struct value *value, struct error *error);
bool configuration_value(const struct configuration *configuration, const char *group,
                         const char *name, struct value *value);

/* Index of the child of that name, or -1. */
int configuration_find_child(const struct configuration *configuration, const char *name);
/* Creates or finds it: a child keeps its place when it is opened again. */
unsigned configuration_define_child(struct configuration *configuration, const char *name,
                                    struct location location);
bool configuration_remove_child(struct configuration *configuration, const char *name);
bool configuration_assign_child(struct configuration *configuration, unsigned index,
                                const char *name, const struct value *value,
                                struct location location, struct error *error);
bool configuration_child_value(const struct configuration *configuration, unsigned index,
                               const char *name, struct value *value);
/* The conditions of a child, or of the recording: index CONFIGURATION_RECORDING. */
void configuration_clear_child_conditions(struct configuration *configuration, unsigned index);
bool configuration_add_child_condition(struct configuration *configuration, unsigned index,
                                       const char *name, struct location location,
                                       struct error *error);
/* Name of the child's condition at position, NULL at the end. */
const char *configuration_child_condition(const struct configuration *configuration, unsigned index,
                                          unsigned position);

/* NULL: it has none, or there is no such condition. */
const char *configuration_condition_description(const struct configuration *configuration,
                                                const char *name);
/* condition: what the session asks; stays owned by the engine (configuration_set_engine). */
void configuration_define_condition(struct configuration *configuration, const char *name,
                                    struct condition *condition, struct location location);
/* NULL when there is none of that name. */
struct condition *configuration_find_condition(const struct configuration *configuration,
                                               const char *name);
/* description NULL: none; location line 0: the default. */
void configuration_describe_condition(struct configuration *configuration, const char *name,
                                      const char *description, struct location location);

/* release(engine) is called once when the last reference is gone. */
void configuration_set_engine(struct configuration *configuration, void *engine,
                              void (*release)(void *engine));
void *configuration_engine(const struct configuration *configuration);
/* A file has been read for it. */
void configuration_note_file(struct configuration *configuration, const char *path);
/*
 * What only all items together show; false with *error: it may not be used.  The message has the
 * place of the mistake.
 */
bool configuration_check(const struct configuration *configuration, struct error *error);
/* All was said: privilege mode is root's alone, and the generation gets its number. */
void configuration_complete(struct configuration *configuration);

#endif
