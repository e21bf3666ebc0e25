/*
 * arguments - the command line of milter-test-server (tools.md section 1.1).
 */
#ifndef MILTER_TEST_SERVER_ARGUMENTS_H
#define MILTER_TEST_SERVER_ARGUMENTS_H

#include "libcore/base/options.h"
#include "milter-test-server/load_options.h"
#include "milter-test-server/prepared.h"
#include "milter-test-server/replay.h"
#include "milter-test-server/session.h"

struct arguments {
    struct session_plan plan; /* spec is NULL when none was given */
    struct message *messages;
    struct prepared *prepared; /* of each message */
    size_t message_count;
    struct macro_store macros;
    bool replays; /* instead of sending the message */
    struct replay_options replay;
    unsigned sessions; /* at the same time; at least 1 */
    const struct load_options *load;
    bool output_message;
    bool colour;
};

/*
 * Reads the command line, and the mail files it names, into *arguments, which
 * must not be moved afterwards.  For OPTIONS_EXIT_FAILURE the message has been
 * printed to standard error.
 */
enum option_outcome arguments_parse(struct arguments *arguments, int argc, char **argv);
void arguments_clear(struct arguments *arguments);

#endif
