/*
 * watch - the health of the children on the clock of the event loop.
 */
#ifndef MILTER_MANAGER_CHILD_WATCH_H
#define MILTER_MANAGER_CHILD_WATCH_H

#include "libcore/net/loop.h"
#include "milter-manager/config/configuration.h"

struct watch;

/*
 * The children of the configuration are watched; one in a process.  When another
 * configuration is in force: health_adopt.
 */
struct watch *watch_new(struct loop *loop, const struct configuration *configuration);
/* Tells what was left out.  NULL is allowed. */
void watch_free(struct watch *watch);

#endif
