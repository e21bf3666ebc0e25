/*
 * macros - the macros an MTA that is played sends at each stage: defaults, those
 * of the options, and those a filter asked for (tools.md section 1.3).
 */
#ifndef LIBCORE_SESSION_MACROS_H
#define LIBCORE_SESSION_MACROS_H

#include "libcore/base/error.h"
#include "libcore/session/macro_store.h"

/* Fills the store with the defaults; program is the value of {daemon_name}. */
void macros_set_defaults(struct macro_store *store, const char *program);
/* Adds NAME:VALUE, replacing a macro of that name; false: there is no colon. */
bool macros_set_argument(struct macro_store *store, enum command stage, const char *argument,
                         struct error *error);
/*
 * Puts the set to send at a stage into pairs, which is emptied first.  recipient: the value of
 * {rcpt_addr} at RCPT where no option gave one.  lists: the macro lists of the
 * filter; a macro it asked for that has no value is set to its own name.
 * False: the stage has no macros, nothing is to be sent.
 */
bool macros_collect(const struct macro_store *store, enum command stage, struct slice recipient,
                    struct slice lists, struct buffer *pairs);

#endif
