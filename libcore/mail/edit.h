/*
 * edit - the modification requests of a message as they were asked for.
 *
 * A list of them is the log the manager holds back until a child's verdict and
 * forwards in order (manager-semantics sections 17 row 9 and 18).  The bytes of
 * a replaced body are not here but in a body_spool: EDIT_REPLACE_BODY only says
 * that there is one.  All memory comes from the arena given at init.
 */
#ifndef LIBCORE_MAIL_EDIT_H
#define LIBCORE_MAIL_EDIT_H

#include "libcore/mail/header_list.h"

/* The letters of the wire (milter-protocol section 7). */
enum edit_kind {
    EDIT_ADD_HEADER = 'h',
    EDIT_INSERT_HEADER = 'i',
    EDIT_CHANGE_HEADER = 'm',
    EDIT_CHANGE_SENDER = 'e',
    EDIT_ADD_RECIPIENT = '+',
    EDIT_ADD_RECIPIENT_WITH_ARGUMENTS = '2',
    EDIT_DELETE_RECIPIENT = '-',
    EDIT_REPLACE_BODY = 'b',
    EDIT_QUARANTINE = 'q',
};

struct edit {
    enum edit_kind kind;
    unsigned origin;        /* who asked; becomes the origin of a header field added */
    uint32_t index;         /* i: position as the MTA counts; m: number among that name */
    struct slice name;      /* h i m */
    struct slice value;     /* h i m: value; e + 2 -: address; q: reason */
    struct slice arguments; /* e 2: ESMTP parameters; data is NULL when there were none */
};

struct edit_list {
    struct arena *arena;
    struct edit *edits;
    size_t count;
    size_t capacity;
};

void edit_list_init(struct edit_list *list, struct arena *arena);
/* Copies the edit and its bytes into the arena. */
void edit_list_append(struct edit_list *list, const struct edit *edit);
/* Appends all edits of source in order; bytes are shared when the arena is the same. */
void edit_list_append_list(struct edit_list *list, const struct edit_list *source);
/* The edit at a 0-based index, NULL beyond the end. */
const struct edit *edit_list_at(const struct edit_list *list, size_t index);
size_t edit_list_count(const struct edit_list *list, enum edit_kind kind);
/* The last edit of that kind (the one that wins for e and q) or NULL. */
const struct edit *edit_list_last(const struct edit_list *list, enum edit_kind kind);

/* True for the letters of enum edit_kind. */
bool edit_kind_valid(char letter);
/* h i m */
bool edit_changes_headers(const struct edit *edit);
/* + 2 - */
bool edit_changes_recipients(const struct edit *edit);
/* m with an empty value */
bool edit_deletes_header(const struct edit *edit);

/*
 * Where a field inserted with that index stands in the list, which lacks the
 * MTA's own Received: the MTA counts.  Up to that field index and position are
 * the same, behind it the position is one less: at first 0 is the front and n
 * is n - 1; beyond the end is the end (manager-semantics section 18).
 */
size_t edit_insert_position(const struct header_list *list, uint32_t index);
/*
 * Does to the list what the MTA does to the message on h, i and m; other
 * kinds leave it alone.  True when the list was changed.
 */
bool header_list_apply(struct header_list *list, const struct edit *edit);

#endif
