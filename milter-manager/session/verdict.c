/*
 * verdict - who a REJECT at RCPT concerns, and all its relatives.
 *
 * Pure functions on tables; the tables are manager-semantics section 5.
 */
#include "milter-manager/session/verdict.h"

enum { STAY = EFFECT_STAY, LEAVE = EFFECT_LEAVE_MESSAGE, QUIT = EFFECT_QUIT };

/* clang-format off */
/* What its own verdict does to a child. */
static const unsigned char verdict_effects[COMMANDS][VERDICT_DISCARD + 1] = {
                               /* none  accept skip  cont  temp   reject discard */
    [COMMAND_CONNECT] =         { STAY, QUIT,  STAY, STAY, QUIT,  QUIT,  QUIT },
    [COMMAND_HELO] =            { STAY, QUIT,  STAY, STAY, QUIT,  QUIT,  QUIT },
    [COMMAND_MAIL] =            { STAY, LEAVE, STAY, STAY, LEAVE, LEAVE, LEAVE },
    [COMMAND_RCPT] =            { STAY, LEAVE, STAY, STAY, STAY,  STAY,  LEAVE },
    [COMMAND_DATA] =            { STAY, LEAVE, STAY, STAY, LEAVE, LEAVE, LEAVE },
    [COMMAND_UNKNOWN] =         { STAY, LEAVE, STAY, STAY, STAY,  STAY,  STAY },
    [COMMAND_HEADER] =          { STAY, LEAVE, STAY, STAY, LEAVE, LEAVE, LEAVE },
    [COMMAND_END_OF_HEADER] =   { STAY, LEAVE, STAY, STAY, LEAVE, LEAVE, LEAVE },
    [COMMAND_BODY] =            { STAY, LEAVE, STAY, STAY, LEAVE, LEAVE, LEAVE },
    [COMMAND_END_OF_MESSAGE] =  { STAY, LEAVE, STAY, LEAVE, LEAVE, LEAVE, LEAVE },
};

/* When it is the result of all: 1 ends the message for everybody. */
static const unsigned char verdict_ends[COMMANDS][VERDICT_DISCARD + 1] = {
                               /* none accept skip cont temp reject discard */
    [COMMAND_MAIL] =            { 0,   0,     0,   0,   1,   1,     1 },
    [COMMAND_RCPT] =            { 0,   0,     0,   0,   0,   0,     1 },
    [COMMAND_DATA] =            { 0,   0,     0,   0,   1,   1,     1 },
    [COMMAND_HEADER] =          { 0,   0,     0,   0,   1,   1,     1 },
    [COMMAND_END_OF_HEADER] =   { 0,   0,     0,   0,   1,   1,     1 },
    [COMMAND_BODY] =            { 0,   0,     0,   0,   1,   1,     1 },
    [COMMAND_END_OF_MESSAGE] =  { 0,   0,     0,   0,   1,   1,     1 },
};

static const struct {
    unsigned char counts_as, effect;
} verdict_stops[COMMANDS] = {
    [COMMAND_CONNECT] =         { VERDICT_ACCEPT,   QUIT },
    [COMMAND_HELO] =            { VERDICT_ACCEPT,   QUIT },
    [COMMAND_MAIL] =            { VERDICT_CONTINUE, LEAVE },
    [COMMAND_RCPT] =            { VERDICT_CONTINUE, STAY },
    [COMMAND_DATA] =            { VERDICT_ACCEPT,   LEAVE },
    [COMMAND_HEADER] =          { VERDICT_ACCEPT,   LEAVE },
    [COMMAND_END_OF_HEADER] =   { VERDICT_ACCEPT,   LEAVE },
    [COMMAND_BODY] =            { VERDICT_ACCEPT,   LEAVE },
    [COMMAND_END_OF_MESSAGE] =  { VERDICT_ACCEPT,   LEAVE },
};
/* clang-format on */

enum verdict_effect verdict_child_effect(enum command command, enum verdict verdict)
{
    return (enum verdict_effect)verdict_effects[command][verdict];
}

bool verdict_ends_message(enum command command, enum verdict verdict)
{
    return verdict_ends[command][verdict] != 0;
}

enum verdict verdict_when_stopped(enum command command)
{
    return (enum verdict)verdict_stops[command].counts_as;
}

enum verdict_effect verdict_stop_effect(enum command command)
{
    return (enum verdict_effect)verdict_stops[command].effect;
}

bool verdict_stronger(enum verdict challenger, enum verdict holder)
{
    return challenger > holder;
}
