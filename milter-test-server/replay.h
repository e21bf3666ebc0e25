/*
 * replay - plays session files to a filter and says which of them it answered
 * as expected (milter-session(5)).
 */
#ifndef MILTER_TEST_SERVER_REPLAY_H
#define MILTER_TEST_SERVER_REPLAY_H

#include "milter-test-server/player.h"
#include "milter-test-server/replay_report.h"

struct replay_options {
    struct player_options player;
    const char *const *paths; /* files, and directories that are searched for *.session */
    size_t path_count;
    enum replay_format format;
    unsigned jobs; /* files at the same time; at least 1 */
    bool update;   /* write what was answered in place of what was expected */
};

/*
 * True when every file was played and answered as expected, or has been
 * updated.  Reports go to standard output, in the order of the files; what
 * keeps a file from being read or written goes to standard error.
 */
bool replay_run(const struct replay_options *options);

#endif
