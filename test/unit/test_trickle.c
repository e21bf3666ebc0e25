/*
 * A whole session with several messages gives the same events however its bytes
 * arrive: at once, one by one, or cut at random.  Both machines.
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

/*
 * What the MTA says: four messages (one aborted, one refused at its end, one
 * without headers and body), a second HELO, a new connection.  Upper case: a
 * regular packet; 'm': a set of macros; 'x': a long body chunk full of NULs.
 */
static const char session[] = "OmCmHmMmRRTLLmLNBxBE"
                              "HMRAA"
                              "MRRTLNBBBE"
                              "UMRNEAA"
                              "KDCHMRTLNBEAAQ";

/* The filter's answer to each command: edits, progress, then the final reply. */
static const struct {
    char command;
    const char *replies;
} answers[] = {
    {'C', "c"}, {'H', "c"}, {'M', "c"}, {'R', "c"}, {'T', "c"},
    {'U', "y"}, {'L', "c"}, {'N', "c"}, {'B', "c"}, {'E', "phimpb2+-ebbqpy"},
};

static const char *answer_to(enum command command)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        if (answers[i].command == command_info[command].letter) {
            return answers[i].replies;
        }
    }
    return "";
}

static void append_step(struct buffer *stream, char step)
{
    static const char chunk[3000] = {0};

    if (step == 'm') {
        packet_append(stream, 'D', BYTES("M{auth_type}\0PLAIN\0i\0\0"));
    } else if (step == 'x') {
        packet_append(stream, 'B', slice_of(chunk, sizeof(chunk)));
    } else {
        append_command(stream, step);
    }
}

static void append_answers(struct buffer *stream, enum command command)
{
    for (const char *letter = answer_to(command); *letter != '\0'; letter++) {
        append_reply(stream, *letter);
    }
}

enum split { SPLIT_NONE, SPLIT_BYTES, SPLIT_RANDOM };

/* How many of the bytes that are left arrive next. */
static size_t split_length(enum split split, uint32_t *random, size_t left)
{
    size_t length;

    if (split != SPLIT_RANDOM) {
        return split == SPLIT_BYTES ? 1 : left;
    }
    length = 1 + random_next(random) % (random_next(random) % 4 == 0 ? 900 : 9);
    return length < left ? length : left;
}

/* ---- the side that answers */

static void log_slice(struct buffer *log, struct slice slice)
{
    buffer_append_format(log, "[%zu:", slice.length);
    buffer_append_slice(log, slice);
    buffer_append_byte(log, ']');
}

/* Every field of the event, so that a slice into moved bytes is noticed. */
static void log_event(struct buffer *log, const struct command_packet *event)
{
    buffer_append_byte(log, command_info[event->command].letter);
    log_slice(log, event->payload);
    switch (event->command) {
    case COMMAND_CONNECT:
        log_slice(log, event->connect.host);
        log_slice(log, event->connect.address);
        break;
    case COMMAND_MAIL:
    case COMMAND_RCPT:
        log_slice(log, event->envelope.address);
        log_slice(log, event->envelope.arguments);
        break;
    case COMMAND_HEADER:
        log_slice(log, event->header.name);
        log_slice(log, event->header.value);
        break;
    case COMMAND_MACRO:
        log_slice(log, event->macros.pairs);
        break;
    case COMMAND_HELO:
    case COMMAND_UNKNOWN:
    case COMMAND_BODY:
    case COMMAND_END_OF_MESSAGE:
        log_slice(log, event->text);
        break;
    default:
        break;
    }
}

static void filter_answer(struct filter *filter, enum command command, struct error *error)
{
    struct negotiation negotiation = {6, ACTION_ALL, 0, {"", 0}};

    if (command == COMMAND_NEGOTIATE) {
        filter_negotiate(filter, &negotiation);
        return;
    }
    for (const char *letter = answer_to(command); *letter != '\0'; letter++) {
        struct packet packet = {*letter, reply_payload(*letter)};
        struct reply reply;

        assert_true(reply_decode(&packet, &reply, error));
        if (letter[1] != '\0') {
            filter_edit(filter, &reply);
        } else {
            filter_reply(filter, &reply);
        }
    }
}

/* late: the answer is given only after the machine was asked once more. */
static void run_filter(enum split split, uint32_t seed, bool late, struct buffer *log,
                       struct buffer *output)
{
    struct buffer stream = {0}, input = {0};
    struct filter filter;
    struct error error = {0};

    filter_init(&filter, output);
    for (const char *step = session; *step != '\0'; step++) {
        append_step(&stream, *step);
    }
    while (buffer_length(&stream) > 0) {
        size_t length = split_length(split, &seed, buffer_length(&stream));
        enum filter_result result;

        buffer_append(&input, buffer_slice(&stream).data, length);
        buffer_consume(&stream, length);
        do {
            struct slice rest = buffer_slice(&input);
            size_t before = rest.length;
            struct command_packet event;

            result = filter_next(&filter, &rest, &event, &error);
            if (result == FILTER_EVENT) {
                log_event(log, &event);
                buffer_consume(&input, before - rest.length);
            }
            if (result == FILTER_HELD || (result == FILTER_EVENT && filter.owes && !late)) {
                filter_answer(&filter, filter.owed, &error);
            }
        } while (result == FILTER_EVENT || result == FILTER_HELD);
        assert_int_equal(result, FILTER_WAIT);
    }
    assert_int_equal(buffer_length(&input), 0);
    assert_int_equal(filter.position, POSITION_CLOSED);
    filter_clear(&filter);
    buffer_clear(&stream);
    buffer_clear(&input);
}

static void test_filter(void **state)
{
    struct buffer log = {0}, output = {0};

    (void)state;
    run_filter(SPLIT_NONE, 1, false, &log, &output);
    assert_true(buffer_length(&log) > 6000);
    for (uint32_t round = 1; round <= 60; round++) {
        struct buffer other_log = {0}, other_output = {0};

        run_filter(round <= 2 ? SPLIT_BYTES : SPLIT_RANDOM, round * 7919, round % 2 == 0,
                   &other_log, &other_output);
        assert_bytes(buffer_slice(&other_log), buffer_slice(&log));
        assert_bytes(buffer_slice(&other_output), buffer_slice(&output));
        buffer_clear(&other_log);
        buffer_clear(&other_output);
    }
    buffer_clear(&log);
    buffer_clear(&output);
}

/* ---- the side that asks */

static void log_reply(struct buffer *log, enum mta_result result, enum command command,
                      const struct reply *reply)
{
    buffer_append_format(log, "%d%c%c%lu", (int)result, command_info[command].letter,
                         reply_info[reply->kind].letter, (unsigned long)reply->index);
    log_slice(log, reply->name);
    log_slice(log, reply->value);
    log_slice(log, reply->text);
    log_slice(log, reply->arguments);
}

/* Asks the next thing of the session; false when everything was asked. */
static bool mta_ask(struct mta *mta, const char **step)
{
    static const struct negotiation offer = {6, ACTION_ALL, STEP_ALL, {"", 0}};
    enum command command;

    if (**step == '\0') {
        return false;
    }
    switch (**step) {
    case 'O':
        mta_negotiate(mta, &offer);
        break;
    case 'A':
        mta_abort(mta);
        break;
    case 'm':
        (void)mta_command(mta, COMMAND_MACRO, BYTES("Mi\0Q\0"), slice_of(NULL, 0));
        break;
    default:
        command = **step == 'x' ? COMMAND_BODY : command_of(**step);
        assert_int_not_equal(mta_command(mta, command, command_payload(command), BYTES("i\0Q\0")),
                             MTA_OUT_OF_ORDER);
        break;
    }
    (*step)++;
    return true;
}

/* The whole stream of a filter that answers everything, in the order of the session. */
static void append_reply_stream(struct buffer *stream)
{
    for (const char *step = session; *step != '\0'; step++) {
        if (*step == 'O') {
            append_reply(stream, 'O');
        } else if (*step != 'm') {
            append_answers(stream, *step == 'x' ? COMMAND_BODY : command_of(*step));
        }
    }
}

static void run_mta(enum split split, uint32_t seed, struct buffer *log, struct buffer *output)
{
    struct buffer stream = {0}, input = {0};
    const char *step = session;
    struct mta mta;
    struct error error = {0};
    bool asked = true;

    mta_init(&mta, output);
    append_reply_stream(&stream);
    while (asked || buffer_length(&stream) > 0) {
        size_t left = buffer_length(&stream);
        size_t length = left == 0 ? 0 : split_length(split, &seed, left);
        enum mta_result result = MTA_WAIT;

        buffer_append(&input, buffer_slice(&stream).data, length);
        buffer_consume(&stream, length);
        do {
            struct slice rest = buffer_slice(&input);
            size_t before = rest.length;
            struct reply reply;
            enum command command;

            while (!mta_owed(&mta) && (asked = mta_ask(&mta, &step))) {
            }
            if (!mta_owed(&mta)) {
                break;
            }
            result = mta_next(&mta, &rest, &reply, &command, &error);
            if (result != MTA_WAIT) {
                assert_int_not_equal(result, MTA_INVALID);
                log_reply(log, result, command, &reply);
            }
            buffer_consume(&input, before - rest.length);
        } while (result != MTA_WAIT);
    }
    assert_int_equal(buffer_length(&input), 0);
    assert_int_equal(mta.position, POSITION_CLOSED);
    mta_clear(&mta);
    buffer_clear(&stream);
    buffer_clear(&input);
}

static void test_mta(void **state)
{
    struct buffer log = {0}, output = {0};

    (void)state;
    run_mta(SPLIT_NONE, 1, &log, &output);
    assert_true(buffer_length(&log) > 1000);
    for (uint32_t round = 1; round <= 60; round++) {
        struct buffer other_log = {0}, other_output = {0};

        run_mta(round == 1 ? SPLIT_BYTES : SPLIT_RANDOM, round * 104729, &other_log, &other_output);
        assert_bytes(buffer_slice(&other_log), buffer_slice(&log));
        assert_bytes(buffer_slice(&other_output), buffer_slice(&output));
        buffer_clear(&other_log);
        buffer_clear(&other_output);
    }
    buffer_clear(&log);
    buffer_clear(&output);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_mta),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
