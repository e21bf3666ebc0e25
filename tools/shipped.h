/*
 * shipped - what the files of the shipped conditions say of themselves.
 */
#ifndef TOOLS_SHIPPED_H
#define TOOLS_SHIPPED_H

#include "libcore/base/error.h"

#include <stdbool.h>

struct shipped_condition {
    char *name;
    char *description; /* as --show-config shows it */
    char *comment;     /* the comment at the head of the file, in one line */
};

/* Calls visit for each file of the directory, in the order of names; false when one of them
 * lacks its name, its description or its comment. */
bool shipped_conditions(const char *directory,
                        void (*visit)(const struct shipped_condition *condition, void *owner),
                        void *owner, struct error *error);

#endif
