/*
 * sendmail_headers - header edits as Sendmail makes them, measured with 8.17.
 *
 * Pure functions on a header list; deleted fields stay in it, marked.
 */
#include "libcore/mail/sendmail_headers.h"

/*
 * A filter's numbers count what it was shown and what it deleted itself; a
 * field deleted by another one was never shown to it.
 */
static bool sendmail_headers_counts(const struct header_field *field, const struct edit *edit)
{
    return slice_equal_ignoring_case(field->name, edit->name) &&
           (field->deleted_by == HEADER_ORIGIN_MTA || field->deleted_by == edit->origin);
}

static size_t sendmail_headers_find(const struct header_list *list, const struct edit *edit)
{
    uint32_t left = edit->index > 0 ? edit->index : 1;

    for (size_t i = 0; i < list->count; i++) {
        if (sendmail_headers_counts(&list->fields[i], edit) && --left == 0) {
            return i;
        }
    }
    return HEADER_LIST_NONE;
}

uint32_t sendmail_headers_index(const struct header_list *list, const struct edit *edit)
{
    size_t position, number;

    if (edit->kind != EDIT_CHANGE_HEADER) {
        return edit->index;
    }
    position = sendmail_headers_find(list, edit);
    if (position == HEADER_LIST_NONE) {
        position = list->count;
    }
    number = header_list_count_before(list, edit->name, position) + 1;
    return number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
}

/* A new field stands before the first of its name, deleted or not, else at the end. */
static bool sendmail_headers_add(struct header_list *list, const struct edit *edit)
{
    size_t position = header_list_position(list, edit->name, 1);

    header_list_insert(list, position == HEADER_LIST_NONE ? list->count : position, edit->name,
                       edit->value, edit->origin);
    return true;
}

static bool sendmail_headers_change(struct header_list *list, const struct edit *edit)
{
    size_t position = sendmail_headers_find(list, edit);
    struct header_field *field;

    if (position == HEADER_LIST_NONE) {
        return !edit_deletes_header(edit) && sendmail_headers_add(list, edit);
    }
    field = &list->fields[position];
    if (edit_deletes_header(edit)) {
        bool there = field->deleted_by == HEADER_ORIGIN_MTA;

        if (there) {
            field->deleted_by = edit->origin;
        }
        return there;
    }
    field->deleted_by = HEADER_ORIGIN_MTA;
    field->value = arena_copy(list->arena, edit->value);
    return true;
}

bool sendmail_headers_apply(struct header_list *list, const struct edit *edit)
{
    switch (edit->kind) {
    case EDIT_ADD_HEADER:
        return sendmail_headers_add(list, edit);
    case EDIT_CHANGE_HEADER:
        return sendmail_headers_change(list, edit);
    default:
        return header_list_apply(list, edit);
    }
}
