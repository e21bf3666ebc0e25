/*
 * order - the order of the protocol as data.  Pure functions on three tables.
 */
#include "libcore/session/order.h"

#define S  POSITION_START
#define N  POSITION_NEGOTIATED
#define C  POSITION_CONNECTED
#define M  POSITION_MAIL
#define R  POSITION_RCPT
#define T  POSITION_DATA
#define L  POSITION_HEADER
#define H  POSITION_END_OF_HEADER
#define B  POSITION_BODY
#define E  POSITION_END_OF_MESSAGE
#define X  POSITION_CLOSED
#define __ POSITION_INVALID

/*
 * HELO, CONNECT, MAIL and ABORT are in order nearly everywhere: a new HELO or
 * CONNECT (STARTTLS, XCLIENT) and a MAIL without ABORT end the open message
 * (manager-semantics section 18).  While a final reply is owed nothing but
 * leaving is in order; the machines hold other commands back until then.
 */
/* clang-format off */
static const unsigned char order_commands[COMMANDS][POSITIONS] = {
                                      /*S   N   C   M   R   T   L   H   B   E   X */
    [COMMAND_NEGOTIATE] =             { N, __, __, __, __, __, __, __, __, __, __},
    [COMMAND_MACRO] =                 {__,  N,  C,  M,  R,  T,  L,  H,  B,  E, __},
    [COMMAND_CONNECT] =               {__,  C,  C,  C,  C,  C,  C,  C,  C, __, __},
    [COMMAND_HELO] =                  {__,  C,  C,  C,  C,  C,  C,  C,  C, __, __},
    [COMMAND_MAIL] =                  {__, __,  M,  M,  M,  M,  M,  M,  M, __, __},
    [COMMAND_RCPT] =                  {__, __, __,  R,  R, __, __, __, __, __, __},
    [COMMAND_DATA] =                  {__, __, __, __,  T, __, __, __, __, __, __},
    [COMMAND_UNKNOWN] =               {__,  N,  C,  M,  R,  T,  L,  H,  B, __, __},
    [COMMAND_HEADER] =                {__, __, __, __,  L,  L,  L, __, __, __, __},
    [COMMAND_END_OF_HEADER] =         {__, __, __, __,  H,  H,  H, __, __, __, __},
    [COMMAND_BODY] =                  {__, __, __, __,  B,  B,  B,  B,  B, __, __},
    [COMMAND_END_OF_MESSAGE] =        {__, __, __, __,  E,  E,  E,  E,  E, __, __},
    [COMMAND_ABORT] =                 { S,  N,  C,  C,  C,  C,  C,  C,  C,  C, __},
    [COMMAND_QUIT] =                  { X,  X,  X,  X,  X,  X,  X,  X,  X,  X, __},
    [COMMAND_QUIT_NEW_CONNECTION] =   {__,  N,  N,  N,  N,  N,  N,  N,  N, __, __},
};

/* clang-format on */
/* A position that is passed silently when its command is suppressed. */
static const struct {
    enum position from, to;
    uint32_t suppressed;
} order_jumps[] = {
    {N, C, STEP_NO_CONNECT},
    {M, R, STEP_NO_RCPT},
    {C, M, STEP_NO_MAIL},
};

/* The kinds of commands that replies act on differently (section 8). */
enum scope {
    SCOPE_NONE,
    SCOPE_CONNECTION,
    SCOPE_MESSAGE,
    SCOPE_RECIPIENT,
    SCOPE_UNKNOWN,
    SCOPE_FINAL
};

static const unsigned char order_scopes[COMMANDS] = {
    [COMMAND_CONNECT] = SCOPE_CONNECTION, [COMMAND_HELO] = SCOPE_CONNECTION,
    [COMMAND_MAIL] = SCOPE_MESSAGE,       [COMMAND_RCPT] = SCOPE_RECIPIENT,
    [COMMAND_DATA] = SCOPE_MESSAGE,       [COMMAND_UNKNOWN] = SCOPE_UNKNOWN,
    [COMMAND_HEADER] = SCOPE_MESSAGE,     [COMMAND_END_OF_HEADER] = SCOPE_MESSAGE,
    [COMMAND_BODY] = SCOPE_MESSAGE,       [COMMAND_END_OF_MESSAGE] = SCOPE_FINAL,
};

/* clang-format off */
/* 1: this verdict ends the filter's part in the open message. */
static const unsigned char order_ends_message[][VERDICT_DISCARD + 1] = {
    /*                     none acc skip cont temp rej disc */
    [SCOPE_NONE] =        {0,   0,  0,   0,   0,   0,  0},
    [SCOPE_CONNECTION] =  {0,   0,  0,   0,   0,   0,  0},
    [SCOPE_MESSAGE] =     {0,   1,  0,   0,   1,   1,  1},
    [SCOPE_RECIPIENT] =   {0,   1,  0,   0,   0,   0,  1},
    [SCOPE_UNKNOWN] =     {0,   1,  0,   0,   0,   0,  0},
    [SCOPE_FINAL] =       {0,   1,  1,   1,   1,   1,  1},
};

/* clang-format on */
#undef S
#undef N
#undef C
#undef M
#undef R
#undef T
#undef L
#undef H
#undef B
#undef E
#undef X
#undef __

const char *position_name(enum position position)
{
    static const char *const names[POSITIONS] = {
        [POSITION_START] = "start",
        [POSITION_NEGOTIATED] = "negotiated",
        [POSITION_CONNECTED] = "connected",
        [POSITION_MAIL] = "envelope-from",
        [POSITION_RCPT] = "envelope-recipient",
        [POSITION_DATA] = "data",
        [POSITION_HEADER] = "header",
        [POSITION_END_OF_HEADER] = "end-of-header",
        [POSITION_BODY] = "body",
        [POSITION_END_OF_MESSAGE] = "end-of-message",
        [POSITION_CLOSED] = "closed",
    };

    return position < POSITIONS ? names[position] : "invalid";
}

bool position_in_message(enum position position)
{
    return position >= POSITION_MAIL && position <= POSITION_END_OF_MESSAGE;
}

enum position order_after_command(enum position position, enum command command, uint32_t suppressed)
{
    enum position next = (enum position)order_commands[command][position];

    for (size_t i = 0; next == POSITION_INVALID && i < sizeof(order_jumps) / sizeof(order_jumps[0]);
         i++) {
        if (order_jumps[i].from == position && (suppressed & order_jumps[i].suppressed) != 0) {
            return order_after_command(order_jumps[i].to, command, suppressed);
        }
    }
    return next;
}

enum position order_after_reply(enum position position, enum command command, enum verdict verdict)
{
    if (position_in_message(position) && order_ends_message[order_scopes[command]][verdict] != 0) {
        return POSITION_CONNECTED;
    }
    return position;
}

bool order_reply_valid(enum command command, enum reply_kind kind)
{
    switch (kind) {
    case REPLY_NEGOTIATE:
        return command == COMMAND_NEGOTIATE;
    case REPLY_CONTINUE:
    case REPLY_ACCEPT:
    case REPLY_REJECT:
    case REPLY_TEMPORARY_FAILURE:
    case REPLY_CODE:
    case REPLY_SHUTDOWN:
        return order_scopes[command] != SCOPE_NONE;
    case REPLY_DISCARD:
        return order_scopes[command] != SCOPE_NONE && command != COMMAND_UNKNOWN;
    case REPLY_SKIP:
        return command == COMMAND_BODY;
    case REPLY_PROGRESS:
        return order_scopes[command] != SCOPE_NONE; /* MTAs tolerate it anywhere (section 10) */
    default:
        return reply_info[kind].edit && command == COMMAND_END_OF_MESSAGE;
    }
}
