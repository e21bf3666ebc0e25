/*
 * details - what a snapshot remembers beyond its plain values.
 *
 * Shared by configuration.c and show.c only.  Everything in it lives in the
 * snapshot's arena, or in the arrays that configuration.c frees.
 */
#ifndef MILTER_MANAGER_CONFIG_DETAILS_H
#define MILTER_MANAGER_CONFIG_DETAILS_H

#include "libcore/base/arena.h"
#include "milter-manager/config/configuration.h"

struct details_reference { /* a child's use of a condition */
    const char *name;
    struct location location;
};

struct details_child { /* parallel to configuration->children */
    struct location location;
    struct location *items; /* one per row of child_items */
    struct details_reference *references;
};

struct details_condition {
    const char *name;
    const char *description;
    struct location location;
    struct location description_location;
    struct condition *condition;
};

struct configuration_details {
    struct arena arena;
    struct location *items; /* one per row of configuration_items */
    bool *overridden;       /* the same: given on the command line */
    struct details_child *children;
    struct details_child recording; /* its references alone */
    struct details_condition *conditions;
    unsigned condition_count;
    void *engine;
    void (*engine_release)(void *engine);
};

#endif
