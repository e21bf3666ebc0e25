/*
 * context - what a condition may see and change of a running session.
 *
 * C and Ruby share no raw pointers: a handle is a slot number and a
 * generation.  Every function returns false when the handle is stale (the
 * session is over); the Ruby side turns that into an exception.
 */
#ifndef MILTER_MANAGER_SESSION_CONTEXT_H
#define MILTER_MANAGER_SESSION_CONTEXT_H

#include "libcore/base/slice.h"
#include "libcore/wire/verdict.h"

#include <stdint.h>

enum { CONTEXT_NONE = 0 }; /* never a valid handle */

struct context_status {
    enum verdict verdict; /* this child's current status */
    bool quitted;         /* finished or stopped */
};

bool context_name(uint64_t context, struct slice *name);
/* name with or without braces; value->data == NULL when there is no such macro. */
bool context_macro(uint64_t context, struct slice name, struct slice *value);
/* For this child only; sent with the macros of the current stage. */
bool context_set_macro(uint64_t context, struct slice name, struct slice value);
bool context_status(uint64_t context, struct context_status *status);
/* *other is CONTEXT_NONE when the session has no child of that name. */
bool context_child(uint64_t context, struct slice name, uint64_t *other);
/* Names of the session's children in configuration order: index 0..; name->data NULL at the end. */
bool context_child_name(uint64_t context, unsigned index, struct slice *name);

/* The per-message store shared by the children's contexts (manager-semantics section 10). */
bool context_shelf_get(uint64_t context, struct slice key, struct slice *value);
bool context_shelf_set(uint64_t context, struct slice key, struct slice value);
/* index 0..; key->data NULL at the end. */
bool context_shelf_entry(uint64_t context, unsigned index, struct slice *key, struct slice *value);

/*
 * A handle of a session: macros as above, and where the two ends of its SMTP
 * connection are.  family as on the wire, 'U' when it is not known.
 */
struct context_address {
    char family;
    uint16_t port;
    struct slice address; /* valid during the call of whoever asked */
};
bool context_client_address(uint64_t context, struct context_address *address);
bool context_server_address(uint64_t context, struct context_address *address);

/* Sessions in progress in this process. */
unsigned context_processing_sessions(void); /* of all processes */

#endif
