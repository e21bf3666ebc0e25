/*
 * negotiation - the O packet in both directions (milter-protocol section 3).
 */
#ifndef LIBCORE_WIRE_NEGOTIATION_H
#define LIBCORE_WIRE_NEGOTIATION_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"
#include "libcore/wire/protocol.h"

struct negotiation {
    uint32_t version;
    uint32_t actions; /* ACTION_* */
    uint32_t steps;   /* STEP_* */
    /* What follows the twelve bytes: macro lists in an answer.  Not owned. */
    struct slice macro_lists;
};

/* False with *error when the payload is shorter than twelve bytes. */
bool negotiation_decode(struct slice payload, struct negotiation *negotiation, struct error *error);
void negotiation_append(struct buffer *output, const struct negotiation *negotiation);

/*
 * Takes the next macro list: the stage as a command and its names.  Unknown
 * stages are passed over.  False at the end, or where the bytes stop making sense.
 */
bool negotiation_list_next(struct slice *lists, enum command *stage, struct slice *names);
/* The stage with that number in macro lists; false behind the last one. */
bool negotiation_list_stage(uint32_t number, enum command *stage);
void negotiation_list_append(struct buffer *lists, enum command stage, struct slice names);

/*
 * What the filter side makes of an offer (section 3.3): the version bounded by
 * ours, empty action and step words filled in.  False for version 1 and below.
 */
bool negotiation_accept_offer(struct negotiation *offer, struct error *error);
/*
 * What the MTA side makes of an answer (section 3.4): the version must be
 * 2..offered; actions and steps that were not offered are dropped and told in
 * *surplus (actions and steps only; zero when there are none).
 */
bool negotiation_accept_answer(struct negotiation *answer, const struct negotiation *offer,
                               struct negotiation *surplus, struct error *error);

/* True when a filter with this answer is sent that command. */
bool negotiation_sends(const struct negotiation *answer, enum command command);
/* True when it will also answer it. */
bool negotiation_replies(const struct negotiation *answer, enum command command);

#endif
