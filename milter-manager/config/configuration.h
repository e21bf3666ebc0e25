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

#include <stdbool.h>

struct condition;

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
    double connection_timeout, writing_timeout, reading_timeout, end_of_message_timeout; /* s */
};

struct configuration {
    unsigned references;
    unsigned generation; /* 1, 2, ... per successful load */
    struct {
        bool privilege_mode;
        const char *effective_user, *effective_group;
    } security;
    struct {
        unsigned levels;
        const char *path;
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
        double condition_timeout; /* s; 0 = none */
        double shutdown_timeout;  /* s */
    } manager;
    struct configuration_child *children; /* in configuration order, disabled ones included */
    unsigned child_count;
    void *details; /* owned by config/: strings, locations, conditions, other groups */
};

struct configuration *configuration_reference(struct configuration *configuration);
void configuration_release(struct configuration *configuration);

#endif
