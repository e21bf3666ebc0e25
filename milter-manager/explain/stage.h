/*
 * stage - the commands of a mail by the names that logs and options give them.
 */
#ifndef MILTER_MANAGER_EXPLAIN_STAGE_H
#define MILTER_MANAGER_EXPLAIN_STAGE_H

#include "libcore/base/error.h"
#include "libcore/base/slice.h"
#include "libcore/wire/protocol.h"

enum stage_set {
    STAGES_ANSWERED,    /* those that a milter answers */
    STAGES_WITH_MACROS, /* those that macros travel with */
};

/* False with *error, which names those there are, for a name that is not in the set. */
bool stage_parse(struct slice name, enum stage_set set, enum command *stage, struct error *error);

#endif
