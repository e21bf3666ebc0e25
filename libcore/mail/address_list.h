/*
 * address_list - the addresses in a From:, To: or Cc: field (RFC 5322 section
 * 3.4, with the obsolete forms of section 4.4 and addresses in UTF-8, RFC 6532).
 *
 * Reads what people really send: what is broken is passed over and named, the
 * addresses before and behind it are found all the same.  Display names, names
 * of groups, comments and routes are read and left out.
 */
#ifndef LIBCORE_MAIL_ADDRESS_LIST_H
#define LIBCORE_MAIL_ADDRESS_LIST_H

#include "libcore/base/arena.h"

struct address_list {
    struct arena *arena;
    struct slice *items; /* in order, as they stand in an envelope, without angle brackets */
    size_t count;
    size_t capacity;
    struct slice not_understood; /* the first broken element, in the value; data NULL: none */
};

void address_list_init(struct address_list *list, struct arena *arena);
/*
 * Appends the addresses in the value of a field, which may be folded (CR and LF
 * are blanks).  False when something in it was not understood: then
 * list->not_understood is set, unless an earlier value has set it.
 *
 * An address is never empty ("<>" gives none), has no control character, no
 * blank outside of quotes, and is valid UTF-8.  It may lack a domain.  The items
 * live in the arena.
 */
bool address_list_parse(struct address_list *list, struct slice value);

#endif
