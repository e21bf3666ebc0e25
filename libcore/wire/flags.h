/*
 * flags - the bits of a negotiation by name: "add-headers|quarantine", "all",
 * "none", "0x31" (tools.md section 2).
 */
#ifndef LIBCORE_WIRE_FLAGS_H
#define LIBCORE_WIRE_FLAGS_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"

#include <stdint.h>

enum flags_kind {
    FLAGS_ACTIONS, /* ACTION_* */
    FLAGS_STEPS,   /* STEP_* */
};

/* "none", "all" where it is all that is defined, else the names; nameless bits as 0x... */
void flags_append(struct buffer *output, enum flags_kind kind, uint32_t flags);
/* Names, numbers, all and none, joined with '|' or ','.  False with *error at an unknown one. */
bool flags_parse(enum flags_kind kind, struct slice text, uint32_t *flags, struct error *error);

#endif
