/*
 * fuzz_filter - bytes of an MTA into the side that answers.
 *
 * The first five bytes choose the version and the steps to answer the
 * negotiation with and seed the answers; the rest is the packet stream.  What
 * must hold for any stream: events lie in the input, one reply for each command
 * that is owed one and none else, whole packets on the way back, and the same
 * conversation when the stream comes byte by byte.
 */
#include "libcore/session/filter.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

enum { SETUP = 5, BYTE_BY_BYTE = 4096 };

struct run {
    struct filter filter;
    struct buffer output;
    uint32_t random;
    uint32_t events; /* a sum of everything that was given out */
    unsigned replies, edits;
    unsigned char version;
    uint32_t steps;
};

/* assert() would go with NDEBUG. */
static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static uint32_t choose(struct run *run, uint32_t count)
{
    run->random = run->random * 1664525U + 1013904223U;
    return (run->random >> 16) % count;
}

static void sum(struct run *run, struct slice slice)
{
    run->events = run->events * 31 + (uint32_t)slice.length;
    for (size_t i = 0; i < slice.length; i++) {
        run->events = run->events * 31 + (unsigned char)slice.data[i];
    }
}

/* Every field is summed up: each must be readable, and lie in the packet. */
static void check_event(struct run *run, const struct command_packet *event)
{
    struct slice parts[2] = {{"", 0}, {"", 0}};

    switch (event->command) {
    case COMMAND_CONNECT:
        parts[0] = event->connect.host;
        parts[1] = event->connect.address;
        break;
    case COMMAND_MAIL:
    case COMMAND_RCPT:
        parts[0] = event->envelope.address;
        parts[1] = event->envelope.arguments;
        break;
    case COMMAND_HEADER:
        parts[0] = event->header.name;
        parts[1] = event->header.value;
        break;
    case COMMAND_MACRO:
        parts[0] = event->macros.pairs;
        break;
    case COMMAND_HELO:
    case COMMAND_UNKNOWN:
    case COMMAND_BODY:
    case COMMAND_END_OF_MESSAGE:
        parts[0] = event->text;
        break;
    default:
        break;
    }
    run->events = run->events * 31 + (uint32_t)event->command;
    sum(run, event->payload);
    for (size_t i = 0; i < 2; i++) {
        sum(run, parts[i]);
        require(parts[i].length == 0 ||
                (parts[i].data >= event->payload.data &&
                 parts[i].data + parts[i].length <= event->payload.data + event->payload.length));
    }
}

static void negotiate(struct run *run)
{
    const struct negotiation *offer = &run->filter.offer;
    struct negotiation answer = {.version = 2 + run->version % 5U,
                                 .actions = offer->actions,
                                 .steps = run->steps & offer->steps,
                                 .macro_lists = {"", 0}};

    require(offer->version >= 2 && offer->version <= 6);
    require((offer->actions & ~(uint32_t)ACTION_ALL) == 0);
    require((offer->steps & ~(uint32_t)STEP_ALL) == 0);
    if (answer.version > offer->version) {
        answer.version = offer->version;
    }
    filter_negotiate(&run->filter, &answer);
    run->replies++;
}

static void edit(struct run *run)
{
    const struct reply edits[] = {
        {.kind = REPLY_PROGRESS},
        {.kind = REPLY_ADD_HEADER, .name = {"X", 1}, .value = {"v", 1}},
        {.kind = REPLY_REPLACE_BODY, .text = {"", 0}},
        {.kind = REPLY_ADD_RECIPIENT_WITH_PARAMETERS, .text = {"<a>", 3}, .arguments = {"N", 1}},
    };

    filter_edit(&run->filter, &edits[choose(run, 4)]);
    run->edits++;
}

/* Answers the command that was given out last. */
static void answer(struct run *run)
{
    static const enum reply_kind kinds[] = {
        REPLY_CONTINUE,          REPLY_CONTINUE, REPLY_CONTINUE, REPLY_CONTINUE,
        REPLY_CONTINUE,          REPLY_CODE,     REPLY_ACCEPT,   REPLY_REJECT,
        REPLY_TEMPORARY_FAILURE, REPLY_DISCARD,  REPLY_SKIP,     REPLY_SHUTDOWN,
    };
    struct filter *filter = &run->filter;
    struct reply reply = {.kind = kinds[choose(run, sizeof(kinds) / sizeof(kinds[0]))],
                          .text = {"550 no", 6}};
    bool owed = filter->owes;
    size_t before;

    if (filter->owed == COMMAND_NEGOTIATE) {
        negotiate(run);
        return;
    }
    while (filter->owed == COMMAND_END_OF_MESSAGE && choose(run, 3) == 0) {
        edit(run);
    }
    if (!order_reply_valid(filter->owed, reply.kind)) {
        reply.kind = REPLY_CONTINUE;
    }
    before = buffer_length(&run->output);
    filter_reply(filter, &reply);
    require(owed == (buffer_length(&run->output) > before));
    run->replies += owed;
}

static void check_machine(const struct filter *filter, const struct command_packet *event)
{
    require(filter->position < POSITIONS);
    require((filter->position == POSITION_END_OF_MESSAGE) ==
            (filter->owes && filter->owed == COMMAND_END_OF_MESSAGE));
    if (event->command != COMMAND_MACRO) {
        require(filter->owed == event->command);
        require(filter->owes == (event->command == COMMAND_NEGOTIATE ||
                                 negotiation_replies(&filter->answer, event->command)));
    }
}

/* Takes what there is; false when the connection is to be closed. */
static bool take(struct run *run, struct slice *input)
{
    for (;;) {
        struct slice before = *input;
        struct command_packet event;
        struct error error = {0};

        switch (filter_next(&run->filter, input, &event, &error)) {
        case FILTER_WAIT:
            require(input->data == before.data && input->length == before.length);
            return true;
        case FILTER_INVALID:
            require(error.code == ERROR_PROTOCOL && error.message[0] != '\0');
            return false;
        case FILTER_HELD:
            require(input->data == before.data && input->length == before.length);
            require(run->filter.owes);
            answer(run);
            break;
        case FILTER_EVENT:
            require(before.length - input->length == event.payload.length + 5);
            check_event(run, &event);
            check_machine(&run->filter, &event);
            if (command_info[event.command].replied && !run->filter.owes) {
                answer(run);
            }
            break;
        }
    }
}

/* What was written is whole packets, and as many as were meant. */
static void check_output(const struct run *run)
{
    struct slice output = buffer_slice(&run->output);
    unsigned replies = 0, edits = 0;

    while (output.length > 0) {
        struct packet packet;
        struct reply reply;
        struct error error = {0};

        require(packet_next(&output, &packet, &error) == PACKET_READY);
        require(reply_decode(&packet, &reply, &error));
        if (reply_info[reply.kind].edit || reply.kind == REPLY_PROGRESS) {
            edits++;
        } else {
            replies++;
        }
    }
    require(replies == run->replies && edits == run->edits);
}

static void converse(struct run *run, const unsigned char *data, size_t size, size_t step)
{
    struct slice input = {(const char *)data + SETUP, 0};
    size_t left = size - SETUP;
    bool open = true;

    *run = (struct run){
        .version = data[0],
        .steps = (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3],
        .random = data[4],
    };
    filter_init(&run->filter, &run->output);
    while (open && left > 0) {
        size_t length = step < left ? step : left;

        input.length += length;
        left -= length;
        open = take(run, &input);
    }
    check_output(run);
    filter_clear(&run->filter);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct run whole, trickle;

    if (size < SETUP) {
        return 0;
    }
    converse(&whole, data, size, size);
    if (size <= BYTE_BY_BYTE) {
        converse(&trickle, data, size, 1);
        require(whole.events == trickle.events);
        require(slice_equal(buffer_slice(&whole.output), buffer_slice(&trickle.output)));
        buffer_clear(&trickle.output);
    }
    buffer_clear(&whole.output);
    return 0;
}
