/*
 * virtual_child - a milter that is nowhere: it is reached at once, wants to see
 * everything, and lets everything pass unless an assumption says otherwise.
 *
 * Stands where child/link stands in the daemon.
 */
#ifndef MILTER_MANAGER_EXPLAIN_VIRTUAL_CHILD_H
#define MILTER_MANAGER_EXPLAIN_VIRTUAL_CHILD_H

#include "libcore/net/loop.h"
#include "milter-manager/explain/assumption.h"
#include "milter-manager/session/session.h"

struct virtual_child {
    struct session_child *child; /* NULL: not, or no longer, connected */
    const struct assumptions *assumptions;
    struct filter filter;
    struct buffer input, output; /* as the filter sees it */
    struct loop *loop;
    struct loop_task task;
    bool reached;
    unsigned seen[COMMANDS]; /* how often it was told the command */
};

/* Must not be moved until virtual_child_clear; assumptions must outlive it. */
void virtual_child_init(struct virtual_child *virtual, struct loop *loop,
                        const struct assumptions *assumptions);
/* The outcome comes from the loop. */
void virtual_child_connect(struct virtual_child *virtual, struct session_child *child);
/* There is something in its input; it answers from the loop. */
void virtual_child_flush(struct virtual_child *virtual);
/* After this the session hears nothing of it any more. */
void virtual_child_disconnect(struct virtual_child *virtual);
void virtual_child_clear(struct virtual_child *virtual);

#endif
