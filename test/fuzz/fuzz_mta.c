/*
 * fuzz_mta - bytes of a filter into the side that asks.
 *
 * The first byte is the length of a script, the rest of the input the filter's
 * packet stream.  A byte of the script asks something (low four bits) after a
 * piece of the stream was taken (high four bits).  What must hold for any
 * stream: no reply without a command that owes one, replies in the order of the
 * commands, edits at the end of a message alone, and nothing sent that the
 * filter has switched off.
 */
#include "libcore/session/mta.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct run {
    struct mta mta;
    struct buffer output;
    struct slice input; /* what has arrived and was not taken */
    size_t left;        /* what is still to arrive */
    enum command owed;  /* as counted here */
    unsigned owed_count, stale_count;
};

/* assert() would go with NDEBUG. */
static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_slice(const struct run *run, struct slice slice)
{
    require(slice.length == 0 || slice.data + slice.length <= run->input.data);
}

static void check_counts(struct run *run)
{
    const struct mta *mta = &run->mta;

    require(mta->position < POSITIONS);
    require(mta->owed_count == run->owed_count);
    require(mta->stale_count <= run->stale_count);
    run->stale_count = mta->stale_count;
    require(mta_owed(mta) == (run->owed_count + run->stale_count > 0));
    require(run->owed_count <= 1 || run->owed == COMMAND_HEADER);
    require(mta->position != POSITION_END_OF_MESSAGE ||
            (run->owed_count == 1 && run->owed == COMMAND_END_OF_MESSAGE));
}

static void check_answer(const struct mta *mta)
{
    require(mta->answer.version >= 2 && mta->answer.version <= mta->offer.version);
    require((mta->answer.actions & ~mta->offer.actions) == 0);
    require((mta->answer.steps & ~mta->offer.steps) == 0);
    require((mta->surplus.actions & mta->offer.actions) == 0);
    require((mta->surplus.steps & mta->offer.steps) == 0);
}

/* Takes what has arrived; false when the connection is to be closed. */
static bool take(struct run *run)
{
    for (;;) {
        struct reply reply;
        enum command command = COMMANDS;
        struct error error = {0};
        enum mta_result result = mta_next(&run->mta, &run->input, &reply, &command, &error);

        if (result == MTA_WAIT || result == MTA_INVALID) {
            require((result == MTA_INVALID) == (error.code == ERROR_PROTOCOL));
            require(result == MTA_WAIT || error.message[0] != '\0');
            check_counts(run);
            return result == MTA_WAIT;
        }
        require(run->owed_count > 0 && command == run->owed);
        require((result == MTA_NEGOTIATED) == (command == COMMAND_NEGOTIATE));
        check_slice(run, reply.name);
        check_slice(run, reply.value);
        check_slice(run, reply.text);
        check_slice(run, reply.arguments);
        if (result == MTA_EDIT) {
            require(reply.kind == REPLY_PROGRESS ||
                    (reply_info[reply.kind].edit && command == COMMAND_END_OF_MESSAGE));
        } else {
            require(!reply_info[reply.kind].edit);
            require(reply.kind != REPLY_SKIP || (run->mta.answer.steps & STEP_SKIP) != 0);
            run->owed_count--;
        }
        if (result == MTA_NEGOTIATED) {
            check_answer(&run->mta);
        } else if (result == MTA_REPLY) {
            require(reply_verdict(&reply) != VERDICT_NONE);
        }
        check_counts(run);
    }
}

static struct slice payload_of(enum command command)
{
    switch (command) {
    case COMMAND_CONNECT:
        return slice_of("h\0U", 3);
    case COMMAND_MAIL:
    case COMMAND_RCPT:
    case COMMAND_HELO:
    case COMMAND_UNKNOWN:
        return slice_of("<>", 3);
    case COMMAND_HEADER:
        return slice_of("X\0v", 4);
    case COMMAND_BODY:
        return slice_of("body", 4);
    default:
        return slice_of("", 0);
    }
}

static void ask(struct run *run, unsigned what)
{
    static const struct negotiation offer = {6, ACTION_ALL, STEP_ALL, {"", 0}};
    static const struct slice macros[] = {
        {"i\0Q\0{auth_type}\0P", 18}, {NULL, 0}, {"", 0}, {"j\0mx", 5}};
    /* Headers may follow each other: they get the numbers that ask for nothing. */
    enum command command =
        what == COMMAND_MACRO || what >= COMMANDS ? COMMAND_HEADER : (enum command)what;
    enum mta_sent sent;

    if (command == COMMAND_NEGOTIATE || run->mta.position == POSITION_START) {
        if (run->mta.position == POSITION_START && run->owed_count == 0) {
            mta_negotiate(&run->mta, &offer);
            run->owed = COMMAND_NEGOTIATE;
            run->owed_count = 1;
        }
    } else if (command == COMMAND_ABORT) {
        if (position_in_message(run->mta.position)) {
            run->stale_count += run->owed_count;
            run->owed_count = 0;
        }
        mta_abort(&run->mta);
    } else {
        sent = mta_command(&run->mta, command, payload_of(command), macros[(what + run->left) % 4]);
        if (sent == MTA_REPLY_OWED) {
            require(run->owed_count == 0 || run->owed == COMMAND_HEADER);
            run->owed = command;
            run->owed_count++;
        }
    }
    check_counts(run);
}

/* What was sent is whole packets, and nothing the filter does not want. */
static void check_output(const struct run *run)
{
    struct slice output = buffer_slice(&run->output);
    bool negotiated = run->mta.position != POSITION_START;

    while (output.length > 0) {
        struct packet packet;
        struct command_packet sent;
        struct error error = {0};

        require(packet_next(&output, &packet, &error) == PACKET_READY);
        require(command_decode(&packet, &sent, &error));
        require(!negotiated || sent.command == COMMAND_NEGOTIATE ||
                negotiation_sends(&run->mta.answer, sent.command));
        if (sent.command == COMMAND_MACRO) {
            require(sent.macros.known);
            require(run->mta.answer.version >= command_info[sent.macros.stage].since_version);
        }
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct run run = {0};
    size_t script = size == 0 ? 0 : data[0];
    bool open = true;

    if (size < 1 + script) {
        return 0;
    }
    run.input = slice_of(data + 1 + script, 0);
    run.left = size - 1 - script;
    mta_init(&run.mta, &run.output);
    for (size_t i = 1; open && i <= script; i++) {
        size_t length = data[i] >> 4 == 15 ? run.left : data[i] >> 4;

        length = length < run.left ? length : run.left;
        run.input.length += length;
        run.left -= length;
        open = take(&run);
        if (open) {
            ask(&run, data[i] & 15U);
        }
    }
    run.input.length += run.left;
    if (open && take(&run)) {
        mta_quit(&run.mta);
    }
    if (run.mta.position != POSITION_START && run.mta.answer.version != 0) {
        check_output(&run);
    }
    mta_clear(&run.mta);
    buffer_clear(&run.output);
    return 0;
}
