/*
 * message - the message that is sent, and the copy of it that a filter has
 * edited (tools.md section 1.2).
 *
 * Field values hold everything behind the colon, the leading blank included:
 * what a filter that negotiated header-value-with-leading-space sees.
 */
#ifndef LIBCORE_MAIL_MESSAGE_H
#define LIBCORE_MAIL_MESSAGE_H

#include "libcore/mail/edit.h"
#include "libcore/mail/header_list.h"

struct slice_list {
    struct slice *items;
    size_t count;
    size_t capacity;
};

struct message {
    struct arena arena; /* owns every byte below */
    struct slice sender;
    struct slice_list recipients;
    struct header_list headers;
    struct slice_list body; /* one BODY packet each */
    bool body_given;        /* an empty body is a body */
};

void message_init(struct message *message);
void message_clear(struct message *message);

/* Addresses get the brackets they lack; bytes are copied. */
void message_set_sender(struct message *message, struct slice address);
void message_add_recipient(struct message *message, struct slice address);
void message_clear_recipients(struct message *message);
/* value as in "NAME: VALUE": the blank is added. */
void message_add_header(struct message *message, struct slice name, struct slice value);
/* Cut into packets every filter reads; nothing is sent for an empty chunk. */
void message_add_body(struct message *message, struct slice bytes);
/* Sender, recipient, From:, To: and body where none was given. */
void message_complete(struct message *message);

/* copy, not initialised, becomes a copy that can be edited; message must outlive it. */
void message_copy(struct message *copy, const struct message *message);
/* Removes the first recipient that is equal byte for byte. */
void message_drop_recipient(struct message *message, struct slice address);

enum { MESSAGE_BODY_MAXIMUM = 1 << 30 }; /* bytes of a replaced body: a filter must end some time */

/*
 * Does to the message what an MTA does at the final reply.  An inserted field
 * gets that position in the list, 0 is the top.  leading_space: the filter's
 * values carry their own blank.  body: what EDIT_REPLACE_BODY stands for.
 */
void message_apply(struct message *message, const struct edit_list *edits, struct slice body,
                   bool leading_space);

#endif
