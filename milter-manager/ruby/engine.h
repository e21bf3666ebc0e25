/*
 * engine - the embedded Ruby interpreter: start, event loop, stop.
 *
 * One per process, on the main thread.  Ruby objects never leave this
 * directory; signals stay with whoever handled them before engine_start.
 */
#ifndef MILTER_MANAGER_RUBY_ENGINE_H
#define MILTER_MANAGER_RUBY_ENGINE_H

#include "libcore/base/error.h"
#include "libcore/net/loop.h"

#include <stdbool.h>

/*
 * Starts Ruby and the Ruby half of the configuration language.  Call it once,
 * from the main thread, before configuration_load.  Starting again is a no-op.
 */
bool engine_start(struct error *error);
/* Conditions that wait need the loop; set it before the first question.  NULL: none. */
void engine_set_loop(struct loop *loop);
/* In the child after a fork that goes on using Ruby (daemonising). */
void engine_after_fork(void);
/* Drops all pending questions and ends Ruby for good. */
void engine_stop(void);

#endif
