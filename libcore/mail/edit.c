/*
 * edit - the modification requests of a message as they were asked for.
 *
 * A growing array in an arena and one table of what the kinds do.  Never
 * decides whether an edit is allowed and never forgets one: that is the
 * session's business.
 */
#include "libcore/mail/edit.h"

#include <string.h>

enum { EDIT_LIST_MINIMUM = 8 };

enum edit_target { TARGET_HEADER, TARGET_ENVELOPE, TARGET_RECIPIENT, TARGET_BODY, TARGET_QUEUE };

static const struct {
    enum edit_kind kind;
    enum edit_target target;
} edit_kinds[] = {
    {EDIT_ADD_HEADER, TARGET_HEADER},
    {EDIT_INSERT_HEADER, TARGET_HEADER},
    {EDIT_CHANGE_HEADER, TARGET_HEADER},
    {EDIT_CHANGE_SENDER, TARGET_ENVELOPE},
    {EDIT_ADD_RECIPIENT, TARGET_RECIPIENT},
    {EDIT_ADD_RECIPIENT_WITH_ARGUMENTS, TARGET_RECIPIENT},
    {EDIT_DELETE_RECIPIENT, TARGET_RECIPIENT},
    {EDIT_REPLACE_BODY, TARGET_BODY},
    {EDIT_QUARANTINE, TARGET_QUEUE},
};

static bool edit_kind_has_target(enum edit_kind kind, enum edit_target target)
{
    for (size_t i = 0; i < sizeof(edit_kinds) / sizeof(edit_kinds[0]); i++) {
        if (edit_kinds[i].kind == kind) {
            return edit_kinds[i].target == target;
        }
    }
    return false;
}

bool edit_kind_valid(char letter)
{
    for (size_t i = 0; i < sizeof(edit_kinds) / sizeof(edit_kinds[0]); i++) {
        if ((char)edit_kinds[i].kind == letter) {
            return true;
        }
    }
    return false;
}

bool edit_changes_headers(const struct edit *edit)
{
    return edit_kind_has_target(edit->kind, TARGET_HEADER);
}

bool edit_changes_recipients(const struct edit *edit)
{
    return edit_kind_has_target(edit->kind, TARGET_RECIPIENT);
}

bool edit_deletes_header(const struct edit *edit)
{
    return edit->kind == EDIT_CHANGE_HEADER && edit->value.length == 0;
}

void edit_list_init(struct edit_list *list, struct arena *arena)
{
    *list = (struct edit_list){.arena = arena};
}

static void edit_list_push(struct edit_list *list, const struct edit *edit)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? list->capacity * 2 : EDIT_LIST_MINIMUM;
        struct edit *edits = arena_new(list->arena, capacity * sizeof(*edits));

        if (list->count > 0) {
            memcpy(edits, list->edits, list->count * sizeof(*edits));
        }
        list->edits = edits;
        list->capacity = capacity;
    }
    list->edits[list->count++] = *edit;
}

/* Keeps the difference between an absent string and an empty one. */
static struct slice edit_copy_string(struct arena *arena, struct slice string)
{
    return string.data == NULL ? string : arena_copy(arena, string);
}

void edit_list_append(struct edit_list *list, const struct edit *edit)
{
    struct edit copy = *edit;

    copy.name = edit_copy_string(list->arena, edit->name);
    copy.value = edit_copy_string(list->arena, edit->value);
    copy.arguments = edit_copy_string(list->arena, edit->arguments);
    edit_list_push(list, &copy);
}

void edit_list_append_list(struct edit_list *list, const struct edit_list *source)
{
    size_t count = source->count; /* source may be list itself */

    for (size_t i = 0; i < count; i++) {
        struct edit edit = source->edits[i];

        if (source->arena == list->arena) {
            edit_list_push(list, &edit);
        } else {
            edit_list_append(list, &edit);
        }
    }
}

const struct edit *edit_list_at(const struct edit_list *list, size_t index)
{
    return index < list->count ? list->edits + index : NULL;
}

size_t edit_list_count(const struct edit_list *list, enum edit_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (list->edits[i].kind == kind) {
            count++;
        }
    }
    return count;
}

const struct edit *edit_list_last(const struct edit_list *list, enum edit_kind kind)
{
    for (size_t i = list->count; i > 0; i--) {
        if (list->edits[i - 1].kind == kind) {
            return list->edits + i - 1;
        }
    }
    return NULL;
}

size_t edit_insert_position(const struct header_list *list, uint32_t index)
{
    size_t position = index <= list->above_received ? index : index - 1;

    return position < list->count ? position : list->count;
}

bool header_list_apply(struct header_list *list, const struct edit *edit)
{
    if (!edit_changes_headers(edit)) {
        return false;
    }
    if (edit_deletes_header(edit)) {
        return header_list_delete(list, edit->name, edit->index);
    }
    if (edit->kind == EDIT_CHANGE_HEADER) {
        header_list_change(list, edit->name, edit->index, edit->value, edit->origin);
    } else if (edit->kind == EDIT_INSERT_HEADER) {
        header_list_insert(list, edit_insert_position(list, edit->index), edit->name, edit->value,
                           edit->origin);
        if (edit->index <= list->above_received) {
            list->above_received++;
        }
    } else {
        header_list_append(list, edit->name, edit->value, edit->origin);
    }
    return true;
}
