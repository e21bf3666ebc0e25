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

/* Every message of a load, "FILE:LINE: ..." each. */
typedef void configuration_report_fn(void *owner, const char *message);

struct configuration_sources {
    const char *directory; /* --config-dir or NULL: first in the load path */
    const struct configuration_override *overrides;
    unsigned override_count;
    configuration_report_fn *report; /* NULL: the log, level error */
    configuration_report_fn *warn;   /* what works but is hardly meant; NULL: the log, warning */
    void *report_owner;              /* of both */
    bool keep_incomplete;            /* give out what there is in spite of errors, for a report */
};

/*
 * Loads milter-manager.conf, then milter-manager.custom.conf when there is one
 * (configuration section 1).  Returns a snapshot with one reference, or NULL
 * with the first message in *error after all were reported.  With
 * keep_incomplete never NULL: then *error tells whether it may be used for mail.
 * engine_start first.
 */
struct configuration *configuration_load(const struct configuration_sources *sources,
                                         struct error *error);

#endif
