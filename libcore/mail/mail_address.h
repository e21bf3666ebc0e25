/*
 * mail_address - the envelope form of an address: text in angle brackets.
 *
 * No RFC 5322 parser: exactly what tools.md sections 1.1 and 1.4 ask for.
 * Results live in the arena given.
 */
#ifndef LIBCORE_MAIL_MAIL_ADDRESS_H
#define LIBCORE_MAIL_MAIL_ADDRESS_H

#include "libcore/base/arena.h"
#include "libcore/base/error.h"

/* The address with '<' in front and '>' behind, each added when missing; "" gives "<>". */
struct slice mail_address_add_brackets(struct arena *arena, struct slice address);

/*
 * From the value of a From: or To: field (tools.md section 1.4 item 4): the
 * text from the first '<' to the next '>' inclusive; without '<' the first
 * word in added brackets.  False with "invalid mail address: VALUE" when the
 * '<' has no '>'.
 */
bool mail_address_from_header(struct arena *arena, struct slice value, struct slice *address,
                              struct error *error);

#endif
