/*
 * verdict - the tables: what a child's verdict does to the child, to the
 * others and to the MTA (manager-semantics section 5).
 */
#ifndef MILTER_MANAGER_SESSION_VERDICT_H
#define MILTER_MANAGER_SESSION_VERDICT_H

#include "libcore/wire/protocol.h"
#include "libcore/wire/verdict.h"

enum verdict_effect {
    EFFECT_STAY,          /* the child goes on */
    EFFECT_LEAVE_MESSAGE, /* out of the open message */
    EFFECT_QUIT,          /* out for the session */
};

/* What its own verdict does to a child. */
enum verdict_effect verdict_child_effect(enum command command, enum verdict verdict);
/* True when this verdict, as the result of all, ends the message for everybody. */
bool verdict_ends_message(enum command command, enum verdict verdict);
/* What the aggregate counts when a stopper kept the child out of the command (section 9). */
enum verdict verdict_when_stopped(enum command command);
/* What a stopper's true does to the child. */
enum verdict_effect verdict_stop_effect(enum command command);
/* True when challenger replaces holder: stronger, or the first one at all. */
bool verdict_stronger(enum verdict challenger, enum verdict holder);

#endif
