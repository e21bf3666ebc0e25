/*
 * virtual_mta - the mail server of a scenario.  Owns both directions of its
 * conversation; what a refusal ends is as in milter-test-server.
 */
#include "milter-manager/explain/virtual_mta.h"

#include "libcore/base/memory.h"
#include "libcore/session/macros.h"

#include <stdlib.h>

void virtual_mta_init(struct virtual_mta *virtual, const struct scenario *scenario)
{
    *virtual = (struct virtual_mta){.scenario = scenario};
    mta_init(&virtual->mta, &virtual->said);
    scenario_commands(scenario, &virtual->commands);
}

void virtual_mta_begin(struct virtual_mta *virtual)
{
    const struct negotiation offer = {
        .version = PROTOCOL_VERSION,
        .actions = ACTION_ALL,
        .steps = STEP_ALL,
        .macro_lists = {"", 0},
    };

    mta_negotiate(&virtual->mta, &offer);
}

static struct slice virtual_mta_macros(struct virtual_mta *virtual, enum command command)
{
    const struct slice_list *recipients = &virtual->scenario->message.recipients;
    struct slice recipient =
        command == COMMAND_RCPT ? recipients->items[virtual->recipients - 1] : slice_of(NULL, 0);

    return macros_collect(&virtual->scenario->macros, command, recipient,
                          buffer_slice(&virtual->mta.macro_lists), &virtual->macros)
               ? buffer_slice(&virtual->macros)
               : slice_of(NULL, 0);
}

static void virtual_mta_leave(struct virtual_mta *virtual)
{
    if (position_in_message(virtual->mta.position)) {
        mta_abort(&virtual->mta);
    }
    mta_quit(&virtual->mta);
    virtual->finished = true;
}

/* Says the next command; those the session does not want to hear are passed over. */
static void virtual_mta_go_on(struct virtual_mta *virtual)
{
    struct slice rest = buffer_slice(&virtual->commands);
    size_t length = rest.length;
    enum mta_sent sent = MTA_NOT_SENT;
    struct packet packet;
    enum command command;

    while (sent != MTA_REPLY_OWED && packet_next(&rest, &packet, NULL) == PACKET_READY &&
           command_from_letter(packet.letter, &command)) {
        virtual->recipients += command == COMMAND_RCPT ? 1 : 0;
        sent = mta_command(&virtual->mta, command, packet.payload,
                           virtual_mta_macros(virtual, command));
    }
    buffer_consume(&virtual->commands, length - rest.length);
    if (sent != MTA_REPLY_OWED) {
        virtual_mta_leave(virtual);
    }
}

/* No more of the body is wanted. */
static void virtual_mta_skip_body(struct virtual_mta *virtual)
{
    struct slice rest = buffer_slice(&virtual->commands);
    size_t length = rest.length;
    struct packet packet;
    size_t left = length;

    while (packet_next(&rest, &packet, NULL) == PACKET_READY &&
           packet.letter == command_info[COMMAND_BODY].letter) {
        left = rest.length;
    }
    buffer_consume(&virtual->commands, length - left);
}

static void virtual_mta_note(struct virtual_mta *virtual, enum command command,
                             enum verdict verdict)
{
    struct virtual_answer answer = {
        .command = command,
        .verdict = verdict,
        .recipient = slice_of("", 0),
    };

    if (command == COMMAND_RCPT) {
        answer.recipient = virtual->scenario->message.recipients.items[virtual->recipients - 1];
    }
    virtual->answers = memory_resize(virtual->answers, virtual->answer_count + 1,
                                     sizeof(*virtual->answers));
    virtual->answers[virtual->answer_count++] = answer;
}

/* True when the mail goes on without the recipient that was refused. */
static bool virtual_mta_drops_recipient(struct virtual_mta *virtual, enum command command,
                                        enum verdict verdict)
{
    if (command != COMMAND_RCPT ||
        (verdict != VERDICT_REJECT && verdict != VERDICT_TEMPORARY_FAILURE)) {
        return false;
    }
    return ++virtual->refused < virtual->scenario->message.recipients.count;
}

static void virtual_mta_replied(struct virtual_mta *virtual, enum command command,
                                enum verdict verdict)
{
    bool last = command == COMMAND_END_OF_MESSAGE;

    if (last || (verdict != VERDICT_CONTINUE && verdict != VERDICT_SKIP)) {
        virtual_mta_note(virtual, command, verdict);
    }
    if (verdict == VERDICT_SKIP) {
        virtual_mta_skip_body(virtual);
    }
    if (!last && (verdict == VERDICT_CONTINUE || verdict == VERDICT_SKIP ||
                  virtual_mta_drops_recipient(virtual, command, verdict))) {
        virtual_mta_go_on(virtual);
    } else {
        virtual_mta_leave(virtual);
    }
}

bool virtual_mta_hear(struct virtual_mta *virtual, struct error *error)
{
    struct slice input = buffer_slice(&virtual->heard);
    size_t length = input.length;
    enum mta_result result = MTA_EDIT;

    while (!virtual->finished && result != MTA_WAIT && result != MTA_INVALID) {
        struct reply reply;
        enum command command;

        result = mta_next(&virtual->mta, &input, &reply, &command, error);
        if (result == MTA_NEGOTIATED) {
            virtual_mta_go_on(virtual);
        } else if (result == MTA_REPLY) {
            virtual_mta_replied(virtual, command, reply_verdict(&reply));
        }
    }
    buffer_consume(&virtual->heard, length - input.length);
    return result != MTA_INVALID;
}

void virtual_mta_clear(struct virtual_mta *virtual)
{
    mta_clear(&virtual->mta);
    buffer_clear(&virtual->said);
    buffer_clear(&virtual->heard);
    buffer_clear(&virtual->commands);
    buffer_clear(&virtual->macros);
    free(virtual->answers);
}
