/*
 * Tests of the vocabulary: every example packet of milter-protocol section 13,
 * byte for byte in both directions, and the tables of sections 2 and 3.
 */
#include "libcore/wire/protocol.h"

#include "libcore/wire/command.h"
#include "libcore/wire/macro.h"
#include "libcore/wire/negotiation.h"
#include "libcore/wire/reply.h"
#include "test/unit/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define S(text)  SLICE_LITERAL(text)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- section 13 */

/* clang-format off */
static const struct {
    const char *hex;
    struct command_packet packet;
} command_examples[] = {
    {"00 00 00 02 44 48", {.command = COMMAND_MACRO, .macros = {COMMAND_HELO, true, S("")}}},
    {"00 00 00 25 44 43 6A 00 6D 78 2E 65 78 61 6D 70 6C 65 2E 6E 65 74 00"
     " 7B 64 61 65 6D 6F 6E 5F 6E 61 6D 65 7D 00 6D 78 31 00",
     {.command = COMMAND_MACRO,
      .macros = {COMMAND_CONNECT, true, S("j\0mx.example.net\0{daemon_name}\0mx1\0")}}},
    {"00 00 00 22 43 63 6C 69 65 6E 74 2E 65 78 61 6D 70 6C 65 2E 6F 72 67 00 34 C5 0B"
     " 31 39 32 2E 30 2E 32 2E 34 35 00",
     {.command = COMMAND_CONNECT,
      .connect = {S("client.example.org"), '4', 50443, S("192.0.2.45")}}},
    {"00 00 00 28 43 5B 49 50 76 36 3A 32 30 30 31 3A 64 62 38 3A 3A 31 5D 00 36 C5 0B"
     " 49 50 76 36 3A 32 30 30 31 3A 64 62 38 3A 3A 31 00",
     {.command = COMMAND_CONNECT,
      .connect = {S("[IPv6:2001:db8::1]"), '6', 50443, S("IPv6:2001:db8::1")}}},
    {"00 00 00 1E 43 5B 32 30 30 31 3A 64 62 38 3A 3A 31 5D 00 36 C5 0B"
     " 32 30 30 31 3A 64 62 38 3A 3A 31 00",
     {.command = COMMAND_CONNECT,
      .connect = {S("[2001:db8::1]"), '6', 50443, S("2001:db8::1")}}},
    {"00 00 00 15 43 6C 6F 63 61 6C 68 6F 73 74 00 4C 00 00 2F 72 75 6E 2F 73 00",
     {.command = COMMAND_CONNECT, .connect = {S("localhost"), 'L', 0, S("/run/s")}}},
    {"00 00 00 0A 43 75 6E 6B 6E 6F 77 6E 00 55",
     {.command = COMMAND_CONNECT, .connect = {S("unknown"), 'U', 0, S("")}}},
    {"00 00 00 08 48 64 65 6C 69 61 6E 00", {.command = COMMAND_HELO, .text = S("delian")}},
    {"00 00 00 2B 4D 3C 6B 6F 75 40 65 78 61 6D 70 6C 65 2E 63 6F 6D 3E 00"
     " 53 49 5A 45 3D 31 30 32 34 00 42 4F 44 59 3D 38 42 49 54 4D 49 4D 45 00",
     {.command = COMMAND_MAIL,
      .envelope = {S("<kou@example.com>"), S("SIZE=1024\0BODY=8BITMIME\0")}}},
    {"00 00 00 1F 52 3C 74 6F 40 65 78 61 6D 70 6C 65 2E 63 6F 6D 3E 00"
     " 4E 4F 54 49 46 59 3D 4E 45 56 45 52 00",
     {.command = COMMAND_RCPT, .envelope = {S("<to@example.com>"), S("NOTIFY=NEVER\0")}}},
    {"00 00 00 01 54", {.command = COMMAND_DATA}},
    {"00 00 00 09 55 46 4F 4F 20 62 61 72 00",
     {.command = COMMAND_UNKNOWN, .text = S("FOO bar")}},
    {"00 00 00 0C 4C 53 75 62 6A 65 63 74 00 48 69 00",
     {.command = COMMAND_HEADER, .header = {S("Subject"), S("Hi")}}},
    {"00 00 00 0D 4C 53 75 62 6A 65 63 74 00 20 48 69 00",
     {.command = COMMAND_HEADER, .header = {S("Subject"), S(" Hi")}}},
    {"00 00 00 06 4C 58 2D 41 00 00", {.command = COMMAND_HEADER, .header = {S("X-A"), S("")}}},
    {"00 00 00 12 4C 54 6F 00 3C 61 40 78 3E 2C 0A 20 3C 62 40 78 3E 00",
     {.command = COMMAND_HEADER, .header = {S("To"), S("<a@x>,\n <b@x>")}}},
    {"00 00 00 01 4E", {.command = COMMAND_END_OF_HEADER}},
    {"00 00 00 05 42 48 69 0D 0A", {.command = COMMAND_BODY, .text = S("Hi\r\n")}},
    {"00 00 00 01 45", {.command = COMMAND_END_OF_MESSAGE, .text = S("")}},
    {"00 00 00 05 45 48 69 0D 0A", {.command = COMMAND_END_OF_MESSAGE, .text = S("Hi\r\n")}},
    {"00 00 00 01 41", {.command = COMMAND_ABORT}},
    {"00 00 00 01 51", {.command = COMMAND_QUIT}},
    {"00 00 00 01 4B", {.command = COMMAND_QUIT_NEW_CONNECTION}},
};

static const struct {
    const char *hex;
    struct reply reply;
} reply_examples[] = {
    {"00 00 00 01 63", {.kind = REPLY_CONTINUE}},
    {"00 00 00 01 61", {.kind = REPLY_ACCEPT}},
    {"00 00 00 01 72", {.kind = REPLY_REJECT}},
    {"00 00 00 01 74", {.kind = REPLY_TEMPORARY_FAILURE}},
    {"00 00 00 01 64", {.kind = REPLY_DISCARD}},
    {"00 00 00 01 73", {.kind = REPLY_SKIP}},
    {"00 00 00 01 70", {.kind = REPLY_PROGRESS}},
    {"00 00 00 01 66", {.kind = REPLY_CONNECTION_FAILURE}},
    {"00 00 00 01 34", {.kind = REPLY_SHUTDOWN}},
    {"00 00 00 0E 79 35 35 30 20 35 2E 37 2E 31 20 6E 6F 00",
     {.kind = REPLY_CODE, .text = S("550 5.7.1 no")}},
    {"00 00 00 1A 79 35 35 30 2D 35 2E 37 2E 31 20 61 0D 0A"
     " 35 35 30 20 35 2E 37 2E 31 20 62 00",
     {.kind = REPLY_CODE, .text = S("550-5.7.1 a\r\n550 5.7.1 b")}},
    {"00 00 00 07 68 58 2D 41 00 76 00",
     {.kind = REPLY_ADD_HEADER, .name = S("X-A"), .value = S("v")}},
    {"00 00 00 0B 69 00 00 00 00 58 2D 41 00 76 00",
     {.kind = REPLY_INSERT_HEADER, .index = 0, .name = S("X-A"), .value = S("v")}},
    {"00 00 00 11 6D 00 00 00 01 53 75 62 6A 65 63 74 00 4E 65 77 00",
     {.kind = REPLY_CHANGE_HEADER, .index = 1, .name = S("Subject"), .value = S("New")}},
    {"00 00 00 0A 6D 00 00 00 02 58 2D 41 00 00",
     {.kind = REPLY_CHANGE_HEADER, .index = 2, .name = S("X-A"), .value = S("")}},
    {"00 00 00 07 65 3C 61 40 78 3E 00", {.kind = REPLY_CHANGE_FROM, .text = S("<a@x>")}},
    {"00 00 00 0F 65 3C 61 40 78 3E 00 45 4E 56 49 44 3D 31 00",
     {.kind = REPLY_CHANGE_FROM, .text = S("<a@x>"), .arguments = S("ENVID=1")}},
    {"00 00 00 07 2B 3C 61 40 78 3E 00", {.kind = REPLY_ADD_RECIPIENT, .text = S("<a@x>")}},
    {"00 00 00 14 32 3C 61 40 78 3E 00 4E 4F 54 49 46 59 3D 4E 45 56 45 52 00",
     {.kind = REPLY_ADD_RECIPIENT_WITH_PARAMETERS, .text = S("<a@x>"),
      .arguments = S("NOTIFY=NEVER")}},
    {"00 00 00 07 2D 3C 61 40 78 3E 00", {.kind = REPLY_DELETE_RECIPIENT, .text = S("<a@x>")}},
    {"00 00 00 06 62 42 79 65 0D 0A", {.kind = REPLY_REPLACE_BODY, .text = S("Bye\r\n")}},
    {"00 00 00 08 71 76 69 72 75 73 3F 00", {.kind = REPLY_QUARANTINE, .text = S("virus?")}},
};

static const struct {
    const char *hex;
    struct negotiation negotiation;
} negotiation_examples[] = {
    {"00 00 00 0D 4F 00 00 00 06 00 00 01 FF 00 1F FF FF", {6, 0x1FF, 0x1FFFFF, S("")}},
    {"00 00 00 0D 4F 00 00 00 02 00 00 00 3F 00 00 00 7F", {2, 0x3F, 0x7F, S("")}},
    {"00 00 00 0D 4F 00 00 00 06 00 00 01 B1 00 00 03 00",
     {6,
      ACTION_ADD_HEADERS | ACTION_CHANGE_HEADERS | ACTION_QUARANTINE |
          ACTION_ADD_RECIPIENT_WITH_PARAMETERS | ACTION_SET_MACRO_LIST,
      STEP_NO_UNKNOWN | STEP_NO_DATA, S("")}},
    {"00 00 00 27 4F 00 00 00 06 00 00 01 01 00 00 00 00"
     " 00 00 00 00 6A 20 7B 64 61 65 6D 6F 6E 5F 6E 61 6D 65 7D 00 00 00 00 05 69 00",
     {6, ACTION_ADD_HEADERS | ACTION_SET_MACRO_LIST, 0,
      S("\0\0\0\0j {daemon_name}\0\0\0\0\5i\0")}},
};
/* clang-format on */

/* The one packet of an example; the buffer owns it. */
static struct packet example_packet(struct buffer *buffer, const char *hex)
{
    struct packet packet = {0};
    struct error error = {0};
    struct slice input;

    bytes_append_hex(buffer, hex);
    input = buffer_slice(buffer);
    assert_int_equal(packet_next(&input, &packet, &error), PACKET_READY);
    assert_int_equal(input.length, 0);
    return packet;
}

static void assert_same_command(const struct command_packet *actual,
                                const struct command_packet *expected)
{
    assert_int_equal(actual->command, expected->command);
    switch (expected->command) {
    case COMMAND_MACRO:
        assert_true(actual->macros.known);
        assert_int_equal(actual->macros.stage, expected->macros.stage);
        assert_bytes(actual->macros.pairs, expected->macros.pairs);
        break;
    case COMMAND_CONNECT:
        assert_bytes(actual->connect.host, expected->connect.host);
        assert_int_equal(actual->connect.family, expected->connect.family);
        assert_int_equal(actual->connect.port, expected->connect.port);
        assert_bytes(actual->connect.address, expected->connect.address);
        break;
    case COMMAND_MAIL:
    case COMMAND_RCPT:
        assert_bytes(actual->envelope.address, expected->envelope.address);
        assert_bytes(actual->envelope.arguments, expected->envelope.arguments);
        break;
    case COMMAND_HEADER:
        assert_bytes(actual->header.name, expected->header.name);
        assert_bytes(actual->header.value, expected->header.value);
        break;
    case COMMAND_HELO:
    case COMMAND_UNKNOWN:
    case COMMAND_BODY:
    case COMMAND_END_OF_MESSAGE:
        assert_bytes(actual->text, expected->text);
        break;
    default:
        assert_int_equal(actual->payload.length, 0);
        break;
    }
}

static void encode_command(struct buffer *output, const struct command_packet *packet)
{
    switch (packet->command) {
    case COMMAND_MACRO:
        macro_append_packet(output, packet->macros.stage, packet->macros.pairs);
        break;
    case COMMAND_CONNECT:
        command_append_connect(output, &packet->connect);
        break;
    case COMMAND_MAIL:
    case COMMAND_RCPT:
        command_append_envelope(output, packet->command, packet->envelope.address,
                                packet->envelope.arguments);
        break;
    case COMMAND_HEADER:
        command_append_header(output, packet->header.name, packet->header.value);
        break;
    case COMMAND_HELO:
    case COMMAND_UNKNOWN:
        command_append_text(output, packet->command, packet->text);
        break;
    case COMMAND_BODY:
    case COMMAND_END_OF_MESSAGE:
        command_append(output, packet->command, packet->text);
        break;
    default:
        command_append(output, packet->command, slice_of("", 0));
        break;
    }
}

static void test_command_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(command_examples); i++) {
        struct buffer wire = {0}, again = {0}, forwarded = {0};
        struct packet packet = example_packet(&wire, command_examples[i].hex);
        struct command_packet command;
        struct error error = {0};

        assert_true(command_decode(&packet, &command, &error));
        assert_same_command(&command, &command_examples[i].packet);
        encode_command(&again, &command_examples[i].packet);
        assert_bytes(buffer_slice(&again), buffer_slice(&wire));
        command_append(&forwarded, command.command, command.payload);
        assert_bytes(buffer_slice(&forwarded), buffer_slice(&wire));
        buffer_clear(&wire);
        buffer_clear(&again);
        buffer_clear(&forwarded);
    }
}

static void test_reply_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(reply_examples); i++) {
        const struct reply *expected = &reply_examples[i].reply;
        struct buffer wire = {0}, again = {0};
        struct packet packet = example_packet(&wire, reply_examples[i].hex);
        struct reply reply;
        struct error error = {0};

        assert_true(reply_decode(&packet, &reply, &error));
        assert_int_equal(reply.kind, expected->kind);
        assert_int_equal(reply.index, expected->index);
        assert_bytes(reply.name, expected->name);
        assert_bytes(reply.value, expected->value);
        assert_bytes(reply.text, expected->text);
        assert_bytes(reply.arguments, expected->arguments);
        reply_append(&again, expected);
        assert_bytes(buffer_slice(&again), buffer_slice(&wire));
        buffer_clear(&wire);
        buffer_clear(&again);
    }
}

static void test_negotiation_examples(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(negotiation_examples); i++) {
        const struct negotiation *expected = &negotiation_examples[i].negotiation;
        struct buffer wire = {0}, again = {0};
        struct packet packet = example_packet(&wire, negotiation_examples[i].hex);
        struct command_packet command;
        struct negotiation negotiation;
        struct reply reply;
        struct error error = {0};

        /* The same packet is a command and a reply. */
        assert_true(command_decode(&packet, &command, &error));
        assert_int_equal(command.command, COMMAND_NEGOTIATE);
        assert_true(reply_decode(&packet, &reply, &error));
        assert_int_equal(reply.kind, REPLY_NEGOTIATE);
        assert_bytes(reply.text, command.payload);
        assert_true(negotiation_decode(command.payload, &negotiation, &error));
        assert_int_equal(negotiation.version, expected->version);
        assert_int_equal(negotiation.actions, expected->actions);
        assert_int_equal(negotiation.steps, expected->steps);
        assert_bytes(negotiation.macro_lists, expected->macro_lists);
        negotiation_append(&again, expected);
        assert_bytes(buffer_slice(&again), buffer_slice(&wire));
        buffer_clear(&wire);
        buffer_clear(&again);
    }
}

/* No command and no reply without an example. */
static void test_examples_are_complete(void **state)
{
    unsigned commands = 1U << COMMAND_NEGOTIATE, replies = 1U << REPLY_NEGOTIATE;

    (void)state;
    for (size_t i = 0; i < COUNT(command_examples); i++) {
        commands |= 1U << command_examples[i].packet.command;
    }
    for (size_t i = 0; i < COUNT(reply_examples); i++) {
        replies |= 1U << reply_examples[i].reply.kind;
    }
    assert_int_equal(commands, (1U << COMMANDS) - 1);
    assert_int_equal(replies, (1U << REPLIES) - 1);
}

/* ---- the tables of sections 2 and 3 */

static void test_commands_of_section_2(void **state)
{
    static const struct {
        enum command command;
        char letter;
        unsigned since;
        bool replied;
        uint32_t no_event, no_reply;
    } rows[COMMANDS] = {
        {COMMAND_NEGOTIATE, 'O', 1, true, 0, 0},
        {COMMAND_MACRO, 'D', 1, false, 0, 0},
        {COMMAND_CONNECT, 'C', 1, true, 0x1, 0x1000},
        {COMMAND_HELO, 'H', 1, true, 0x2, 0x2000},
        {COMMAND_MAIL, 'M', 1, true, 0x4, 0x4000},
        {COMMAND_RCPT, 'R', 1, true, 0x8, 0x8000},
        {COMMAND_DATA, 'T', 4, true, 0x200, 0x10000},
        {COMMAND_UNKNOWN, 'U', 3, true, 0x100, 0x20000},
        {COMMAND_HEADER, 'L', 1, true, 0x20, 0x80},
        {COMMAND_END_OF_HEADER, 'N', 2, true, 0x40, 0x40000},
        {COMMAND_BODY, 'B', 1, true, 0x10, 0x80000},
        {COMMAND_END_OF_MESSAGE, 'E', 1, true, 0, 0},
        {COMMAND_ABORT, 'A', 1, false, 0, 0},
        {COMMAND_QUIT, 'Q', 1, false, 0, 0},
        {COMMAND_QUIT_NEW_CONNECTION, 'K', 6, false, 0, 0},
    };
    uint32_t no_event = 0, no_reply = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct command_info *info = &command_info[rows[i].command];
        enum command command;

        assert_int_equal(info->letter, rows[i].letter);
        assert_int_equal(info->since_version, rows[i].since);
        assert_int_equal(info->replied, rows[i].replied);
        assert_int_equal(info->no_event, rows[i].no_event);
        assert_int_equal(info->no_reply, rows[i].no_reply);
        assert_true(command_from_letter(rows[i].letter, &command));
        assert_int_equal(command, rows[i].command);
        no_event |= info->no_event;
        no_reply |= info->no_reply;
    }
    assert_int_equal(no_event, 0x0000037F);
    assert_int_equal(no_reply, 0x000FF080);
    assert_int_equal(STEP_NO_EVENT, 0x0000037F);
    assert_int_equal(STEP_NO_REPLY, 0x000FF080);
    assert_int_equal(STEP_YES, 0x00100C00);
    assert_int_equal(STEP_ALL, 0x001FFFFF);
    assert_int_equal(STEP_NO_EVENT | STEP_NO_REPLY | STEP_YES, STEP_ALL);
}

static void test_replies_of_section_2(void **state)
{
    static const struct {
        enum reply_kind kind;
        char letter;
        bool edit;
        uint32_t action;
    } rows[REPLIES] = {
        {REPLY_NEGOTIATE, 'O', false, 0},
        {REPLY_CONTINUE, 'c', false, 0},
        {REPLY_ACCEPT, 'a', false, 0},
        {REPLY_REJECT, 'r', false, 0},
        {REPLY_TEMPORARY_FAILURE, 't', false, 0},
        {REPLY_DISCARD, 'd', false, 0},
        {REPLY_CODE, 'y', false, 0},
        {REPLY_SKIP, 's', false, 0},
        {REPLY_CONNECTION_FAILURE, 'f', false, 0},
        {REPLY_SHUTDOWN, '4', false, 0},
        {REPLY_PROGRESS, 'p', false, 0},
        {REPLY_QUARANTINE, 'q', true, 0x20},
        {REPLY_ADD_HEADER, 'h', true, 0x1},
        {REPLY_INSERT_HEADER, 'i', true, 0x1},
        {REPLY_CHANGE_HEADER, 'm', true, 0x10},
        {REPLY_CHANGE_FROM, 'e', true, 0x40},
        {REPLY_ADD_RECIPIENT, '+', true, 0x4},
        {REPLY_ADD_RECIPIENT_WITH_PARAMETERS, '2', true, 0x80},
        {REPLY_DELETE_RECIPIENT, '-', true, 0x8},
        {REPLY_REPLACE_BODY, 'b', true, 0x2},
    };
    uint32_t actions = ACTION_SET_MACRO_LIST;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct reply_info *info = &reply_info[rows[i].kind];
        enum reply_kind kind;

        assert_int_equal(info->letter, rows[i].letter);
        assert_int_equal(info->edit, rows[i].edit);
        assert_int_equal(info->action, rows[i].action);
        assert_true(reply_from_letter(rows[i].letter, &kind));
        assert_int_equal(kind, rows[i].kind);
        actions |= info->action;
    }
    assert_int_equal(actions, 0x1FF);
    assert_int_equal(ACTION_ALL, 0x1FF);
}

/* Of all 256 letters only those of section 2 mean something. */
static void test_no_other_letters(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        bool is_command = byte != 0 && strchr("ODCHMRTULNBEAQK", byte) != NULL;
        bool is_reply = byte != 0 && strchr("Ocartdysf4pqhime+2-b", byte) != NULL;
        enum command command;
        enum reply_kind kind;

        assert_int_equal(command_from_letter((char)byte, &command), is_command);
        assert_int_equal(reply_from_letter((char)byte, &kind), is_reply);
    }
}

static void test_every_bit_has_a_name(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 40; bit++) {
        assert_int_equal(action_name(bit) != NULL, bit < 9);
        assert_int_equal(step_name(bit) != NULL, bit < 21);
    }
    assert_string_equal(action_name(0), "add-headers");
    assert_string_equal(action_name(8), "set-symbol-list");
    assert_string_equal(step_name(4), "no-body");
    assert_string_equal(step_name(7), "no-reply-header");
    assert_string_equal(step_name(20), "header-value-with-leading-space");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_examples),      cmocka_unit_test(test_reply_examples),
        cmocka_unit_test(test_negotiation_examples),  cmocka_unit_test(test_examples_are_complete),
        cmocka_unit_test(test_commands_of_section_2), cmocka_unit_test(test_replies_of_section_2),
        cmocka_unit_test(test_no_other_letters),      cmocka_unit_test(test_every_bit_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
