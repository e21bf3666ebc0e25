/*
 * virtual_mta - the mail server of a scenario: says one command after the other
 * as far as the answers allow, and remembers what it was answered.
 */
#ifndef MILTER_MANAGER_EXPLAIN_VIRTUAL_MTA_H
#define MILTER_MANAGER_EXPLAIN_VIRTUAL_MTA_H

#include "libcore/session/mta.h"
#include "milter-manager/explain/scenario.h"

/* An answer that is not just "go on", and the one that ended it all. */
struct virtual_answer {
    enum command command;
    enum verdict verdict;
    struct slice recipient; /* at RCPT, else empty; the scenario's */
};

struct virtual_mta {
    const struct scenario *scenario;
    struct mta mta;
    struct buffer said;     /* what the session has not taken yet */
    struct buffer heard;    /* what the session has answered */
    struct buffer commands; /* what is still to be said, as packets */
    struct buffer macros;   /* scratch */
    size_t recipients, refused;
    struct virtual_answer *answers;
    unsigned answer_count;
    bool finished; /* it has said QUIT */
};

/* Must not be moved until virtual_mta_clear. */
void virtual_mta_init(struct virtual_mta *virtual, const struct scenario *scenario);
/* Appends the negotiation to what it said. */
void virtual_mta_begin(struct virtual_mta *virtual);
/* Takes what it heard, and goes on.  False with *error: that was no answer. */
bool virtual_mta_hear(struct virtual_mta *virtual, struct error *error);
void virtual_mta_clear(struct virtual_mta *virtual);

#endif
