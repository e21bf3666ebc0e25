/*
 * outgoing_mail - a mail file made ready for SMTP: its content in the form in
 * which it travels (RFC 5321 section 2.3.8), and an envelope taken from its header.
 *
 * There is no mail it refuses: without a header, with broken lines, NULs or
 * nothing in it at all, a mail is sent as it is, and names nobody.
 */
#ifndef LIBCORE_MAIL_OUTGOING_MAIL_H
#define LIBCORE_MAIL_OUTGOING_MAIL_H

#include "libcore/base/arena.h"

/* Everything is in the arena of outgoing_mail_parse. */
struct outgoing_mail {
    struct slice content; /* each line ends in CRLF, the last one too; an empty mail stays empty */
    bool dots;            /* a line begins with a dot */
    bool eight_bit;       /* a byte is above 127 */
    struct slice helo;   /* whom the first Received: is from; length 0: nobody that EHLO may name */
    struct slice sender; /* the first address in From:; length 0: there is none */
    struct slice *recipients; /* of all To: and Cc:, in order, each once */
    size_t recipient_count;
    struct slice not_understood; /* in content: the first broken address; data NULL: none */
};

/*
 * text: the file, which may go afterwards.  A "From " line in front (mbox) is
 * left out; LF without CR becomes CRLF, all other bytes stay.
 */
void outgoing_mail_parse(struct outgoing_mail *mail, struct arena *arena, struct slice text);

/*
 * True when that may follow EHLO (RFC 5321 sections 2.3.5 and 4.1.3): a name of letters, digits,
 * dots and hyphens, or an address in square brackets.
 */
bool outgoing_mail_is_host(struct slice host);

#endif
