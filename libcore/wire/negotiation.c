/*
 * negotiation - the O packet in both directions.  Pure functions.
 */
#include "libcore/wire/negotiation.h"

#include "libcore/wire/packet.h"

enum { NEGOTIATION_SIZE = 12 };

/* Stage numbers of macro lists; end of message stands before end of header there. */
static const enum command negotiation_stages[] = {
    COMMAND_CONNECT, COMMAND_HELO,           COMMAND_MAIL,          COMMAND_RCPT,
    COMMAND_DATA,    COMMAND_END_OF_MESSAGE, COMMAND_END_OF_HEADER,
};
enum { NEGOTIATION_STAGES = sizeof(negotiation_stages) / sizeof(negotiation_stages[0]) };

static uint32_t negotiation_take_uint32(struct slice *input)
{
    const unsigned char *bytes = (const unsigned char *)input->data;
    uint32_t value =
        (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];

    slice_skip(input, 4);
    return value;
}

bool negotiation_decode(struct slice payload, struct negotiation *negotiation, struct error *error)
{
    if (payload.length < NEGOTIATION_SIZE) {
        error_set(error, ERROR_PROTOCOL, "negotiation of %zu bytes, at least %d are needed",
                  payload.length, NEGOTIATION_SIZE);
        return false;
    }
    negotiation->version = negotiation_take_uint32(&payload);
    negotiation->actions = negotiation_take_uint32(&payload);
    negotiation->steps = negotiation_take_uint32(&payload);
    negotiation->macro_lists = payload;
    return true;
}

void negotiation_append(struct buffer *output, const struct negotiation *negotiation)
{
    size_t mark = packet_begin(output, command_info[COMMAND_NEGOTIATE].letter);

    buffer_append_uint32(output, negotiation->version);
    buffer_append_uint32(output, negotiation->actions);
    buffer_append_uint32(output, negotiation->steps);
    buffer_append_slice(output, negotiation->macro_lists);
    packet_end(output, mark);
}

bool negotiation_list_stage(uint32_t number, enum command *stage)
{
    if (number >= NEGOTIATION_STAGES) {
        return false;
    }
    *stage = negotiation_stages[number];
    return true;
}

bool negotiation_list_next(struct slice *lists, enum command *stage, struct slice *names)
{
    while (lists->length >= 4) {
        struct slice rest = *lists;
        uint32_t number = negotiation_take_uint32(&rest);

        if (!slice_take_string(&rest, names)) {
            return false;
        }
        *lists = rest;
        if (negotiation_list_stage(number, stage)) {
            return true;
        }
    }
    return false;
}

void negotiation_list_append(struct buffer *lists, enum command stage, struct slice names)
{
    for (uint32_t number = 0; number < NEGOTIATION_STAGES; number++) {
        if (negotiation_stages[number] == stage) {
            buffer_append_uint32(lists, number);
            buffer_append_slice(lists, names);
            buffer_append_byte(lists, '\0');
            return;
        }
    }
}

bool negotiation_accept_offer(struct negotiation *offer, struct error *error)
{
    if (offer->version < PROTOCOL_VERSION_MINIMUM) {
        error_set(error, ERROR_PROTOCOL, "version %lu of the milter protocol is not supported",
                  (unsigned long)offer->version);
        return false;
    }
    if (offer->version > PROTOCOL_VERSION) {
        offer->version = PROTOCOL_VERSION;
    }
    if (offer->actions == 0) {
        offer->actions = ACTION_VERSION_1;
    }
    if (offer->steps == 0) {
        offer->steps = STEP_VERSION_1;
    }
    offer->actions &= ACTION_ALL;
    offer->steps &= STEP_ALL;
    return true;
}

bool negotiation_accept_answer(struct negotiation *answer, const struct negotiation *offer,
                               struct negotiation *surplus, struct error *error)
{
    if (answer->version < PROTOCOL_VERSION_MINIMUM || answer->version > offer->version) {
        error_set(error, ERROR_PROTOCOL, "negotiated version %lu, where %d to %lu was expected",
                  (unsigned long)answer->version, PROTOCOL_VERSION_MINIMUM,
                  (unsigned long)offer->version);
        return false;
    }
    *surplus = (struct negotiation){.actions = answer->actions & ~offer->actions,
                                    .steps = answer->steps & ~offer->steps};
    answer->actions &= offer->actions;
    answer->steps &= offer->steps;
    return true;
}

bool negotiation_sends(const struct negotiation *answer, enum command command)
{
    const struct command_info *info = &command_info[command];

    return (answer->steps & info->no_event) == 0 && answer->version >= info->since_version;
}

bool negotiation_replies(const struct negotiation *answer, enum command command)
{
    const struct command_info *info = &command_info[command];

    return info->replied && (answer->steps & info->no_reply) == 0;
}
