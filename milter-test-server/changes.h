/*
 * changes - what a filter asked for at the end of one message.
 */
#ifndef MILTER_TEST_SERVER_CHANGES_H
#define MILTER_TEST_SERVER_CHANGES_H

#include "libcore/mail/message.h"
#include "libcore/wire/reply.h"

/* {0} is empty. */
struct changes {
    bool keep; /* the edits are kept, to be applied; else they are only counted */
    bool quarantined;
    bool replaces_body;
    size_t count;
    size_t body_octets;
    struct buffer quarantine; /* the reason, whether kept or not */
    struct arena arena;
    struct edit_list edits;
    struct buffer body; /* of EDIT_REPLACE_BODY */
};

/* For the next message. */
void changes_reset(struct changes *changes, bool keep);
/* Takes an edit.  False when the filter asks for more than anybody could mean. */
bool changes_take(struct changes *changes, const struct reply *reply);
/* Does them to the message; needs keep. */
void changes_apply(const struct changes *changes, struct message *message, bool leading_space);
void changes_clear(struct changes *changes);

#endif
