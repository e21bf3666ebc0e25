/*
 * header_list - the header fields of a message in order, with the edit rules
 * of the MTAs (milter-protocol section 7).
 *
 * The list copies what it is given into the arena named at init and never
 * frees a single field: everything goes with the arena.  After the arena was
 * cleared the list must be initialised again.  Values are opaque bytes
 * (without NUL, which cannot travel in a header packet); names are compared
 * without regard to ASCII case.
 *
 * Our list never holds the Received: field the MTA itself adds.  After the
 * same edits it therefore counts fields of a name exactly as the MTA does.
 */
#ifndef LIBCORE_MAIL_HEADER_LIST_H
#define LIBCORE_MAIL_HEADER_LIST_H

#include "libcore/base/arena.h"

#include <stdint.h>

#define HEADER_LIST_NONE SIZE_MAX /* no such position */

enum { HEADER_ORIGIN_MTA = 0 }; /* any other origin is the caller's: k = added by child k */

struct header_field {
    struct slice name;
    struct slice value;
    unsigned origin;     /* who added the field; a later change of the value keeps it */
    unsigned deleted_by; /* not HEADER_ORIGIN_MTA: gone, but counted (sendmail_headers) */
};

struct header_list {
    struct arena *arena;
    struct header_field *fields;
    size_t count;
    size_t capacity;
    size_t above_received; /* fields inserted above the Received: the MTA itself adds */
};

void header_list_init(struct header_list *list, struct arena *arena);
/*
 * Initialises list with the fields of source.  Bytes are shared when both use
 * the same arena, else copied.
 */
void header_list_copy(struct header_list *list, struct arena *arena,
                      const struct header_list *source);

/* Behind the last field, whatever fields of that name exist. */
void header_list_append(struct header_list *list, struct slice name, struct slice value,
                        unsigned origin);
/* Gets that 0-based position; beyond the end it is appended. */
void header_list_insert(struct header_list *list, size_t position, struct slice name,
                        struct slice value, unsigned origin);
/*
 * Replaces the nth field of that name (1 = first, 0 is taken as 1), including
 * the spelling of its name; origin is used only when there is no such field
 * and the new one is appended.  An empty value is stored as such.
 */
void header_list_change(struct header_list *list, struct slice name, uint32_t nth,
                        struct slice value, unsigned origin);
/* Removes the nth field of that name (0 is taken as 1); false: there was none. */
bool header_list_delete(struct header_list *list, struct slice name, uint32_t nth);

/* Position of the nth field of that name (0 is taken as 1) or HEADER_LIST_NONE. */
size_t header_list_position(const struct header_list *list, struct slice name, uint32_t nth);
/* The nth field of that name (0 is taken as 1) or NULL; valid until the list is changed. */
const struct header_field *header_list_find(const struct header_list *list, struct slice name,
                                            uint32_t nth);
/* The field at a position or NULL beyond the end; valid until the list is changed. */
const struct header_field *header_list_at(const struct header_list *list, size_t position);
/* How many fields have that name. */
size_t header_list_count(const struct header_list *list, struct slice name);
/* How many fields of that name stand before position. */
size_t header_list_count_before(const struct header_list *list, struct slice name, size_t position);
/*
 * The number the MTA knows the field at position by: 1 for the first of its
 * name; 0 when there is no such position.
 */
size_t header_list_nth(const struct header_list *list, size_t position);

#endif
