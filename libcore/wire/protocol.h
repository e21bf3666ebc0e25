/*
 * protocol - the vocabulary of the milter protocol, versions 2 to 6.
 *
 * Letters, bits and limits as data (milter-protocol sections 1 to 4).  What a
 * command is called, when it exists and which bits suppress it stands in one
 * table, command_info.
 */
#ifndef LIBCORE_WIRE_PROTOCOL_H
#define LIBCORE_WIRE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* MTA to filter, in the order of a session. */
enum command {
    COMMAND_NEGOTIATE,
    COMMAND_MACRO,
    COMMAND_CONNECT,
    COMMAND_HELO,
    COMMAND_MAIL,
    COMMAND_RCPT,
    COMMAND_DATA,
    COMMAND_UNKNOWN,
    COMMAND_HEADER,
    COMMAND_END_OF_HEADER,
    COMMAND_BODY,
    COMMAND_END_OF_MESSAGE,
    COMMAND_ABORT,
    COMMAND_QUIT,
    COMMAND_QUIT_NEW_CONNECTION,
    COMMANDS,
};

/* Filter to MTA: replies first, then edits (modification requests). */
enum reply_kind {
    REPLY_NEGOTIATE,
    REPLY_CONTINUE,
    REPLY_ACCEPT,
    REPLY_REJECT,
    REPLY_TEMPORARY_FAILURE,
    REPLY_DISCARD,
    REPLY_CODE,
    REPLY_SKIP,
    REPLY_CONNECTION_FAILURE,
    REPLY_SHUTDOWN,
    REPLY_PROGRESS,
    REPLY_QUARANTINE,
    REPLY_ADD_HEADER,
    REPLY_INSERT_HEADER,
    REPLY_CHANGE_HEADER,
    REPLY_CHANGE_FROM,
    REPLY_ADD_RECIPIENT,
    REPLY_ADD_RECIPIENT_WITH_PARAMETERS,
    REPLY_DELETE_RECIPIENT,
    REPLY_REPLACE_BODY,
    REPLIES,
};

enum {
    ACTION_ADD_HEADERS = 0x001,
    ACTION_CHANGE_BODY = 0x002,
    ACTION_ADD_RECIPIENT = 0x004,
    ACTION_DELETE_RECIPIENT = 0x008,
    ACTION_CHANGE_HEADERS = 0x010,
    ACTION_QUARANTINE = 0x020,
    ACTION_CHANGE_FROM = 0x040,
    ACTION_ADD_RECIPIENT_WITH_PARAMETERS = 0x080,
    ACTION_SET_MACRO_LIST = 0x100,
    ACTION_ALL = 0x1FF,
    ACTION_VERSION_2 = 0x03F,
    ACTION_VERSION_1 = 0x00F, /* what an MTA means that offers none */
};

enum {
    STEP_NO_CONNECT = 0x000001,
    STEP_NO_HELO = 0x000002,
    STEP_NO_MAIL = 0x000004,
    STEP_NO_RCPT = 0x000008,
    STEP_NO_BODY = 0x000010,
    STEP_NO_HEADERS = 0x000020,
    STEP_NO_END_OF_HEADER = 0x000040,
    STEP_NO_REPLY_HEADER = 0x000080,
    STEP_NO_UNKNOWN = 0x000100,
    STEP_NO_DATA = 0x000200,
    STEP_SKIP = 0x000400,
    STEP_RCPT_REJECTED = 0x000800,
    STEP_NO_REPLY_CONNECT = 0x001000,
    STEP_NO_REPLY_HELO = 0x002000,
    STEP_NO_REPLY_MAIL = 0x004000,
    STEP_NO_REPLY_RCPT = 0x008000,
    STEP_NO_REPLY_DATA = 0x010000,
    STEP_NO_REPLY_UNKNOWN = 0x020000,
    STEP_NO_REPLY_END_OF_HEADER = 0x040000,
    STEP_NO_REPLY_BODY = 0x080000,
    STEP_HEADER_LEADING_SPACE = 0x100000,
    STEP_ALL = 0x1FFFFF,
    STEP_NO_EVENT = 0x00037F,
    STEP_NO_REPLY = 0x0FF080,
    STEP_YES = 0x100C00,
    STEP_VERSION_1 = 0x00003F, /* what an MTA means that offers none */
};

/* Every length that comes from outside is bounded by one of these. */
enum {
    PROTOCOL_VERSION_MINIMUM = 2,
    PROTOCOL_VERSION = 6,
    PROTOCOL_CHUNK = 65535,        /* body bytes in one packet: libmilter reads no more */
    PROTOCOL_PACKET = 2 * 1048576, /* twice the largest size ever negotiated (MDS_1M) */
    PROTOCOL_MACRO_LISTS = 8192,   /* bytes of a filter's macro lists: Sendmail keeps 50 names */
    PROTOCOL_HEADERS = 100000,     /* fields of one message */
    PROTOCOL_HEADER_BYTES = 64 * 1048576, /* names and values of one message */
    PROTOCOL_EDITS = 10000,               /* modification requests of one filter for one message */
};

struct command_info {
    char letter;
    const char *name;       /* as in logs: "envelope-from" */
    uint32_t no_event;      /* step bit that suppresses the command, or 0 */
    uint32_t no_reply;      /* step bit that suppresses its reply, or 0 */
    unsigned since_version; /* not sent to older filters */
    bool replied;           /* a reply is owed unless suppressed */
};
extern const struct command_info command_info[COMMANDS];

struct reply_info {
    char letter;
    const char *name;
    uint32_t action; /* action bit an edit needs, or 0 */
    bool edit;       /* only between END_OF_MESSAGE and its final reply */
};
extern const struct reply_info reply_info[REPLIES];

bool command_from_letter(char letter, enum command *command);
bool reply_from_letter(char letter, enum reply_kind *kind);

/* Names of the bits, lowest first (tools.md section 2); NULL for an undefined bit. */
const char *action_name(unsigned bit_number);
const char *step_name(unsigned bit_number);

#endif
