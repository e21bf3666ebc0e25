/*
 * assumption - what a milter is supposed to answer in a scenario: --assume.
 */
#ifndef MILTER_MANAGER_EXPLAIN_ASSUMPTION_H
#define MILTER_MANAGER_EXPLAIN_ASSUMPTION_H

#include "libcore/base/options.h"
#include "milter-manager/config/configuration.h"

#include "libcore/wire/protocol.h"

struct assumption {
    char *milter;         /* its name */
    enum command stage;   /* NEGOTIATE: it cannot be reached */
    bool fails;           /* instead of answering */
    enum verdict verdict; /* else */
};

/* {0} is empty; clear it. */
struct assumptions {
    struct assumption *items;
    unsigned count;
};

/*
 * Adds NAME=VERDICT[@STAGE]: accept, reject, temporary-failure, discard, or
 * failure.  Without STAGE a milter answers so at the end of the message, and a
 * failing one cannot be reached.
 */
bool assumptions_add(struct assumptions *assumptions, const char *text, struct error *error);
/* False with *error when one is about a milter that takes no part. */
bool assumptions_check(const struct assumptions *assumptions,
                       const struct configuration *configuration, struct error *error);
/* The last one about that milter at that stage, or NULL. */
const struct assumption *assumptions_find(const struct assumptions *assumptions, const char *milter,
                                          enum command stage);
void assumptions_clear(struct assumptions *assumptions);

#endif
