/*
 * Tests of mta: the side that asks.  Every command at every position, every
 * reply to every command and to none, stale replies, macros per filter.
 */
#include "libcore/session/mta.h"

#include "test/unit/bytes.h"
#include "test/unit/expectation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct slice no_macros = {NULL, 0};

/* An mta with its connection: input is what the filter has written. */
struct conversation {
    struct mta mta;
    struct buffer input, output;
    struct reply reply;
    enum command command;
    struct error error;
};

static enum mta_result next(struct conversation *c)
{
    struct slice input = buffer_slice(&c->input);
    size_t length = input.length;
    enum mta_result result = mta_next(&c->mta, &input, &c->reply, &c->command, &c->error);

    /* The reply's slices stay valid: consuming moves no bytes. */
    buffer_consume(&c->input, length - input.length);
    return result;
}

/* Negotiates everything and takes an answer. */
static void begin_with(struct conversation *c, uint32_t version, uint32_t steps, struct slice lists)
{
    const struct negotiation offer = {6, ACTION_ALL, STEP_ALL, {"", 0}};
    const struct negotiation answer = {version, ACTION_ALL, steps, lists};

    *c = (struct conversation){.command = COMMANDS};
    mta_init(&c->mta, &c->output);
    mta_negotiate(&c->mta, &offer);
    assert_hex(buffer_slice(&c->output), "00 00 00 0D 4F 00 00 00 06 00 00 01 FF 00 1F FF FF");
    negotiation_append(&c->input, &answer);
    assert_int_equal(next(c), MTA_NEGOTIATED);
    buffer_reset(&c->output);
}

static void begin(struct conversation *c, uint32_t steps)
{
    begin_with(c, 6, steps, slice_of("", 0));
}

static void end(struct conversation *c)
{
    mta_clear(&c->mta);
    buffer_clear(&c->input);
    buffer_clear(&c->output);
}

static enum mta_sent send(struct conversation *c, char letter)
{
    enum command command = command_of(letter);

    return mta_command(&c->mta, command, command_payload(command), no_macros);
}

static enum mta_result receive(struct conversation *c, char letter)
{
    append_reply(&c->input, letter);
    return next(c);
}

/* Sends the commands and has all answered with continue; at END_OF_MESSAGE it stays owed. */
static void walk(struct conversation *c, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        enum mta_sent sent = send(c, *letters);

        assert_int_not_equal(sent, MTA_OUT_OF_ORDER);
        if (sent == MTA_REPLY_OWED && *letters != 'E') {
            assert_int_equal(receive(c, 'c'), MTA_REPLY);
            assert_int_equal(c->command, command_of(*letters));
        }
    }
    buffer_reset(&c->output);
}

static void walk_to(struct conversation *c, enum position position)
{
    if (position == POSITION_START) {
        *c = (struct conversation){.command = COMMANDS};
        mta_init(&c->mta, &c->output);
        return;
    }
    begin(c, STEP_SKIP);
    walk(c, path_to(position) + 1);
    assert_int_equal(c->mta.position, position);
}

static void test_every_command_at_every_position(void **state)
{
    (void)state;
    for (unsigned from = 0; from < POSITIONS; from++) {
        for (unsigned command = 0; command < COMMANDS; command++) {
            enum position expected =
                expected_after_command((enum position)from, (enum command)command);
            bool unanswered = strchr("DAQK", command_info[command].letter) != NULL;
            struct conversation c;
            struct buffer packet = {0};
            enum mta_sent sent;

            /* Before O only mta_negotiate speaks; while a reply is owed only mta_abort and _quit.
             */
            if (from == POSITION_START || from == POSITION_END_OF_MESSAGE) {
                expected = POSITION_INVALID;
            }
            walk_to(&c, (enum position)from);
            sent = send(&c, command_info[command].letter);
            if (expected == POSITION_INVALID) {
                assert_int_equal(sent, MTA_OUT_OF_ORDER);
                assert_int_equal(c.mta.position, from);
            } else {
                assert_int_equal(sent, unanswered ? MTA_NO_REPLY : MTA_REPLY_OWED);
                assert_int_equal(c.mta.position, expected);
                append_command(&packet, command_info[command].letter);
            }
            assert_bytes(buffer_slice(&c.output), buffer_slice(&packet));
            buffer_clear(&packet);
            end(&c);
        }
    }
}

static void assert_reply(struct conversation *c, enum command command, enum position after,
                         char letter)
{
    enum expected_reply expected = expected_reply(command, letter);
    enum mta_result result = receive(c, letter);

    if (result != (expected == EXPECT_INVALID ? MTA_INVALID
                   : expected == EXPECT_EDIT  ? MTA_EDIT
                                              : MTA_REPLY)) {
        fail_msg("'%c' to '%c': %d", letter, command_info[command].letter, (int)result);
    }
    if (expected == EXPECT_INVALID) {
        assert_int_equal(c->error.code, ERROR_PROTOCOL);
        return;
    }
    assert_int_equal(c->command, command);
    assert_int_equal(reply_info[c->reply.kind].letter, letter);
    assert_int_equal(mta_owed(&c->mta), expected == EXPECT_EDIT);
    assert_int_equal(c->mta.position, expected == EXPECT_ENDS && position_in_message(after)
                                          ? POSITION_CONNECTED
                                          : after);
}

static void test_every_reply_to_every_command(void **state)
{
    (void)state;
    for (unsigned command = COMMAND_CONNECT; command <= COMMAND_END_OF_MESSAGE; command++) {
        for (unsigned from = POSITION_NEGOTIATED; from < POSITION_END_OF_MESSAGE; from++) {
            enum position after =
                expected_after_command((enum position)from, (enum command)command);

            for (unsigned kind = 0; after != POSITION_INVALID && kind < REPLIES; kind++) {
                struct conversation c;

                walk_to(&c, (enum position)from);
                assert_int_equal(send(&c, command_info[command].letter), MTA_REPLY_OWED);
                assert_reply(&c, (enum command)command, after, reply_info[kind].letter);
                end(&c);
            }
        }
    }
}

/* Nobody waits: progress is tolerated, everything else is a mistake of the filter. */
static void test_every_reply_to_no_command(void **state)
{
    (void)state;
    for (unsigned position = 0; position < POSITIONS; position++) {
        for (unsigned kind = 0; kind < REPLIES && position != POSITION_END_OF_MESSAGE; kind++) {
            struct conversation c;

            walk_to(&c, (enum position)position);
            assert_int_equal(receive(&c, reply_info[kind].letter),
                             kind == REPLY_PROGRESS ? MTA_WAIT : MTA_INVALID);
            assert_int_equal(c.error.code, kind == REPLY_PROGRESS ? ERROR_NONE : ERROR_PROTOCOL);
            assert_int_equal(c.mta.position, position);
            assert_int_equal(buffer_length(&c.output), 0);
            end(&c);
        }
    }
}

static void test_only_negotiation_answers_negotiation(void **state)
{
    const struct negotiation offer = {6, ACTION_ALL, STEP_ALL, {"", 0}};

    (void)state;
    for (unsigned kind = 0; kind < REPLIES; kind++) {
        struct conversation c;

        walk_to(&c, POSITION_START);
        mta_negotiate(&c.mta, &offer);
        assert_int_equal(receive(&c, reply_info[kind].letter),
                         kind == REPLY_NEGOTIATE ? MTA_NEGOTIATED : MTA_INVALID);
        end(&c);
    }
}

static void test_skip_must_be_negotiated(void **state)
{
    struct conversation c;

    (void)state;
    begin(&c, 0);
    walk(&c, "CMRN");
    assert_int_equal(send(&c, 'B'), MTA_REPLY_OWED);
    assert_int_equal(receive(&c, 's'), MTA_INVALID);
    assert_string_equal(c.error.message, "skip was not negotiated");
    end(&c);

    begin(&c, STEP_SKIP);
    walk(&c, "CMRN");
    assert_int_equal(send(&c, 'B'), MTA_REPLY_OWED);
    assert_int_equal(receive(&c, 's'), MTA_REPLY);
    assert_int_equal(send(&c, 'E'), MTA_REPLY_OWED);
    end(&c);
}

static void test_malformed_replies_are_invalid(void **state)
{
    static const struct {
        struct slice bytes;
        const char *message;
    } rows[] = {
        {SLICE_LITERAL("\0\0\0\6y200 \0"),
         "reply code must be 4xx or 5xx followed by a text, but was \"200 \""},
        {SLICE_LITERAL("\0\0\0\5y550 "), "malformed reply-code"},
        {SLICE_LITERAL("\0\0\0\0"), "packet of length zero"},
        {SLICE_LITERAL("\xff\xff\xff\xff"),
         "packet of 4294967295 bytes is above the limit of 2097152 bytes"},
        {SLICE_LITERAL("HTTP/1.1 400"), "the peer speaks HTTP, not the milter protocol"},
        {SLICE_LITERAL("\0\0\0\1z"), "unknown reply 'z'"},
        {SLICE_LITERAL("\0\0\0\1f"), "connection-failure ('f') is no answer to envelope-from"},
        {SLICE_LITERAL("\0\0\0\7hX-A\0v\0"), "add-header ('h') is no answer to envelope-from"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct conversation c;

        walk_to(&c, POSITION_CONNECTED);
        assert_int_equal(send(&c, 'M'), MTA_REPLY_OWED);
        buffer_append_slice(&c.input, rows[i].bytes);
        assert_int_equal(next(&c), MTA_INVALID);
        assert_string_equal(c.error.message, rows[i].message);
        end(&c);
    }
}

/* ABORT cuts a message off; what still comes for it is not taken for the next one's. */
static void test_stale_replies(void **state)
{
    struct conversation c;

    (void)state;
    walk_to(&c, POSITION_END_OF_MESSAGE);
    mta_abort(&c.mta);
    mta_abort(&c.mta); /* nothing is open any more */
    assert_hex(buffer_slice(&c.output), "00 00 00 01 41");
    assert_true(mta_owed(&c.mta));
    assert_int_equal(c.mta.position, POSITION_CONNECTED);
    assert_int_equal(send(&c, 'M'), MTA_REPLY_OWED);

    assert_int_equal(receive(&c, 'p'), MTA_WAIT);
    assert_int_equal(receive(&c, 'h'), MTA_WAIT);
    assert_int_equal(receive(&c, 'r'), MTA_WAIT);
    assert_true(mta_owed(&c.mta));
    assert_int_equal(receive(&c, 'c'), MTA_REPLY);
    assert_int_equal(c.command, COMMAND_MAIL);
    assert_int_equal(c.reply.kind, REPLY_CONTINUE);
    assert_int_equal(c.mta.position, POSITION_MAIL);
    assert_false(mta_owed(&c.mta));

    /* Twice in a row, and everything in one read. */
    assert_int_equal(send(&c, 'R'), MTA_REPLY_OWED);
    mta_abort(&c.mta);
    assert_int_equal(send(&c, 'M'), MTA_REPLY_OWED);
    mta_abort(&c.mta);
    assert_int_equal(send(&c, 'M'), MTA_REPLY_OWED);
    append_reply(&c.input, 't');
    append_reply(&c.input, 'a');
    append_reply(&c.input, 'd');
    assert_int_equal(next(&c), MTA_REPLY);
    assert_int_equal(c.reply.kind, REPLY_DISCARD);
    assert_false(mta_owed(&c.mta));
    assert_int_equal(next(&c), MTA_WAIT);
    end(&c);
}

static void test_what_is_no_stale_reply(void **state)
{
    (void)state;
    for (const char *letter = "Of"; *letter != '\0'; letter++) {
        struct conversation c;

        walk_to(&c, POSITION_END_OF_MESSAGE);
        mta_abort(&c.mta);
        assert_int_equal(receive(&c, *letter), MTA_INVALID);
        end(&c);
    }
}

/* ABORT is sent from within a message and nowhere else, whatever is owed. */
static void test_abort_between_messages_is_nothing(void **state)
{
    (void)state;
    for (unsigned position = 0; position < POSITIONS; position++) {
        struct conversation c;
        bool open = strchr("MRTLHBE", expected_positions[position]) != NULL;

        walk_to(&c, (enum position)position);
        mta_abort(&c.mta);
        assert_hex(buffer_slice(&c.output), open ? "00 00 00 01 41" : "");
        assert_int_equal(c.mta.position, open ? POSITION_CONNECTED : position);
        end(&c);
    }
}

static void test_quit(void **state)
{
    struct conversation c;

    (void)state;
    walk_to(&c, POSITION_END_OF_MESSAGE);
    mta_quit(&c.mta);
    mta_quit(&c.mta);
    assert_hex(buffer_slice(&c.output), "00 00 00 01 51");
    assert_int_equal(send(&c, 'M'), MTA_OUT_OF_ORDER);
    /* A verdict that crosses QUIT is no error. */
    assert_int_equal(receive(&c, 'a'), MTA_REPLY);
    assert_int_equal(c.mta.position, POSITION_CLOSED);
    end(&c);
}

static void test_headers_may_follow_each_other(void **state)
{
    struct conversation c;

    (void)state;
    begin(&c, 0);
    walk(&c, "CMR");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(send(&c, 'L'), MTA_REPLY_OWED);
    }
    assert_int_equal(c.mta.owed_count, 3);
    assert_int_equal(send(&c, 'N'), MTA_OUT_OF_ORDER);
    assert_int_equal(receive(&c, 'c'), MTA_REPLY);
    assert_int_equal(receive(&c, 'c'), MTA_REPLY);
    assert_int_equal(send(&c, 'N'), MTA_OUT_OF_ORDER);
    mta_abort(&c.mta);
    assert_int_equal(c.mta.stale_count, 1);
    assert_int_equal(send(&c, 'M'), MTA_REPLY_OWED);
    assert_int_equal(receive(&c, 't'), MTA_WAIT);
    assert_int_equal(receive(&c, 'c'), MTA_REPLY);
    assert_int_equal(c.command, COMMAND_MAIL);
    /* Nothing but headers. */
    assert_int_equal(send(&c, 'R'), MTA_REPLY_OWED);
    assert_int_equal(send(&c, 'R'), MTA_OUT_OF_ORDER);
    end(&c);
}

static void test_old_versions(void **state)
{
    struct conversation c;
    struct slice macros = BYTES("i\0Q1\0");

    (void)state;
    begin_with(&c, 2, 0, slice_of("", 0));
    walk(&c, "CMR");
    assert_int_equal(mta_command(&c.mta, COMMAND_UNKNOWN, BYTES("FOO\0"), macros), MTA_NOT_SENT);
    assert_int_equal(mta_command(&c.mta, COMMAND_DATA, BYTES(""), macros), MTA_NOT_SENT);
    assert_int_equal(c.mta.position, POSITION_DATA);
    /* Nothing stands for K: the filter would take the next CONNECT for a mistake. */
    assert_false(mta_wants(&c.mta, COMMAND_QUIT_NEW_CONNECTION));
    assert_int_equal(send(&c, 'K'), MTA_OUT_OF_ORDER);
    assert_int_equal(c.mta.position, POSITION_DATA);
    assert_int_equal(buffer_length(&c.output), 0);
    end(&c);

    begin(&c, 0);
    walk(&c, "CMR");
    assert_int_equal(send(&c, 'K'), MTA_NO_REPLY);
    assert_int_equal(c.mta.position, POSITION_NEGOTIATED);
    assert_int_equal(send(&c, 'C'), MTA_REPLY_OWED);
    end(&c);
}

static void test_answers(void **state)
{
    struct conversation c;
    const struct negotiation offer = {2, 0x3F, 0x7F, SLICE_LITERAL("never sent")};

    (void)state;
    walk_to(&c, POSITION_START);
    mta_negotiate(&c.mta, &offer);
    assert_hex(buffer_slice(&c.output), "00 00 00 0D 4F 00 00 00 02 00 00 00 3F 00 00 00 7F");
    /* What was not offered is dropped and told; the lists are kept. */
    packet_append(&c.input, 'O', BYTES("\0\0\0\2\0\0\1\xff\0\x0f\xf0\x81\0\0\0\1i\0"));
    assert_int_equal(next(&c), MTA_NEGOTIATED);
    assert_int_equal(c.mta.answer.actions, 0x3F);
    assert_int_equal(c.mta.answer.steps, 0x01);
    assert_int_equal(c.mta.surplus.actions, 0x1C0);
    assert_int_equal(c.mta.surplus.steps, 0x0FF080);
    assert_bytes(buffer_slice(&c.mta.macro_lists), BYTES("\0\0\0\1i\0"));
    end(&c);

    walk_to(&c, POSITION_START);
    mta_negotiate(&c.mta, &offer);
    packet_append(&c.input, 'O', BYTES("\0\0\0\6\0\0\0\0\0\0\0\0"));
    assert_int_equal(next(&c), MTA_INVALID);
    end(&c);
}

/* ---- macros */

/* Sends command with macros and compares the whole output with packets in hex. */
static void assert_macros(struct conversation *c, char letter, struct slice macros, const char *hex)
{
    enum command command = command_of(letter);
    struct buffer expected = {0};
    enum mta_sent sent = mta_command(&c->mta, command, command_payload(command), macros);

    assert_int_not_equal(sent, MTA_OUT_OF_ORDER);
    bytes_append_hex(&expected, hex);
    if (sent != MTA_NOT_SENT) {
        append_command(&expected, letter);
    }
    assert_bytes(buffer_slice(&c->output), buffer_slice(&expected));
    if (sent == MTA_REPLY_OWED) {
        assert_int_equal(receive(c, 'c'), MTA_REPLY);
    }
    buffer_clear(&expected);
    buffer_reset(&c->output);
}

#define J_AND_I BYTES("j\0mx\0i\0Q\0")
#define EMPTY   BYTES("")

static void test_macros_go_before_their_command(void **state)
{
    struct conversation c;

    (void)state;
    begin(&c, 0);
    assert_macros(&c, 'C', BYTES("j\0mx\0"), "00 00 00 07 44 43 6A 00 6D 78 00");
    assert_macros(&c, 'H', EMPTY, ""); /* nothing to say, nothing to replace */
    assert_macros(&c, 'H', BYTES("x\0001\0"), "00 00 00 06 44 48 78 00 31 00");
    assert_macros(&c, 'H', no_macros, "");              /* nothing new */
    assert_macros(&c, 'H', EMPTY, "00 00 00 02 44 48"); /* replaces what the filter holds */
    assert_macros(&c, 'H', EMPTY, "");
    assert_macros(&c, 'M', BYTES("i\0\0"), "00 00 00 05 44 4D 69 00 00");
    assert_macros(&c, 'R', BYTES("i\0Q\0"), "00 00 00 06 44 52 69 00 51 00");
    assert_macros(&c, 'L', BYTES("i\0Q\0"), "00 00 00 06 44 4C 69 00 51 00");
    assert_macros(&c, 'N', BYTES("i\0Q\0"), "00 00 00 06 44 4E 69 00 51 00");
    assert_macros(&c, 'B', BYTES("i\0Q\0"), "00 00 00 06 44 42 69 00 51 00");
    assert_macros(&c, 'E', BYTES("i\0Q\0"), "00 00 00 06 44 45 69 00 51 00");
    /* The filter forgets what is later than the MAIL it executes: nothing to replace there. */
    assert_macros(&c, 'M', EMPTY, "00 00 00 02 44 4D");
    assert_macros(&c, 'R', EMPTY, "");
    assert_macros(&c, 'N', EMPTY, "");
    assert_macros(&c, 'E', EMPTY, "");
    end(&c);
}

static void test_macro_lists_filter(void **state)
{
    struct conversation c;

    (void)state;
    /* C: j in braces; H: none; M: two of them, by comma; the others as they come. */
    begin_with(&c, 6, 0, BYTES("\0\0\0\0{j}\0\0\0\0\1\0\0\0\0\2auth_type,i\0\0\0\0\7v\0"));
    assert_macros(&c, 'C', J_AND_I, "00 00 00 07 44 43 6A 00 6D 78 00");
    assert_macros(&c, 'H', J_AND_I, "");
    assert_macros(&c, 'M', BYTES("j\0mx\0{auth_type}\0P\0i\0Q\0"),
                  "00 00 00 14 44 4D 7B 61 75 74 68 5F 74 79 70 65 7D 00 50 00 69 00 51 00");
    assert_macros(&c, 'M', BYTES("j\0mx\0"), "00 00 00 02 44 4D"); /* nothing of it is left */
    assert_macros(&c, 'M', BYTES("j\0mx\0"), "");
    assert_macros(&c, 'R', J_AND_I, "00 00 00 0B 44 52 6A 00 6D 78 00 69 00 51 00");
    end(&c);
}

/* Macros of a stage that was switched off are sent for later stages to read, but for L, N, B. */
static void test_macros_of_suppressed_stages(void **state)
{
    static const struct {
        const char *path;
        char letter;
        const char *hex;
    } rows[] = {
        {"", 'C', "00 00 00 06 44 43 69 00 51 00"},
        {"C", 'H', "00 00 00 06 44 48 69 00 51 00"},
        {"C", 'M', "00 00 00 06 44 4D 69 00 51 00"},
        {"CM", 'R', "00 00 00 06 44 52 69 00 51 00"},
        {"CMR", 'T', "00 00 00 06 44 54 69 00 51 00"},
        {"CMR", 'L', ""},
        {"CMR", 'N', ""},
        {"CMR", 'B', ""},
        {"C", 'U', "00 00 00 06 44 55 69 00 51 00"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct conversation c;

        begin(&c, STEP_NO_EVENT);
        walk(&c, rows[i].path);
        assert_macros(&c, rows[i].letter, BYTES("i\0Q\0"), rows[i].hex);
        end(&c);
    }
}

static void test_no_macros_for_what_is_no_stage(void **state)
{
    struct conversation c;

    (void)state;
    begin(&c, 0);
    walk(&c, "C");
    assert_macros(&c, 'A', BYTES("i\0Q\0"), "");
    assert_macros(&c, 'K', BYTES("i\0Q\0"), "");
    assert_macros(&c, 'Q', BYTES("i\0Q\0"), "");
    end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command_at_every_position),
        cmocka_unit_test(test_every_reply_to_every_command),
        cmocka_unit_test(test_every_reply_to_no_command),
        cmocka_unit_test(test_only_negotiation_answers_negotiation),
        cmocka_unit_test(test_skip_must_be_negotiated),
        cmocka_unit_test(test_malformed_replies_are_invalid),
        cmocka_unit_test(test_stale_replies),
        cmocka_unit_test(test_what_is_no_stale_reply),
        cmocka_unit_test(test_abort_between_messages_is_nothing),
        cmocka_unit_test(test_quit),
        cmocka_unit_test(test_headers_may_follow_each_other),
        cmocka_unit_test(test_old_versions),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_macros_go_before_their_command),
        cmocka_unit_test(test_macro_lists_filter),
        cmocka_unit_test(test_macros_of_suppressed_stages),
        cmocka_unit_test(test_no_macros_for_what_is_no_stage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
