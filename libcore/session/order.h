/*
 * order - the order of the protocol as data: which command may follow at which
 * position, and where a reply leaves the conversation.
 *
 * Both machines use the same two tables, so the side that asks and the side
 * that answers cannot disagree (milter-protocol sections 2, 8 and 11).
 */
#ifndef LIBCORE_SESSION_ORDER_H
#define LIBCORE_SESSION_ORDER_H

#include "libcore/wire/negotiation.h"
#include "libcore/wire/protocol.h"
#include "libcore/wire/verdict.h"

/* How far a conversation has come. */
enum position {
    POSITION_START,      /* nothing said yet */
    POSITION_NEGOTIATED, /* options agreed; also after QUIT_NEW_CONNECTION */
    POSITION_CONNECTED,  /* between messages */
    POSITION_MAIL,
    POSITION_RCPT,
    POSITION_DATA,
    POSITION_HEADER,
    POSITION_END_OF_HEADER,
    POSITION_BODY,
    POSITION_END_OF_MESSAGE, /* the final reply is owed */
    POSITION_CLOSED,
    POSITIONS,
    POSITION_INVALID = POSITIONS, /* the command is out of order */
};

const char *position_name(enum position position);
/* True from MAIL to END_OF_MESSAGE: an ABORT would abort something. */
bool position_in_message(enum position position);

/*
 * Where command leads from position, or POSITION_INVALID.  suppressed: the
 * NO_* step bits in force; positions whose command they suppress may be jumped
 * over (milter-protocol section 11).
 */
enum position order_after_command(enum position position, enum command command,
                                  uint32_t suppressed);
/* Where the answer to command leaves the conversation. */
enum position order_after_reply(enum position position, enum command command, enum verdict verdict);
/* True when a filter may answer command with this reply (edits: ask mta). */
bool order_reply_valid(enum command command, enum reply_kind kind);

#endif
