/*
 * replay_arguments - the options of the replay (milter-test-server(1)).
 */
#ifndef MILTER_TEST_SERVER_REPLAY_ARGUMENTS_H
#define MILTER_TEST_SERVER_REPLAY_ARGUMENTS_H

#include "libcore/base/options.h"
#include "milter-test-server/replay.h"

/* Fill what replay_arguments_take gives out. */
extern const struct option_entry replay_entries[];
/* The words behind the options: more files. */
extern struct option_strings replay_words;

/* The first option or word that stands for nothing without --replay; NULL: all is well. */
const char *replay_arguments_idle(void);
/* True when there is something to replay; options gets all but the player's part. */
bool replay_arguments_take(struct replay_options *options);

#endif
