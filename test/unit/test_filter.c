/*
 * Tests of filter: the side that answers.  Every command at every position,
 * every reply to every command, macros, what is held back and what is silent.
 */
#include "libcore/session/filter.h"

#include "test/unit/bytes.h"
#include "test/unit/expectation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A filter with its connection: input is what the MTA has written. */
struct conversation {
    struct filter filter;
    struct buffer input, output;
    struct command_packet event;
    struct error error;
    uint32_t steps; /* to answer the negotiation with */
};

static void begin(struct conversation *c, uint32_t steps)
{
    *c = (struct conversation){.steps = steps};
    filter_init(&c->filter, &c->output);
}

static void end(struct conversation *c)
{
    filter_clear(&c->filter);
    buffer_clear(&c->input);
    buffer_clear(&c->output);
}

/* The next event of what is in the input. */
static enum filter_result next(struct conversation *c)
{
    struct slice input = buffer_slice(&c->input);
    size_t length = input.length;
    enum filter_result result = filter_next(&c->filter, &input, &c->event, &c->error);

    if (result == FILTER_EVENT) {
        /* The event's slices stay valid: consuming moves no bytes. */
        buffer_consume(&c->input, length - input.length);
    } else if (result != FILTER_INVALID) {
        assert_int_equal(input.length, length);
    }
    return result;
}

static enum filter_result feed(struct conversation *c, char letter)
{
    append_command(&c->input, letter);
    return next(c);
}

static void answer(struct conversation *c, enum verdict verdict)
{
    if (c->filter.owed == COMMAND_NEGOTIATE) {
        struct negotiation negotiation = {6, c->filter.offer.actions, c->steps, {"", 0}};

        filter_negotiate(&c->filter, &negotiation);
    } else {
        filter_reply_verdict(&c->filter, verdict);
    }
}

/* Feeds the commands, answers all but the last with continue and forgets what was written. */
static void walk(struct conversation *c, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        assert_int_equal(feed(c, *letters), FILTER_EVENT);
        assert_int_equal(command_info[c->event.command].letter, *letters);
        if (letters[1] != '\0' && c->filter.owes) {
            answer(c, VERDICT_CONTINUE);
        }
    }
    buffer_reset(&c->output);
}

/* As walk, and at END_OF_MESSAGE alone the reply stays owed. */
static void walk_to(struct conversation *c, enum position position)
{
    walk(c, path_to(position));
    if (c->filter.owes && position != POSITION_END_OF_MESSAGE) {
        answer(c, VERDICT_CONTINUE);
    }
    buffer_reset(&c->output);
    assert_int_equal(c->filter.position, position);
}

static void test_every_command_at_every_position(void **state)
{
    (void)state;
    for (unsigned from = 0; from < POSITIONS; from++) {
        for (unsigned command = 0; command < COMMANDS; command++) {
            enum position expected =
                expected_after_command((enum position)from, (enum command)command);
            struct conversation c;
            enum filter_result result;

            begin(&c, 0);
            walk_to(&c, (enum position)from);
            result = feed(&c, command_info[command].letter);
            if (from == POSITION_END_OF_MESSAGE && command != COMMAND_QUIT) {
                /* Owed: whatever comes, in order or not, waits for the reply. */
                assert_int_equal(result, FILTER_HELD);
                assert_int_equal(c.filter.position, POSITION_END_OF_MESSAGE);
                answer(&c, VERDICT_CONTINUE);
                assert_hex(buffer_slice(&c.output), "00 00 00 01 63");
                buffer_reset(&c.output);
                expected = expected_after_command(POSITION_CONNECTED, (enum command)command);
                result = next(&c);
            }
            if (result != (expected == POSITION_INVALID ? FILTER_INVALID : FILTER_EVENT)) {
                fail_msg("'%c' at %s", command_info[command].letter,
                         position_name((enum position)from));
            }
            if (result == FILTER_EVENT) {
                assert_int_equal(c.filter.position, expected);
                assert_int_equal(c.event.command, command);
                assert_bytes(c.event.payload, command_payload((enum command)command));
                assert_int_equal(c.filter.owes,
                                 strchr("DAQK", command_info[command].letter) == NULL);
                assert_int_equal(c.error.code, ERROR_NONE);
            } else {
                assert_int_equal(c.error.code, ERROR_PROTOCOL);
                assert_non_null(strstr(c.error.message, command_info[command].name));
            }
            /* It never speaks by itself. */
            assert_int_equal(buffer_length(&c.output), 0);
            end(&c);
        }
    }
}

/*
 * Where a final reply leaves the filter side: as section 8 says, but an MTA that
 * goes on with a message the filter has accepted is still listened to.
 */
static enum position expected_after_reply(enum position position, enum command command, char letter)
{
    bool over = expected_reply(command, letter) == EXPECT_ENDS &&
                (letter != 'a' || command == COMMAND_END_OF_MESSAGE);

    return over && position_in_message(position) ? POSITION_CONNECTED : position;
}

static void test_every_reply_to_every_command(void **state)
{
    (void)state;
    for (unsigned command = COMMAND_CONNECT; command <= COMMAND_END_OF_MESSAGE; command++) {
        for (unsigned from = POSITION_NEGOTIATED; from < POSITION_END_OF_MESSAGE; from++) {
            enum position after =
                expected_after_command((enum position)from, (enum command)command);

            for (unsigned kind = 0; after != POSITION_INVALID && kind < REPLIES; kind++) {
                char letter = reply_info[kind].letter;
                enum expected_reply expected = expected_reply((enum command)command, letter);
                struct packet packet = {letter, reply_payload(letter)};
                struct buffer written = {0};
                struct reply reply;
                struct conversation c;

                if (expected == EXPECT_INVALID) {
                    continue;
                }
                begin(&c, 0);
                walk_to(&c, (enum position)from);
                assert_int_equal(feed(&c, command_info[command].letter), FILTER_EVENT);
                assert_true(reply_decode(&packet, &reply, &c.error));
                append_reply(&written, letter);
                if (expected != EXPECT_EDIT) {
                    filter_reply(&c.filter, &reply);
                    assert_false(c.filter.owes);
                    assert_int_equal(c.filter.position,
                                     expected_after_reply(after, (enum command)command, letter));
                } else if (command == COMMAND_END_OF_MESSAGE) {
                    filter_edit(&c.filter, &reply);
                    assert_true(c.filter.owes);
                    assert_int_equal(c.filter.position, POSITION_END_OF_MESSAGE);
                } else {
                    buffer_reset(&written); /* the filter side speaks of progress at E alone */
                }
                assert_bytes(buffer_slice(&c.output), buffer_slice(&written));
                buffer_clear(&written);
                end(&c);
            }
        }
    }
}

/* Macros and commands that come while a reply is owed keep their order and wait; QUIT does not. */
static void test_holds_back_while_owing(void **state)
{
    struct conversation c;

    (void)state;
    begin(&c, 0);
    walk_to(&c, POSITION_CONNECTED);
    assert_int_equal(feed(&c, 'M'), FILTER_EVENT);
    append_command(&c.input, 'D');
    append_command(&c.input, 'R');
    append_command(&c.input, 'A');
    append_command(&c.input, 'Q');
    assert_int_equal(next(&c), FILTER_HELD);
    assert_int_equal(next(&c), FILTER_HELD);
    answer(&c, VERDICT_CONTINUE);
    assert_int_equal(next(&c), FILTER_EVENT);
    assert_int_equal(c.event.command, COMMAND_MACRO);
    assert_int_equal(next(&c), FILTER_EVENT);
    assert_int_equal(c.event.command, COMMAND_RCPT);
    assert_int_equal(next(&c), FILTER_HELD);
    answer(&c, VERDICT_CONTINUE);
    assert_int_equal(next(&c), FILTER_EVENT);
    assert_int_equal(c.event.command, COMMAND_ABORT);
    assert_int_equal(next(&c), FILTER_EVENT);
    assert_int_equal(c.event.command, COMMAND_QUIT);
    assert_hex(buffer_slice(&c.output), "00 00 00 01 63 00 00 00 01 63");
    end(&c);

    begin(&c, 0);
    walk(&c, "OCM");
    assert_true(c.filter.owes);
    assert_int_equal(feed(&c, 'Q'), FILTER_EVENT);
    assert_int_equal(c.filter.position, POSITION_CLOSED);
    assert_false(c.filter.owes);
    end(&c);
}

/* Postfix ends every session with A A Q, also straight after a finished message. */
static void test_aborts_everywhere(void **state)
{
    struct conversation c;

    (void)state;
    begin(&c, 0);
    walk(&c, "AOAACAAHAMRAAMRNEAAMAMRTLNBBEAAQ");
    assert_int_equal(c.filter.position, POSITION_CLOSED);
    end(&c);
}

static void test_goes_on_after_accept(void **state)
{
    struct conversation c;

    (void)state;
    begin(&c, 0);
    walk(&c, "OCM");
    answer(&c, VERDICT_ACCEPT);
    walk(&c, "RTLNBE");
    assert_true(c.filter.owes);
    end(&c);
}

static void test_new_sessions_on_one_connection(void **state)
{
    struct conversation c;

    (void)state;
    begin(&c, STEP_NO_HELO);
    /* XCLIENT: a second CONNECT; STARTTLS: a second HELO; K keeps what was negotiated. */
    walk(&c, "OCHCHHMRNEKCMRNEKC");
    assert_int_equal(c.filter.position, POSITION_CONNECTED);
    assert_int_equal(c.filter.answer.steps, STEP_NO_HELO);
    end(&c);
}

static void test_macros_follow_their_life_time(void **state)
{
    struct conversation c;
    struct slice value;

    (void)state;
    begin(&c, 0);
    walk_to(&c, POSITION_NEGOTIATED);
    packet_append(&c.input, 'D', BYTES("Cj\0mx\0{client_name}\0c\0"));
    assert_int_equal(next(&c), FILTER_EVENT);
    walk(&c, "C");
    answer(&c, VERDICT_CONTINUE);
    packet_append(&c.input, 'D', BYTES("Mi\0Q1\0"));
    assert_int_equal(next(&c), FILTER_EVENT);
    walk(&c, "MR");
    answer(&c, VERDICT_CONTINUE);
    packet_append(&c.input, 'D', BYTES("E{msg_id}\0<1>\0"));
    assert_int_equal(next(&c), FILTER_EVENT);
    assert_true(macro_store_find(&c.filter.macros, COMMAND_END_OF_MESSAGE, BYTES("i"), &value));
    assert_true(
        macro_store_find(&c.filter.macros, COMMAND_END_OF_MESSAGE, BYTES("msg_id"), &value));

    /* Unknown letters, stages that are none and half a packet change nothing. */
    packet_append(&c.input, 'D', BYTES("Zi\0Q9\0"));
    packet_append(&c.input, 'D', BYTES("Ai\0Q9\0"));
    packet_append(&c.input, 'D', BYTES("Mgarbage"));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(next(&c), FILTER_EVENT);
        assert_false(c.event.macros.known);
    }
    assert_true(macro_store_find(&c.filter.macros, COMMAND_END_OF_MESSAGE, BYTES("i"), &value));
    assert_text(value, "Q1");

    walk(&c, "AM");
    assert_false(
        macro_store_find(&c.filter.macros, COMMAND_END_OF_MESSAGE, BYTES("msg_id"), &value));
    assert_true(macro_store_find(&c.filter.macros, COMMAND_END_OF_MESSAGE, BYTES("i"), &value));
    answer(&c, VERDICT_CONTINUE);
    packet_append(&c.input, 'D', BYTES("M"));
    assert_int_equal(next(&c), FILTER_EVENT);
    assert_false(macro_store_find(&c.filter.macros, COMMAND_END_OF_MESSAGE, BYTES("i"), &value));
    walk(&c, "AK");
    assert_false(macro_store_find(&c.filter.macros, COMMAND_END_OF_MESSAGE, BYTES("j"), &value));
    end(&c);
}

/* Where NO_REPLY was negotiated the verdict counts and nothing is written. */
static void test_silent_where_no_reply_was_negotiated(void **state)
{
    static const struct {
        const char *path;
        uint32_t step;
    } rows[] = {
        {"OC", STEP_NO_REPLY_CONNECT},   {"OCH", STEP_NO_REPLY_HELO},
        {"OCM", STEP_NO_REPLY_MAIL},     {"OCMR", STEP_NO_REPLY_RCPT},
        {"OCMRT", STEP_NO_REPLY_DATA},   {"OCU", STEP_NO_REPLY_UNKNOWN},
        {"OCMRL", STEP_NO_REPLY_HEADER}, {"OCMRN", STEP_NO_REPLY_END_OF_HEADER},
        {"OCMRNB", STEP_NO_REPLY_BODY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct conversation c;

        begin(&c, rows[i].step);
        walk(&c, rows[i].path);
        assert_false(c.filter.owes);
        answer(&c, VERDICT_REJECT);
        assert_int_equal(buffer_length(&c.output), 0);
        /* A refused recipient or command does not end the message. */
        assert_int_equal(position_in_message(c.filter.position), c.event.command == COMMAND_RCPT);
        end(&c);

        begin(&c, STEP_NO_REPLY & ~rows[i].step);
        walk(&c, rows[i].path);
        assert_true(c.filter.owes);
        answer(&c, VERDICT_CONTINUE);
        assert_hex(buffer_slice(&c.output), "00 00 00 01 63");
        end(&c);
    }
}

/* A filter that wants nothing still gets E per message, A and Q (section 12, 9). */
static void test_everything_suppressed(void **state)
{
    struct conversation c;

    (void)state;
    begin(&c, STEP_NO_EVENT);
    walk(&c, "OEEAEAAQ");
    assert_int_equal(c.filter.position, POSITION_CLOSED);
    end(&c);
    /* An MTA that sends it all the same is answered. */
    begin(&c, STEP_NO_EVENT);
    walk(&c, "OCHMRTLNBE");
    answer(&c, VERDICT_ACCEPT);
    assert_hex(buffer_slice(&c.output), "00 00 00 01 61");
    end(&c);
}

/* An owner that never answers: what follows the ABORT is taken, and nothing was said. */
static void test_withdrawn_reply(void **state)
{
    struct buffer output = {0}, input = {0};
    struct command_packet event;
    struct error error = {0};
    struct filter filter;
    struct slice rest;

    (void)state;
    filter_init(&filter, &output);
    buffer_append(&input, "\0\0\0\x0dO\0\0\0\6\0\0\1\xff\0\0\0\0\0\0\0\1A\0\0\0\1Q", 27);
    rest = buffer_slice(&input);
    assert_int_equal(filter_next(&filter, &rest, &event, &error), FILTER_EVENT);
    assert_int_equal(filter_next(&filter, &rest, &event, &error), FILTER_HELD);
    assert_int_equal(event.command, COMMAND_ABORT);
    filter_withdraw(&filter);
    assert_int_equal(filter_next(&filter, &rest, &event, &error), FILTER_EVENT);
    assert_int_equal(event.command, COMMAND_ABORT);
    assert_int_equal(filter_next(&filter, &rest, &event, &error), FILTER_EVENT);
    assert_int_equal(event.command, COMMAND_QUIT);
    assert_int_equal(buffer_length(&output), 0);
    filter_clear(&filter);
    buffer_clear(&input);
    buffer_clear(&output);
}

static void test_negotiation(void **state)
{
    struct conversation c;
    struct negotiation answer_with_lists = {6, ACTION_ADD_HEADERS | ACTION_SET_MACRO_LIST, 0,
                                            SLICE_LITERAL("\0\0\0\0j {daemon_name}\0\0\0\0\5i\0")};

    (void)state;
    begin(&c, 0);
    /* Longer than twelve bytes is tolerated, above our version bounded. */
    packet_append(&c.input, 'O',
                  BYTES("\0\0\0\x10\0\0\0\0\0\x1f\xff\xff"
                        "more"));
    assert_int_equal(next(&c), FILTER_EVENT);
    assert_int_equal(c.event.command, COMMAND_NEGOTIATE);
    assert_int_equal(c.filter.offer.version, 6);
    assert_int_equal(c.filter.offer.actions, ACTION_VERSION_1);
    assert_int_equal(c.filter.offer.steps, STEP_ALL);
    assert_int_equal(feed(&c, 'C'), FILTER_HELD);
    filter_negotiate(&c.filter, &answer_with_lists);
    assert_hex(buffer_slice(&c.output),
               "00 00 00 27 4F 00 00 00 06 00 00 01 01 00 00 00 00 00 00 00 00 6A 20 7B 64 61 65 "
               "6D 6F 6E 5F 6E 61 6D 65 7D 00 00 00 00 05 69 00");
    assert_int_equal(next(&c), FILTER_EVENT);
    end(&c);
}

static void test_what_closes_the_connection(void **state)
{
    static const struct {
        const char *path;
        struct slice bytes;
        const char *message;
    } rows[] = {
        {"", SLICE_LITERAL("\0\0\0\x0dO\0\0\0\1\0\0\0\x0f\0\0\0\x3f"),
         "version 1 of the milter protocol is not supported"},
        {"", SLICE_LITERAL("\0\0\0\5O\0\0\0\6"), "negotiation of 4 bytes, at least 12 are needed"},
        {"", SLICE_LITERAL("EHLO x\r\n"), "the peer speaks SMTP, not the milter protocol"},
        {"", SLICE_LITERAL("\0\0\0\2Hx"), "command helo ('H') is out of order after start"},
        {"O", SLICE_LITERAL("\0\0\0\2Mx"),
         "command envelope-from ('M') is out of order after negotiated"},
        {"OC", SLICE_LITERAL("\0\0\0\2Rx"),
         "command envelope-recipient ('R') is out of order after connected"},
        {"OC", SLICE_LITERAL("\0\0\0\1O"),
         "command negotiate ('O') is out of order after connected"},
        {"OC", SLICE_LITERAL("\0\0\0\1Z"), "unknown command 'Z'"},
        {"OC", SLICE_LITERAL("\0\0\0\0"), "packet of length zero"},
        {"OC", SLICE_LITERAL("\xff\xff\xff\xff"),
         "packet of 4294967295 bytes is above the limit of 2097152 bytes"},
        {"OCMR", SLICE_LITERAL("\0\0\0\1L"), "header without value"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct conversation c;

        begin(&c, 0);
        walk(&c, rows[i].path);
        if (c.filter.owes) {
            answer(&c, VERDICT_CONTINUE);
        }
        buffer_reset(&c.output);
        buffer_append_slice(&c.input, rows[i].bytes);
        assert_int_equal(next(&c), FILTER_INVALID);
        assert_int_equal(c.error.code, ERROR_PROTOCOL);
        assert_string_equal(c.error.message, rows[i].message);
        assert_int_equal(buffer_length(&c.output), 0);
        end(&c);
    }
}

static void test_end_of_message_with_data(void **state)
{
    struct conversation c;

    (void)state;
    begin(&c, 0);
    walk_to(&c, POSITION_END_OF_HEADER);
    packet_append(&c.input, 'E', BYTES("last\0bytes"));
    assert_int_equal(next(&c), FILTER_EVENT);
    assert_bytes(c.event.text, BYTES("last\0bytes"));
    answer(&c, VERDICT_CONTINUE);
    assert_hex(buffer_slice(&c.output), "00 00 00 01 63"); /* one reply only */
    end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command_at_every_position),
        cmocka_unit_test(test_every_reply_to_every_command),
        cmocka_unit_test(test_holds_back_while_owing),
        cmocka_unit_test(test_aborts_everywhere),
        cmocka_unit_test(test_goes_on_after_accept),
        cmocka_unit_test(test_new_sessions_on_one_connection),
        cmocka_unit_test(test_macros_follow_their_life_time),
        cmocka_unit_test(test_silent_where_no_reply_was_negotiated),
        cmocka_unit_test(test_everything_suppressed),
        cmocka_unit_test(test_withdrawn_reply),
        cmocka_unit_test(test_negotiation),
        cmocka_unit_test(test_what_closes_the_connection),
        cmocka_unit_test(test_end_of_message_with_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
