/*
 * expectation - the order of the protocol as the tests expect it.  Pure data.
 */
#include "test/unit/expectation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define S(text) SLICE_LITERAL(text)

const char expected_positions[] = "SNCMRTLHBEX";

/*
 * COMMAND>POSITION for every command that is in order.  The successors of
 * section 11 plus what section 18 adds: CONNECT, HELO, MAIL and ABORT begin
 * anew from anywhere, U and D change nothing, Q and K leave from anywhere.
 * Content may begin anywhere behind the first recipient (T, L, N and B are
 * optional in section 2), but never goes back.
 */
static const char *const successors[POSITIONS] = {
    [POSITION_START] = "O>N A>S Q>X",
    [POSITION_NEGOTIATED] = "C>C H>C U>N D>N A>N Q>X K>N",
    [POSITION_CONNECTED] = "C>C H>C M>M U>C D>C A>C Q>X K>N",
    [POSITION_MAIL] = "R>R C>C H>C M>M U>M D>M A>C Q>X K>N",
    [POSITION_RCPT] = "R>R T>T L>L N>H B>B E>E C>C H>C M>M U>R D>R A>C Q>X K>N",
    [POSITION_DATA] = "L>L N>H B>B E>E C>C H>C M>M U>T D>T A>C Q>X K>N",
    [POSITION_HEADER] = "L>L N>H B>B E>E C>C H>C M>M U>L D>L A>C Q>X K>N",
    [POSITION_END_OF_HEADER] = "B>B E>E C>C H>C M>M U>H D>H A>C Q>X K>N",
    [POSITION_BODY] = "B>B E>E C>C H>C M>M U>B D>B A>C Q>X K>N",
    /* Its reply is owed: macros may come early, the rest waits. */
    [POSITION_END_OF_MESSAGE] = "D>E A>C Q>X",
    [POSITION_CLOSED] = "",
};

enum position expected_after_command(enum position position, enum command command)
{
    const char arrow[] = {command_info[command].letter, '>', '\0'};
    const char *found = strstr(successors[position], arrow);

    return found == NULL
               ? POSITION_INVALID
               : (enum position)(strchr(expected_positions, found[2]) - expected_positions);
}

/* Section 8, by the letter of the command. */
static const struct {
    char command;
    const char *stays, *ends, *edits;
} replies[] = {
    {'O', "O", "", ""},         {'C', "cartdy4", "", "p"},          {'H', "cartdy4", "", "p"},
    {'M', "c", "artdy4", "p"},  {'R', "crty4", "ad", "p"},          {'T', "c", "artdy4", "p"},
    {'U', "crty4", "a", "p"},   {'L', "c", "artdy4", "p"},          {'N', "c", "artdy4", "p"},
    {'B', "cs", "artdy4", "p"}, {'E', "", "cartdy4", "pqhime+2-b"},
};

enum expected_reply expected_reply(enum command command, char letter)
{
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        if (replies[i].command == command_info[command].letter) {
            return strchr(replies[i].stays, letter) != NULL   ? EXPECT_STAYS
                   : strchr(replies[i].ends, letter) != NULL  ? EXPECT_ENDS
                   : strchr(replies[i].edits, letter) != NULL ? EXPECT_EDIT
                                                              : EXPECT_INVALID;
        }
    }
    return EXPECT_INVALID;
}

const char *path_to(enum position position)
{
    static const char *const paths[POSITIONS] = {
        "", "O", "OC", "OCM", "OCMR", "OCMRT", "OCMRL", "OCMRLN", "OCMRNB", "OCMRNBE", "OCQ"};

    return paths[position];
}

enum command command_of(char letter)
{
    enum command command = COMMANDS;

    assert_true(command_from_letter(letter, &command));
    return command;
}

struct slice command_payload(enum command command)
{
    static const struct slice payloads[COMMANDS] = {
        [COMMAND_NEGOTIATE] = S("\0\0\0\6\0\0\1\377\0\37\377\377"),
        [COMMAND_MACRO] = S("Ej\0mx\0"),
        [COMMAND_CONNECT] = S("client\0004\0\031"
                              "127.0.0.1\0"),
        [COMMAND_HELO] = S("delian\0"),
        [COMMAND_MAIL] = S("<a@x>\0SIZE=9\0"),
        [COMMAND_RCPT] = S("<b@x>\0"),
        [COMMAND_DATA] = S(""),
        [COMMAND_UNKNOWN] = S("FOO\0"),
        [COMMAND_HEADER] = S("Subject\0Hi\0"),
        [COMMAND_END_OF_HEADER] = S(""),
        [COMMAND_BODY] = S("Hi\r\n"),
        [COMMAND_END_OF_MESSAGE] = S(""),
        [COMMAND_ABORT] = S(""),
        [COMMAND_QUIT] = S(""),
        [COMMAND_QUIT_NEW_CONNECTION] = S(""),
    };

    return payloads[command];
}

struct slice reply_payload(char letter)
{
    static const struct {
        char letter;
        struct slice payload;
    } payloads[] = {
        {'O', S("\0\0\0\6\0\0\1\377\0\0\4\0")}, /* all actions, SKIP */
        {'y', S("550 5.7.1 no\0")},
        {'q', S("virus?\0")},
        {'h', S("X-A\0v\0")},
        {'i', S("\0\0\0\0X-A\0v\0")},
        {'m', S("\0\0\0\1X-A\0\0")},
        {'e', S("<a@x>\0")},
        {'+', S("<a@x>\0")},
        {'2', S("<a@x>\0NOTIFY=NEVER\0")},
        {'-', S("<a@x>\0")},
        {'b', S("Bye\r\n")},
    };

    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        if (payloads[i].letter == letter) {
            return payloads[i].payload;
        }
    }
    return slice_of("", 0);
}

void append_command(struct buffer *output, char letter)
{
    packet_append(output, letter, command_payload(command_of(letter)));
}

void append_reply(struct buffer *output, char letter)
{
    packet_append(output, letter, reply_payload(letter));
}
