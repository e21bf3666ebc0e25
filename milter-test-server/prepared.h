/*
 * prepared - a message taken apart into the payloads and macro sets that its
 * commands carry, once, however many sessions send it.
 */
#ifndef MILTER_TEST_SERVER_PREPARED_H
#define MILTER_TEST_SERVER_PREPARED_H

#include "milter-test-server/steps.h"

struct prepared_command {
    struct slice payload;
    struct slice spaced; /* the payload for a filter that wants leading blanks in headers */
    struct slice macros; /* for a filter without macro lists; data NULL: the stage has none */
};

struct prepared_step {
    struct prepared_command *commands;
    size_t count;
};

struct prepared {
    struct arena arena; /* owns what is below, but not the body's bytes */
    const struct message *message;
    struct prepared_step steps[STEPS];
};

/* plan and message stay the caller's and must outlive *prepared. */
void prepared_init(struct prepared *prepared, const struct session_plan *plan,
                   const struct message *message);
void prepared_clear(struct prepared *prepared);

#endif
