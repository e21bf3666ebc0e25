/*
 * expectation - the order of the protocol as the tests expect it, written from
 * the specification (milter-protocol sections 2, 8, 10, 11; manager-semantics
 * section 18) and not from the code, and a payload for every letter.
 */
#ifndef TEST_UNIT_EXPECTATION_H
#define TEST_UNIT_EXPECTATION_H

#include "libcore/session/order.h"
#include "libcore/wire/packet.h"

/* S N C M R T L H B E X, in the order of enum position: how the tables name positions. */
extern const char expected_positions[POSITIONS + 1];

/* Where command leads from position when nothing is suppressed, or POSITION_INVALID. */
enum position expected_after_command(enum position position, enum command command);

enum expected_reply {
    EXPECT_INVALID, /* no answer to that command */
    EXPECT_STAYS,   /* final; the position is what the command made it */
    EXPECT_ENDS,    /* final; the message, if one is open, is over for this filter */
    EXPECT_EDIT,    /* an edit or progress: the final reply is still owed */
};
/* What a reply, by its letter, means while command is owed.  Skip as if it was negotiated. */
enum expected_reply expected_reply(enum command command, char letter);

/* The letters of the commands that lead from the start to position. */
const char *path_to(enum position position);

enum command command_of(char letter);
/* A regular payload for a command or a reply. */
struct slice command_payload(enum command command);
struct slice reply_payload(char letter);
/* A whole packet. */
void append_command(struct buffer *output, char letter);
void append_reply(struct buffer *output, char letter);

#endif
