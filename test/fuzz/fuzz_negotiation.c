/*
 * fuzz_negotiation - OPTNEG payloads, macro lists and macro sets.
 *
 * The input is a payload; its second half serves as the answer to the first.
 * What must hold: decoding and encoding give the bytes back, what is accepted
 * lies within what was offered, lists and sets are slices of the input.
 */
#include "libcore/wire/macro.h"
#include "libcore/wire/negotiation.h"
#include "libcore/wire/packet.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* assert() would go with NDEBUG. */
static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_inside(struct slice part, struct slice whole)
{
    require(part.length == 0 ||
            (part.data >= whole.data && part.data + part.length <= whole.data + whole.length));
}

static void check_names(struct slice names)
{
    struct slice rest = names, name;

    while (macro_list_next(&rest, &name)) {
        require(name.length > 0);
        check_inside(name, names);
        require(macro_list_contains(names, name));
    }
    require(rest.length == 0);
}

static void check_lists(struct slice lists)
{
    struct slice rest = lists, names;
    struct buffer again = {0};
    enum command stage, stage_again;
    unsigned count = 0, count_again = 0;

    while (negotiation_list_next(&rest, &stage, &names)) {
        check_inside(names, lists);
        check_names(names);
        negotiation_list_append(&again, stage, names);
        count++;
    }
    rest = buffer_slice(&again);
    while (negotiation_list_next(&rest, &stage_again, &names)) {
        count_again++;
    }
    require(rest.length == 0 && count == count_again);
    buffer_clear(&again);
}

static void check_pairs(struct slice pairs)
{
    struct slice rest = pairs, name, value, found;
    struct buffer sorted = {0}, twice = {0};

    while (macro_pair_next(&rest, &name, &value)) {
        check_inside(name, pairs);
        check_inside(value, pairs);
        require(macro_pair_find(pairs, name, &found));
    }
    macro_pairs_sort(pairs, &sorted);
    macro_pairs_sort(buffer_slice(&sorted), &twice);
    rest = buffer_slice(&sorted);
    while (macro_pair_next(&rest, &name, &value)) {
        require(macro_pair_find(pairs, name, &found) && slice_equal(found, value));
    }
    require(rest.length == 0);
    require(slice_equal(buffer_slice(&sorted), buffer_slice(&twice)));
    buffer_clear(&sorted);
    buffer_clear(&twice);
}

static void check_round_trip(const struct negotiation *negotiation, struct slice payload)
{
    struct buffer again = {0};
    struct slice input;
    struct packet packet;
    struct error error = {0};

    negotiation_append(&again, negotiation);
    input = buffer_slice(&again);
    require(packet_next(&input, &packet, &error) == PACKET_READY);
    require(slice_equal(packet.payload, payload));
    buffer_clear(&again);
}

static void check_answer(struct negotiation answer, const struct negotiation *offer)
{
    const struct negotiation claimed = answer;
    struct negotiation surplus;
    struct error error = {0};

    if (!negotiation_accept_answer(&answer, offer, &surplus, &error)) {
        require(error.code == ERROR_PROTOCOL);
        return;
    }
    require(answer.version >= 2 && answer.version <= offer->version);
    require((answer.actions & ~offer->actions) == 0 && (answer.steps & ~offer->steps) == 0);
    require((answer.actions | surplus.actions) == claimed.actions);
    require((answer.steps | surplus.steps) == claimed.steps);
    for (unsigned command = 0; command < COMMANDS; command++) {
        const struct command_info *info = &command_info[command];

        require(negotiation_sends(&answer, (enum command)command) ==
                ((answer.steps & info->no_event) == 0 && answer.version >= info->since_version));
        require(info->replied || !negotiation_replies(&answer, (enum command)command));
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct slice first = slice_of(data, size / 2);
    struct slice second = slice_of(data + size / 2, size - size / 2);
    struct negotiation offer, answer;
    struct error error = {0};

    check_pairs(slice_of(data, size < 4096 ? size : 4096));
    if (negotiation_decode(slice_of(data, size), &offer, &error)) {
        check_round_trip(&offer, slice_of(data, size));
        check_lists(offer.macro_lists);
    } else {
        require(size < 12 && error.code == ERROR_PROTOCOL);
    }
    if (!negotiation_decode(first, &offer, &error) || !negotiation_accept_offer(&offer, &error)) {
        return 0;
    }
    require(offer.version >= 2 && offer.version <= 6);
    require(offer.actions <= ACTION_ALL && offer.steps <= STEP_ALL);
    if (negotiation_decode(second, &answer, &error)) {
        check_answer(answer, &offer);
    }
    return 0;
}
