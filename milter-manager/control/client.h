/*
 * client - milter-manager --control: asks the manager that runs, for shells and scripts.
 */
#ifndef MILTER_MANAGER_CONTROL_CLIENT_H
#define MILTER_MANAGER_CONTROL_CLIENT_H

#include "libcore/base/options.h"
#include "milter-manager/options.h"

#include <stdio.h>

/* As typed; command NULL: --control is not there. */
struct client_arguments {
    const char *command;
    struct option_strings words; /* what follows it */
    const char *spec;            /* where, instead of what the configuration says */
    bool json;                   /* what the manager says, as it is */
};

extern struct client_arguments client_arguments;
extern const struct option_entry client_entries[];
/* The first option of client_entries that is there, as typed; NULL: none. */
extern const char *client_first_given;

/* What the process ends with. */
enum client_status {
    CLIENT_DONE,
    CLIENT_REFUSED,     /* the manager answered no, or the command line makes no sense */
    CLIENT_UNREACHABLE, /* nobody answers */
};

/*
 * Answers go to stream, messages to standard error.  The controller's address
 * and token come from the configuration, mistakes in it do not matter; engine_start first.
 */
enum client_status client_run(const struct manager_options *options, FILE *stream);

#endif
