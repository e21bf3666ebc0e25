/*
 * arguments - the command line of milter-test-client (tools.md section 2,
 * milter-manager-cli.md section 1.2).
 */
#ifndef MILTER_TEST_CLIENT_ARGUMENTS_H
#define MILTER_TEST_CLIENT_ARGUMENTS_H

#include "libcore/base/options.h"
#include "milter-test-client/server.h"

struct arguments {
    struct server_options server;
    const char *user;  /* NULL: stay */
    const char *group; /* NULL: stay, or the user's */
    const char *pid_file;
    bool daemon;
    unsigned n_workers; /* 0: none */
};

/*
 * Reads the command line into *arguments and sets up the log, which must be
 * open.  For OPTIONS_EXIT_FAILURE the message has been printed to standard error.
 */
enum option_outcome arguments_parse(struct arguments *arguments, int argc, char **argv);

#endif
