/*
 * loop_glib - the event loop driven by GLib's main loop.
 *
 * For programs, or code loaded into them, whose own sources wait in GLib's
 * default main context: they have their turns, too.
 */
#ifndef LIBCORE_NET_LOOP_GLIB_H
#define LIBCORE_NET_LOOP_GLIB_H

#include "libcore/net/loop.h"

/* False: built without GLib; then loop_glib_new must not be called. */
bool loop_glib_available(void);
/* As loop_new.  loop_run runs the default main context, from the calling thread. */
struct loop *loop_glib_new(void);

#endif
