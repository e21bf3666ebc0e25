/*
 * sendmail_headers - header edits as Sendmail makes them (milter-protocol
 * sections 7 and 10).
 *
 * Sendmail takes the manager for one filter, and within one filter's edits a
 * deleted field keeps its number.  So a field deleted by one child must stay
 * countable: it is marked, not removed, and an index in a child's view becomes
 * another one in Sendmail's.  Postfix renumbers at once: use header_list_apply
 * there and leave indexes alone.
 */
#ifndef LIBCORE_MAIL_SENDMAIL_HEADERS_H
#define LIBCORE_MAIL_SENDMAIL_HEADERS_H

#include "libcore/mail/edit.h"

/*
 * The index Sendmail knows the field of a CHANGE_HEADER by; ask before the edit
 * is applied.  Other edits keep their index.
 */
uint32_t sendmail_headers_index(const struct header_list *list, const struct edit *edit);
/* Does to the list what Sendmail does on h, i and m.  True when the list was changed. */
bool sendmail_headers_apply(struct header_list *list, const struct edit *edit);

#endif
