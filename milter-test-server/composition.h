/*
 * composition - what the options say about the message, in the order they were
 * given, and the messages that come of it (tools.md sections 1.1 and 1.4).
 *
 * A later sender or recipient overrides the one of a mail file and the other
 * way round.
 */
#ifndef MILTER_TEST_SERVER_COMPOSITION_H
#define MILTER_TEST_SERVER_COMPOSITION_H

#include "libcore/base/error.h"
#include "libcore/mail/message.h"

enum composition_part {
    PART_SENDER,
    PART_RECIPIENT,
    PART_HEADER, /* NAME:VALUE, checked by the caller */
    PART_BODY,
    PART_MAIL, /* a path, or "-" */
};

/* {0} is empty; clear it.  Values are the caller's and must outlive it. */
struct composition {
    struct composition_item *items;
    size_t count;
};

void composition_add(struct composition *composition, enum composition_part part,
                     const char *value);
/* One message of all parts; a directory is an error. */
bool composition_build(const struct composition *composition, struct message *message,
                       struct error *error);
/*
 * One message for each mail, those below directories included, each as if it
 * were the only one; without mails one message.  After a failure too the list is
 * for free(), the messages for message_clear.
 */
bool composition_build_each(const struct composition *composition, struct message **messages,
                            size_t *count, struct error *error);
void composition_clear(struct composition *composition);

#endif
