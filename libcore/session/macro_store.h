/*
 * macro_store - the macro sets of one conversation, one per command, with the
 * life time of milter-protocol section 4.
 */
#ifndef LIBCORE_SESSION_MACRO_STORE_H
#define LIBCORE_SESSION_MACRO_STORE_H

#include "libcore/base/buffer.h"
#include "libcore/wire/protocol.h"

/* {0} is an empty store; sets hold name STR value STR ... */
struct macro_store {
    struct buffer sets[COMMANDS];
};

void macro_store_clear(struct macro_store *store);
/* Replaces the whole set of a stage. */
void macro_store_replace(struct macro_store *store, enum command stage, struct slice pairs);
/* Adds one macro to a stage's set, replacing one of the same name. */
void macro_store_set(struct macro_store *store, enum command stage, struct slice name,
                     struct slice value);
struct slice macro_store_get(const struct macro_store *store, enum command stage);
/* Forgets what executing command makes stale: CONNECT clears H and later, MAIL R and later, ... */
void macro_store_expire(struct macro_store *store, enum command command);
/* Later stages win, no stage after last is looked at. False: no such macro. */
bool macro_store_find(const struct macro_store *store, enum command last, struct slice name,
                      struct slice *value);

#endif
