/*
 * reply - what the filter side says: final replies and edits, taken apart and
 * put together (milter-protocol sections 6 and 7).
 */
#ifndef LIBCORE_WIRE_REPLY_H
#define LIBCORE_WIRE_REPLY_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"
#include "libcore/wire/packet.h"
#include "libcore/wire/protocol.h"
#include "libcore/wire/verdict.h"

/* Slices point into the payload. Which fields are set depends on kind. */
struct reply {
    enum reply_kind kind;
    uint32_t index;         /* INSERT_HEADER, CHANGE_HEADER */
    struct slice name;      /* the header edits */
    struct slice value;     /* the header edits */
    struct slice text;      /* CODE, QUARANTINE; an address; REPLACE_BODY: bytes */
    struct slice arguments; /* CHANGE_FROM, ADD_RECIPIENT_WITH_PARAMETERS; data NULL: absent */
};

/*
 * False with *error for an unknown letter or a malformed payload.  A CODE must
 * be three digits 4xx or 5xx followed by a blank or a dash (section 6.2).
 */
bool reply_decode(const struct packet *packet, struct reply *reply, struct error *error);
void reply_append(struct buffer *output, const struct reply *reply);

/*
 * True when the lines of a CODE's text are such that an MTA can send them: each
 * with the same code, CRLF between them, '-' behind the code on all but the
 * last (section 6.2).  What stands behind is the filter's business.
 */
bool reply_text_valid(struct slice text);
/* The verdict a reply stands for; VERDICT_NONE for edits, progress and negotiation. */
enum verdict reply_verdict(const struct reply *reply);
/* The bare reply of a verdict. */
enum reply_kind reply_kind_of(enum verdict verdict);

#endif
