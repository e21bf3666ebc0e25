/*
 * mta - the side that asks: a state machine without I/O.
 *
 * Owns a copy of the filter's macro lists; the output buffer is the owner's.
 */
#include "libcore/session/mta.h"

#include "libcore/wire/macro.h"

#include <assert.h>

void mta_init(struct mta *mta, struct buffer *output)
{
    *mta = (struct mta){.output = output};
}

void mta_clear(struct mta *mta)
{
    buffer_clear(&mta->macro_lists);
}

void mta_negotiate(struct mta *mta, const struct negotiation *offer)
{
    assert(mta->position == POSITION_START && mta->owed_count == 0);
    mta->offer = *offer;
    mta->offer.macro_lists = slice_of("", 0);
    mta->owed = COMMAND_NEGOTIATE;
    mta->owed_count = 1;
    negotiation_append(mta->output, &mta->offer);
}

bool mta_wants(const struct mta *mta, enum command command)
{
    return negotiation_sends(&mta->answer, command);
}

bool mta_owed(const struct mta *mta)
{
    return mta->owed_count + mta->stale_count > 0;
}

/* The names the filter asked for at that stage; false: it left the choice to the MTA. */
static bool mta_listed_macros(const struct mta *mta, enum command stage, struct slice *names)
{
    struct slice lists = buffer_slice(&mta->macro_lists);
    enum command listed;

    while (negotiation_list_next(&lists, &listed, names)) {
        if (listed == stage) {
            return true;
        }
    }
    return false;
}

static void mta_append_listed(struct buffer *output, enum command stage, struct slice pairs,
                              struct slice names, bool *any)
{
    size_t mark = packet_begin(output, command_info[COMMAND_MACRO].letter);
    struct slice name, value;

    buffer_append_byte(output, command_info[stage].letter);
    *any = false;
    while (macro_pair_next(&pairs, &name, &value)) {
        if (macro_list_contains(names, name)) {
            macro_pair_append(output, name, value);
            *any = true;
        }
    }
    packet_end(output, mark);
}

/*
 * A non-empty set is sent; an empty one only when it has to replace what the
 * filter holds from before.
 */
static void mta_send_macros(struct mta *mta, enum command stage, struct slice pairs)
{
    size_t before = buffer_length(mta->output);
    uint32_t bit = (uint32_t)1 << stage;
    bool held = (mta->macros_sent & bit) != 0;
    struct slice names;
    bool any = pairs.length > 0;

    if (!any && !held) {
        return;
    }
    if (any && mta_listed_macros(mta, stage, &names)) {
        mta_append_listed(mta->output, stage, pairs, names, &any);
        if (!any && !held) {
            mta->output->end = mta->output->start + before;
        }
    } else {
        macro_append_packet(mta->output, stage, pairs);
    }
    mta->macros_sent = any ? mta->macros_sent | bit : mta->macros_sent & ~bit;
}

/* Macro sets of later stages are forgotten by the filter when it executes these. */
static void mta_expire_macros(struct mta *mta, enum command command)
{
    static const uint32_t kept[COMMANDS] = {
        [COMMAND_CONNECT] = ((uint32_t)2 << COMMAND_CONNECT) - 1,
        [COMMAND_HELO] = ((uint32_t)2 << COMMAND_HELO) - 1,
        [COMMAND_MAIL] = ((uint32_t)2 << COMMAND_MAIL) - 1,
        [COMMAND_RCPT] = ((uint32_t)2 << COMMAND_RCPT) - 1,
    };

    if (kept[command] != 0) {
        mta->macros_sent &= kept[command];
    }
}

/*
 * A stage that was switched off still gets its macros, for later stages to read;
 * not so the content, nor stages that the filter's version does not know.
 */
static bool mta_sends_macros(const struct mta *mta, enum command command)
{
    bool content =
        command == COMMAND_HEADER || command == COMMAND_END_OF_HEADER || command == COMMAND_BODY;

    if (!command_info[command].replied) {
        return false; /* QUIT and the like are no stages */
    }
    return mta_wants(mta, command) ||
           (!content && mta->answer.version >= command_info[command].since_version);
}

void mta_macros(struct mta *mta, enum command stage, struct slice pairs)
{
    uint32_t bit = (uint32_t)1 << stage;
    bool any = pairs.length > 0;
    struct slice names;

    if (mta->position == POSITION_START || !mta_sends_macros(mta, stage)) {
        return;
    }
    if (any && mta_listed_macros(mta, stage, &names)) {
        mta_append_listed(mta->output, stage, pairs, names, &any);
    } else {
        macro_append_packet(mta->output, stage, pairs);
    }
    mta->macros_sent = any ? mta->macros_sent | bit : mta->macros_sent & ~bit;
}

static bool mta_may_send(const struct mta *mta, enum command command)
{
    /* Nothing can stand for a command without reply that the filter does not know (K). */
    if (!command_info[command].replied && !mta_wants(mta, command)) {
        return false;
    }
    return mta->owed_count == 0 || (command == COMMAND_HEADER && mta->owed == COMMAND_HEADER);
}

enum mta_sent mta_command(struct mta *mta, enum command command, struct slice payload,
                          struct slice macros)
{
    enum position next = order_after_command(mta->position, command, mta->answer.steps);
    bool wanted = mta_wants(mta, command);

    if (next == POSITION_INVALID || mta->position == POSITION_START ||
        !mta_may_send(mta, command)) {
        return MTA_OUT_OF_ORDER;
    }
    if (macros.data != NULL && mta_sends_macros(mta, command)) {
        mta_send_macros(mta, command, macros);
    }
    mta->position = next;
    if (!wanted) {
        return MTA_NOT_SENT;
    }
    mta_expire_macros(mta, command);
    command_append(mta->output, command, payload);
    if (!negotiation_replies(&mta->answer, command)) {
        return MTA_NO_REPLY;
    }
    mta->owed = command;
    mta->owed_count++;
    return MTA_REPLY_OWED;
}

void mta_abort(struct mta *mta)
{
    if (!position_in_message(mta->position)) {
        return;
    }
    mta->stale_count += mta->owed_count;
    mta->owed_count = 0;
    mta->position = POSITION_CONNECTED;
    command_append(mta->output, COMMAND_ABORT, slice_of("", 0));
}

void mta_quit(struct mta *mta)
{
    if (mta->position == POSITION_CLOSED) {
        return;
    }
    mta->position = POSITION_CLOSED;
    command_append(mta->output, COMMAND_QUIT, slice_of("", 0));
}

static enum mta_result mta_take_answer(struct mta *mta, struct slice payload, struct error *error)
{
    if (!negotiation_decode(payload, &mta->answer, error) ||
        !negotiation_accept_answer(&mta->answer, &mta->offer, &mta->surplus, error)) {
        return MTA_INVALID;
    }
    if (mta->answer.macro_lists.length > PROTOCOL_MACRO_LISTS) {
        error_set(error, ERROR_PROTOCOL, "macro lists of %zu bytes are above the limit of %d bytes",
                  mta->answer.macro_lists.length, PROTOCOL_MACRO_LISTS);
        return MTA_INVALID;
    }
    buffer_append_slice(&mta->macro_lists, mta->answer.macro_lists);
    mta->answer.macro_lists = slice_of("", 0);
    mta->owed_count = 0;
    mta->position = POSITION_NEGOTIATED;
    return MTA_NEGOTIATED;
}

/*
 * A reply to a command that ABORT has cut off: edits and progress belong to it
 * too.  Progress is tolerated at any time, so also while nobody waits.
 */
static bool mta_swallow_stale(struct mta *mta, const struct reply *reply)
{
    if (reply->kind == REPLY_NEGOTIATE || reply->kind == REPLY_CONNECTION_FAILURE) {
        return false;
    }
    if (mta->stale_count == 0) {
        return reply->kind == REPLY_PROGRESS && mta->owed_count == 0;
    }
    if (!reply_info[reply->kind].edit && reply->kind != REPLY_PROGRESS) {
        mta->stale_count--;
    }
    return true;
}

static bool mta_check_reply(const struct mta *mta, const struct reply *reply, struct error *error)
{
    const char *name = reply_info[reply->kind].name;

    if (mta->owed_count == 0) {
        error_set(error, ERROR_PROTOCOL, "%s ('%c') although no reply is owed", name,
                  reply_info[reply->kind].letter);
        return false;
    }
    if (reply->kind == REPLY_CONNECTION_FAILURE || !order_reply_valid(mta->owed, reply->kind)) {
        error_set(error, ERROR_PROTOCOL, "%s ('%c') is no answer to %s", name,
                  reply_info[reply->kind].letter, command_info[mta->owed].name);
        return false;
    }
    if (reply->kind == REPLY_SKIP && (mta->answer.steps & STEP_SKIP) == 0) {
        error_set(error, ERROR_PROTOCOL, "skip was not negotiated");
        return false;
    }
    return true;
}

enum mta_result mta_next(struct mta *mta, struct slice *input, struct reply *reply,
                         enum command *command, struct error *error)
{
    struct packet packet;

    do {
        switch (packet_next(input, &packet, error)) {
        case PACKET_PARTIAL:
            return MTA_WAIT;
        case PACKET_INVALID:
            return MTA_INVALID;
        case PACKET_READY:
            break;
        }
        if (!reply_decode(&packet, reply, error)) {
            return MTA_INVALID;
        }
    } while (mta_swallow_stale(mta, reply));
    if (!mta_check_reply(mta, reply, error)) {
        return MTA_INVALID;
    }
    *command = mta->owed;
    if (reply->kind == REPLY_NEGOTIATE) {
        return mta_take_answer(mta, reply->text, error);
    }
    if (reply_info[reply->kind].edit || reply->kind == REPLY_PROGRESS) {
        return MTA_EDIT;
    }
    mta->owed_count--;
    mta->position = order_after_reply(mta->position, *command, reply_verdict(reply));
    return MTA_REPLY;
}
