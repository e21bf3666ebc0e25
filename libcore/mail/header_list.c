/*
 * header_list - the header fields of a message in order, with the edit rules
 * of the MTAs (milter-protocol section 7).
 *
 * An array of small structs: inserting moves them with memmove, which is
 * cheaper than a linked list for any message people send.  Owns nothing
 * itself, the arena does; knows nothing of the wire.
 */
#include "libcore/mail/header_list.h"

#include <string.h>

enum { HEADER_LIST_MINIMUM = 32 };

void header_list_init(struct header_list *list, struct arena *arena)
{
    *list = (struct header_list){.arena = arena};
}

static void header_list_reserve(struct header_list *list, size_t count)
{
    size_t capacity = list->capacity > 0 ? list->capacity : HEADER_LIST_MINIMUM;
    struct header_field *fields;

    if (count <= list->capacity) {
        return;
    }
    while (capacity < count) {
        capacity *= 2;
    }
    fields = arena_new(list->arena, capacity * sizeof(*fields));
    if (list->count > 0) {
        memcpy(fields, list->fields, list->count * sizeof(*fields));
    }
    list->fields = fields;
    list->capacity = capacity;
}

void header_list_copy(struct header_list *list, struct arena *arena,
                      const struct header_list *source)
{
    header_list_init(list, arena);
    header_list_reserve(list, source->count);
    for (size_t i = 0; i < source->count; i++) {
        struct header_field field = source->fields[i];

        if (arena != source->arena) {
            field.name = arena_copy(arena, field.name);
            field.value = arena_copy(arena, field.value);
        }
        list->fields[i] = field;
    }
    list->count = source->count;
    list->above_received = source->above_received;
}

void header_list_append(struct header_list *list, struct slice name, struct slice value,
                        unsigned origin)
{
    header_list_insert(list, list->count, name, value, origin);
}

void header_list_insert(struct header_list *list, size_t position, struct slice name,
                        struct slice value, unsigned origin)
{
    struct header_field *field;

    if (position > list->count) {
        position = list->count;
    }
    header_list_reserve(list, list->count + 1);
    field = list->fields + position;
    memmove(field + 1, field, (list->count - position) * sizeof(*field));
    *field = (struct header_field){
        .name = arena_copy(list->arena, name),
        .value = arena_copy(list->arena, value),
        .origin = origin,
    };
    list->count++;
}

void header_list_change(struct header_list *list, struct slice name, uint32_t nth,
                        struct slice value, unsigned origin)
{
    size_t position = header_list_position(list, name, nth);

    if (position == HEADER_LIST_NONE) {
        header_list_append(list, name, value, origin);
        return;
    }
    list->fields[position].name = arena_copy(list->arena, name);
    list->fields[position].value = arena_copy(list->arena, value);
}

bool header_list_delete(struct header_list *list, struct slice name, uint32_t nth)
{
    size_t position = header_list_position(list, name, nth);
    struct header_field *field;

    if (position == HEADER_LIST_NONE) {
        return false;
    }
    field = list->fields + position;
    list->count--;
    if (position < list->above_received) {
        list->above_received--;
    }
    memmove(field, field + 1, (list->count - position) * sizeof(*field));
    return true;
}

size_t header_list_position(const struct header_list *list, struct slice name, uint32_t nth)
{
    uint32_t left = nth > 0 ? nth : 1;

    for (size_t i = 0; i < list->count; i++) {
        if (slice_equal_ignoring_case(list->fields[i].name, name) && --left == 0) {
            return i;
        }
    }
    return HEADER_LIST_NONE;
}

const struct header_field *header_list_find(const struct header_list *list, struct slice name,
                                            uint32_t nth)
{
    return header_list_at(list, header_list_position(list, name, nth));
}

const struct header_field *header_list_at(const struct header_list *list, size_t position)
{
    return position < list->count ? list->fields + position : NULL;
}

size_t header_list_count(const struct header_list *list, struct slice name)
{
    return header_list_count_before(list, name, list->count);
}

size_t header_list_count_before(const struct header_list *list, struct slice name, size_t position)
{
    size_t end = position < list->count ? position : list->count;
    size_t count = 0;

    for (size_t i = 0; i < end; i++) {
        if (slice_equal_ignoring_case(list->fields[i].name, name)) {
            count++;
        }
    }
    return count;
}

size_t header_list_nth(const struct header_list *list, size_t position)
{
    const struct header_field *field = header_list_at(list, position);

    return field == NULL ? 0 : header_list_count_before(list, field->name, position) + 1;
}
