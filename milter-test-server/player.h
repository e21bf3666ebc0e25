/*
 * player - plays the MTA's part of a session file to a filter, and notes what
 * the filter answers.
 *
 * Commands are sent as an MTA would: not those the filter has negotiated away,
 * none of a message it is done with, header values with or without their blank
 * as agreed.  "!" steps are sent whatever was agreed.
 */
#ifndef MILTER_TEST_SERVER_PLAYER_H
#define MILTER_TEST_SERVER_PLAYER_H

#include "libcore/net/connection_spec.h"
#include "libcore/net/loop.h"
#include "milter-test-server/playback.h"

struct player;

/* Everything stays the caller's. */
struct player_options {
    const char *spec; /* as the user wrote it, for messages */
    struct socket_address address;
    double connection_timeout; /* seconds; 0 is for ever; so are the others */
    double reply_timeout;
    double writing_timeout;
    double end_of_message_timeout;
    bool keep_times; /* send no step before its "@" time */
};

/* The playback and the error are complete; free the player, at the earliest from the loop. */
typedef void player_ended_fn(void *owner, struct player *player);

/* file and options must outlive the player. */
struct player *player_new(struct loop *loop, const struct session_file *file,
                          const struct player_options *options, player_ended_fn *ended,
                          void *owner);
void player_free(struct player *player);

/* What became of the file as far as it was played. */
const struct playback *player_playback(const struct player *player);
/*
 * Why the play ended early: no connection, a time-out, a filter that broke the
 * protocol or went away.  ERROR_NONE: the whole file was played.
 */
const struct error *player_error(const struct player *player);
/* From the connection to the end. */
double player_seconds(const struct player *player);

#endif
