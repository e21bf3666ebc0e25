/*
 * Both machines back to back in memory: for every combination of the bits that
 * switch commands and replies off, the side that asks never waits for a reply
 * that does not come, and the side that answers never sends one too many.
 */
#include "libcore/session/filter.h"
#include "libcore/session/mta.h"
#include "test/unit/bytes.h"
#include "test/unit/expectation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct pair {
    struct mta mta;
    struct filter filter;
    struct buffer to_filter, to_mta;
    struct error error;
    uint32_t version, steps;
    enum verdict seen; /* the last verdict the asking side was given */
};

static void pair_init(struct pair *pair)
{
    *pair = (struct pair){.version = 0};
}

/* A new connection that reuses the buffers. */
static void pair_connect(struct pair *pair, uint32_t version, uint32_t steps)
{
    const struct negotiation offer = {6, ACTION_ALL, STEP_ALL, {"", 0}};

    buffer_reset(&pair->to_filter);
    buffer_reset(&pair->to_mta);
    mta_init(&pair->mta, &pair->to_filter);
    filter_init(&pair->filter, &pair->to_mta);
    pair->version = version;
    pair->steps = steps;
    mta_negotiate(&pair->mta, &offer);
}

static void pair_disconnect(struct pair *pair)
{
    mta_clear(&pair->mta);
    filter_clear(&pair->filter);
}

static void pair_clear(struct pair *pair)
{
    buffer_clear(&pair->to_filter);
    buffer_clear(&pair->to_mta);
}

/* Lets the filter take everything that was sent; it answers each command with verdict. */
static unsigned filter_run(struct pair *pair, enum verdict verdict)
{
    struct slice input = buffer_slice(&pair->to_filter);
    struct command_packet event;
    enum filter_result result;
    unsigned commands = 0;

    while ((result = filter_next(&pair->filter, &input, &event, &pair->error)) == FILTER_EVENT) {
        commands += event.command != COMMAND_MACRO;
        if (event.command == COMMAND_NEGOTIATE) {
            struct negotiation answer = {pair->version, ACTION_ALL, pair->steps, {"", 0}};

            filter_negotiate(&pair->filter, &answer);
        } else if (command_info[event.command].replied) {
            filter_reply_verdict(&pair->filter, verdict);
        }
    }
    assert_string_equal(pair->error.message, "");
    assert_int_equal(result, FILTER_WAIT);
    assert_int_equal(input.length, 0);
    buffer_reset(&pair->to_filter);
    return commands;
}

/* Takes the replies; returns how many. */
static unsigned mta_run(struct pair *pair, enum command expected)
{
    struct slice input = buffer_slice(&pair->to_mta);
    struct reply reply;
    enum command command;
    enum mta_result result;
    unsigned replies = 0;

    while ((result = mta_next(&pair->mta, &input, &reply, &command, &pair->error)) == MTA_REPLY ||
           result == MTA_NEGOTIATED) {
        assert_int_equal(command, expected);
        pair->seen = reply_verdict(&reply);
        replies++;
    }
    assert_string_equal(pair->error.message, "");
    assert_int_equal(result, MTA_WAIT);
    assert_int_equal(input.length, 0);
    buffer_reset(&pair->to_mta);
    return replies;
}

/* The bits of section 3.2 that concern each command. */
static const struct {
    char letter;
    uint32_t no_event, no_reply;
    unsigned since;
} bits[] = {
    {'C', 0x1, 0x1000, 0}, {'H', 0x2, 0x2000, 0},    {'M', 0x4, 0x4000, 0},
    {'R', 0x8, 0x8000, 0}, {'T', 0x200, 0x10000, 4}, {'U', 0x100, 0x20000, 3},
    {'L', 0x20, 0x80, 0},  {'N', 0x40, 0x40000, 0},  {'B', 0x10, 0x80000, 0},
    {'E', 0, 0, 0},
};
enum { BITS = sizeof(bits) / sizeof(bits[0]) };

static enum mta_sent expected_sent(char letter, uint32_t version, uint32_t steps)
{
    for (size_t i = 0; i < BITS; i++) {
        if (bits[i].letter == letter) {
            return (steps & bits[i].no_event) != 0 || version < bits[i].since ? MTA_NOT_SENT
                   : (steps & bits[i].no_reply) != 0                          ? MTA_NO_REPLY
                                                                              : MTA_REPLY_OWED;
        }
    }
    return MTA_NO_REPLY;
}

/* One command there and, where one is due, its reply back. */
static void ask(struct pair *pair, char letter, enum verdict verdict)
{
    enum command command = command_of(letter);
    enum mta_sent expected = expected_sent(letter, pair->version, pair->steps);
    enum mta_sent sent =
        mta_command(&pair->mta, command, command_payload(command), BYTES("i\0Q\0"));
    unsigned commands, replies;

    if (sent != expected) {
        fail_msg("'%c' with version %u, steps 0x%x: %d, expected %d", letter,
                 (unsigned)pair->version, (unsigned)pair->steps, (int)sent, (int)expected);
    }
    commands = filter_run(pair, verdict);
    replies = mta_run(pair, command);
    assert_int_equal(commands, sent != MTA_NOT_SENT);
    assert_int_equal(replies, sent == MTA_REPLY_OWED);
    assert_false(mta_owed(&pair->mta));
    assert_false(pair->filter.owes);
    if (replies == 1) {
        assert_int_equal(pair->seen, verdict);
    }
}

static void converse(struct pair *pair, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        if (*letters == 'O') {
            assert_int_equal(filter_run(pair, VERDICT_NONE), 1);
            assert_int_equal(mta_run(pair, COMMAND_NEGOTIATE), 1);
        } else if (*letters == 'A') {
            mta_abort(&pair->mta);
            (void)filter_run(pair, VERDICT_NONE);
            assert_int_equal(mta_run(pair, COMMAND_ABORT), 0);
        } else {
            ask(pair, *letters, VERDICT_CONTINUE);
        }
    }
}

/* The bits of a small number, each put where it stands in the step word. */
static uint32_t spread(uint32_t number)
{
    uint32_t steps = 0, all = STEP_NO_EVENT | STEP_NO_REPLY;

    for (uint32_t bit = 1; bit != 0; bit <<= 1) {
        if ((all & bit) != 0) {
            steps |= (number & 1) != 0 ? bit : 0;
            number >>= 1;
        }
    }
    return steps;
}

/* Every one of the 2^18 masks: a whole message, an aborted one, a short one. */
static void test_every_mask(void **state)
{
    struct pair pair;

    (void)state;
    pair_init(&pair);
    for (uint32_t number = 0; number < (uint32_t)1 << 18; number++) {
        pair_connect(&pair, 6, spread(number));
        converse(&pair, "OCHUMRRTLNBEMRAMRNE");
        mta_quit(&pair.mta);
        assert_int_equal(filter_run(&pair, VERDICT_NONE), 1);
        assert_int_equal(pair.mta.position, POSITION_CLOSED);
        assert_int_equal(pair.filter.position, POSITION_CLOSED);
        pair_disconnect(&pair);
    }
    assert_int_equal(spread(((uint32_t)1 << 18) - 1), STEP_NO_EVENT | STEP_NO_REPLY);
    pair_clear(&pair);
}

/* Longer sessions, all versions, a second CONNECT and HELO, ABORT at odd places, K. */
static void test_versions_and_long_sessions(void **state)
{
    struct pair pair;
    uint32_t random = 362436069U;

    (void)state;
    pair_init(&pair);
    for (int round = 0; round < 4000; round++) {
        uint32_t version = 2 + (uint32_t)round % 5;

        pair_connect(&pair, version, spread(random_next(&random)));
        converse(&pair, "OACAHCHAMRRUTULLULNBBBEAAMRTAMRAMRTLNEHMRTLNBEAA");
        if (version == 6) {
            converse(&pair, "KCHMRTLNBE");
        }
        pair_disconnect(&pair);
    }
    pair_clear(&pair);
}

/* Any verdict anywhere: both sides agree where they are, and the next message is in order. */
static void test_every_verdict_for_every_mask_of_one_command(void **state)
{
    static const char path[] = "CHMRTLNBE";
    struct pair pair;

    (void)state;
    pair_init(&pair);
    for (size_t at = 0; path[at] != '\0'; at++) {
        for (unsigned verdict = VERDICT_ACCEPT; verdict <= VERDICT_DISCARD; verdict++) {
            for (size_t i = 0; i < BITS; i++) {
                char head[16] = "O";

                if (verdict == VERDICT_SKIP && path[at] != 'B') {
                    continue;
                }
                memcpy(head + 1, path, at);
                pair_connect(&pair, 6, bits[i].no_event | STEP_SKIP);
                converse(&pair, head);
                ask(&pair, path[at], (enum verdict)verdict);
                converse(&pair, "AMRTLNBEAA");
                pair_disconnect(&pair);

                pair_connect(&pair, 6, bits[i].no_reply | STEP_SKIP);
                converse(&pair, head);
                ask(&pair, path[at], (enum verdict)verdict);
                converse(&pair, "AMRTLNBEAA");
                pair_disconnect(&pair);
            }
        }
    }
    pair_clear(&pair);
}

/* ABORT overtakes the filter: replies to what it cut off arrive late, for every mask. */
static void test_late_replies(void **state)
{
    static const char *const paths[] = {"CHM",     "CHMR",     "CHMRT",    "CHMRTL",
                                        "CHMRTLN", "CHMRTLNB", "CHMRTLNBE"};
    struct pair pair;
    uint32_t random = 521288629U;

    (void)state;
    pair_init(&pair);
    for (int round = 0; round < 3000; round++) {
        const char *path = paths[(size_t)round % 7];
        size_t last = strlen(path) - 1;
        char head[16] = "O";
        enum command command = command_of(path[last]);

        memcpy(head + 1, path, last);
        pair_connect(&pair, 6, spread(random_next(&random)));
        converse(&pair, head);
        (void)mta_command(&pair.mta, command, command_payload(command), slice_of(NULL, 0));
        mta_abort(&pair.mta);
        assert_false(position_in_message(pair.mta.position));
        /* The next message begins before the filter has seen any of it. */
        (void)mta_command(&pair.mta, COMMAND_MAIL, BYTES("<>\0"), slice_of(NULL, 0));
        (void)filter_run(&pair, VERDICT_TEMPORARY_FAILURE);
        (void)mta_run(&pair, COMMAND_MAIL);
        assert_false(mta_owed(&pair.mta));
        converse(&pair, "AMRTLNBE");
        pair_disconnect(&pair);
    }
    pair_clear(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_mask),
        cmocka_unit_test(test_versions_and_long_sessions),
        cmocka_unit_test(test_every_verdict_for_every_mask_of_one_command),
        cmocka_unit_test(test_late_replies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
