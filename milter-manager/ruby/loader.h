/*
 * loader - evaluates configuration files into a snapshot.
 *
 * Each load starts from the defaults and builds aside: it gives a complete
 * snapshot or errors, never half of one (manager-semantics section 17 row 13).
 */
#ifndef MILTER_MANAGER_RUBY_LOADER_H
#define MILTER_MANAGER_RUBY_LOADER_H

#include "libcore/base/error.h"
#include "milter-manager/config/configuration.h"

/* A value the command line gives to an item; wins over the files at every load. */
struct configuration_override {
    const char *key; /* "manager.daemon" */
    struct value value;
};

/* Every message of a failed load, "FILE:LINE: ..." each. */
typedef void configuration_report_fn(void *owner, const char *message);

struct configuration_sources {
    const char *directory; /* --config-dir or NULL: first in the load path */
    const struct configuration_override *overrides;
    unsigned override_count;
    configuration_report_fn *report; /* NULL: the log, level error */
    void *report_owner;
};

/*
 * Loads milter-manager.conf, then milter-manager.custom.conf when there is one
 * (configuration section 1).  Returns a snapshot with one reference, or NULL
 * with the first message in *error after all were reported.  engine_start first.
 */
struct configuration *configuration_load(const struct configuration_sources *sources,
                                         struct error *error);

#endif
