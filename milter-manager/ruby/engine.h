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
#include <sys/types.h>

/*
 * Starts Ruby and the Ruby half of the configuration language.  Call it once,
 * from the main thread, before configuration_load.  Starting again is a no-op.
 */
bool engine_start(struct error *error);
/* Conditions that wait need the loop; set it before the first question.  NULL: none. */
void engine_set_loop(struct loop *loop);
/*
 * As fork, for a child that goes on using Ruby (a daemon, a worker): only a fork
 * that Ruby knows of leaves it its signals and threads.
 */
pid_t engine_fork(void);
/* Drops all pending questions and ends Ruby for good. */
void engine_stop(void);

#endif
