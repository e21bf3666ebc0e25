/*
 * building - the snapshot that configuration files are filling.
 *
 * Between building_begin and building_end the functions of Native change that
 * snapshot; outside they refuse.  One at a time: loads do not nest.
 */
#ifndef MILTER_MANAGER_RUBY_BUILDING_H
#define MILTER_MANAGER_RUBY_BUILDING_H

#include "milter-manager/config/configuration.h"

#include <ruby.h>

/* A new snapshot; the caller has the one reference. */
struct configuration *building_begin(void);
/* The receiver of the files lives as long as the snapshot. */
void building_keep(VALUE object);
void building_end(void);
/* The receiver of a snapshot's files, nil when it has none. */
VALUE building_object(const struct configuration *configuration);

#endif
