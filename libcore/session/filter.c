/*
 * filter - the side that answers: a state machine without I/O.
 *
 * Owns its macro sets; the output buffer is the owner's.  It never closes
 * anything: an invalid command is reported and the owner decides.
 */
#include "libcore/session/filter.h"

#include <assert.h>

void filter_init(struct filter *filter, struct buffer *output)
{
    *filter = (struct filter){.output = output};
}

void filter_clear(struct filter *filter)
{
    macro_store_clear(&filter->macros);
}

static bool filter_may_overtake(enum command command)
{
    return command == COMMAND_QUIT;
}

/* True when the MTA waits for an answer: NO_REPLY promised but not offered is answered all the
 * same. */
static bool filter_owes(const struct filter *filter, enum command command)
{
    return command == COMMAND_NEGOTIATE ||
           (command_info[command].replied && negotiation_replies(&filter->answer, command));
}

static enum filter_result filter_take_offer(struct filter *filter, struct slice payload,
                                            struct error *error)
{
    if (!negotiation_decode(payload, &filter->offer, error) ||
        !negotiation_accept_offer(&filter->offer, error)) {
        return FILTER_INVALID;
    }
    filter->offer.macro_lists = slice_of("", 0);
    return FILTER_EVENT;
}

static void filter_take_macros(struct filter *filter, const struct command_packet *event)
{
    if (event->macros.known) {
        macro_store_replace(&filter->macros, event->macros.stage, event->macros.pairs);
    }
}

/* Behind an accept what does not go on with the message may begin the next one. */
static enum position filter_position_after(struct filter *filter, enum command command)
{
    enum position next = order_after_command(filter->position, command, filter->answer.steps);

    if (next == POSITION_INVALID && filter->accepted) {
        filter->accepted = false;
        return order_after_command(POSITION_CONNECTED, command, filter->answer.steps);
    }
    if (command == COMMAND_MAIL || !position_in_message(next)) {
        filter->accepted = false;
    }
    return next;
}

static void filter_record_command(struct filter *filter, const struct packet *packet,
                                  enum filter_result result)
{
    if (filter->recorder == NULL) {
        return;
    }
    if (result == FILTER_EVENT) {
        recorder_command(filter->recorder, packet);
    } else {
        recorder_command_anyway(filter->recorder, packet);
    }
}

static enum filter_result filter_refuse_bytes(struct filter *filter, struct slice bytes)
{
    if (filter->recorder != NULL) {
        recorder_bytes(filter->recorder, bytes);
    }
    return FILTER_INVALID;
}

/* What stands in the output behind before. */
static void filter_record_reply(struct filter *filter, size_t before)
{
    struct slice bytes = buffer_slice(filter->output);

    if (filter->recorder != NULL) {
        slice_skip(&bytes, before);
        recorder_replies(filter->recorder, bytes);
    }
}

static enum filter_result filter_advance(struct filter *filter, const struct command_packet *event,
                                         struct error *error)
{
    enum position next = filter_position_after(filter, event->command);

    if (next == POSITION_INVALID) {
        error_set(error, ERROR_PROTOCOL, "command %s ('%c') is out of order after %s",
                  command_info[event->command].name, command_info[event->command].letter,
                  position_name(filter->position));
        return FILTER_INVALID;
    }
    filter->position = next;
    if (event->command == COMMAND_MACRO) {
        filter_take_macros(filter, event);
        return FILTER_EVENT;
    }
    macro_store_expire(&filter->macros, event->command);
    filter->owed = event->command;
    filter->owes = filter_owes(filter, event->command);
    if (event->command == COMMAND_NEGOTIATE) {
        return filter_take_offer(filter, event->payload, error);
    }
    return FILTER_EVENT;
}

enum filter_result filter_next(struct filter *filter, struct slice *input,
                               struct command_packet *event, struct error *error)
{
    enum filter_result result;
    struct slice rest = *input;
    struct packet packet;

    switch (packet_next(&rest, &packet, error)) {
    case PACKET_PARTIAL:
        return FILTER_WAIT;
    case PACKET_INVALID:
        return filter_refuse_bytes(filter, *input);
    case PACKET_READY:
        break;
    }
    if (!command_decode(&packet, event, error)) {
        filter_record_command(filter, &packet, FILTER_INVALID);
        return FILTER_INVALID;
    }
    if (filter->owes && !filter_may_overtake(event->command)) {
        return FILTER_HELD;
    }
    *input = rest;
    result = filter_advance(filter, event, error);
    filter_record_command(filter, &packet, result);
    return result;
}

void filter_negotiate(struct filter *filter, const struct negotiation *answer)
{
    size_t before = buffer_length(filter->output);

    assert(filter->owes && filter->owed == COMMAND_NEGOTIATE);
    filter->answer = *answer;
    filter->answer.macro_lists = slice_of("", 0);
    filter->owes = false;
    negotiation_append(filter->output, answer);
    filter_record_reply(filter, before);
}

void filter_reply(struct filter *filter, const struct reply *reply)
{
    enum verdict verdict = reply_verdict(reply);
    enum position after = order_after_reply(filter->position, filter->owed, verdict);
    size_t before = buffer_length(filter->output);

    assert(order_reply_valid(filter->owed, reply->kind) && !reply_info[reply->kind].edit);
    /* An MTA that goes on with a message we have accepted is answered, not sent away. */
    if (verdict == VERDICT_ACCEPT && filter->owed != COMMAND_END_OF_MESSAGE) {
        filter->accepted = filter->accepted || after != filter->position;
    } else {
        filter->position = after;
        filter->accepted = filter->accepted && position_in_message(after);
    }
    if (filter->owes) {
        filter->owes = false;
        reply_append(filter->output, reply);
        filter_record_reply(filter, before);
    }
}

void filter_reply_verdict(struct filter *filter, enum verdict verdict)
{
    filter_reply(filter, &(struct reply){.kind = reply_kind_of(verdict)});
}

void filter_withdraw(struct filter *filter)
{
    filter->owes = false;
}

void filter_edit(struct filter *filter, const struct reply *edit)
{
    size_t before = buffer_length(filter->output);

    assert(filter->owes && filter->owed == COMMAND_END_OF_MESSAGE);
    assert(reply_info[edit->kind].edit || edit->kind == REPLY_PROGRESS);
    reply_append(filter->output, edit);
    filter_record_reply(filter, before);
}
