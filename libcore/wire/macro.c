/*
 * macro - macro sets as they travel.  Pure functions.
 */
#include "libcore/wire/macro.h"

#include "libcore/base/memory.h"
#include "libcore/wire/packet.h"

#include <stdlib.h>
#include <string.h>

bool macro_pair_next(struct slice *pairs, struct slice *name, struct slice *value)
{
    struct slice rest = *pairs;

    if (!slice_take_string(&rest, name) || !slice_take_string(&rest, value)) {
        return false;
    }
    *pairs = rest;
    return true;
}

void macro_pair_append(struct buffer *pairs, struct slice name, struct slice value)
{
    buffer_append_slice(pairs, name);
    buffer_append_byte(pairs, '\0');
    buffer_append_slice(pairs, value);
    buffer_append_byte(pairs, '\0');
}

void macro_pair_append_braced(struct buffer *pairs, struct slice name, struct slice value)
{
    name = macro_bare_name(name);
    if (name.length == 1) {
        macro_pair_append(pairs, name, value);
        return;
    }
    buffer_append_byte(pairs, '{');
    buffer_append_slice(pairs, name);
    buffer_append_string(pairs, "}");
    buffer_append_byte(pairs, '\0');
    buffer_append_slice(pairs, value);
    buffer_append_byte(pairs, '\0');
}

struct slice macro_bare_name(struct slice name)
{
    if (name.length >= 2 && name.data[0] == '{' && name.data[name.length - 1] == '}') {
        return slice_of(name.data + 1, name.length - 2);
    }
    return name;
}

bool macro_name_equal(struct slice a, struct slice b)
{
    return slice_equal(macro_bare_name(a), macro_bare_name(b));
}

bool macro_pair_find(struct slice pairs, struct slice name, struct slice *value)
{
    struct slice candidate, candidate_value;
    bool found = false;

    /* The last one wins, as when they are put into a table one by one. */
    while (macro_pair_next(&pairs, &candidate, &candidate_value)) {
        if (macro_name_equal(candidate, name)) {
            *value = candidate_value;
            found = true;
        }
    }
    return found;
}

struct macro_pair {
    struct slice name; /* without braces */
    struct slice sent, value;
    size_t order;
};

static int macro_pair_compare(const void *left, const void *right)
{
    const struct macro_pair *a = left, *b = right;
    size_t common = a->name.length < b->name.length ? a->name.length : b->name.length;
    int difference = common == 0 ? 0 : memcmp(a->name.data, b->name.data, common);

    if (difference == 0 && a->name.length != b->name.length) {
        difference = a->name.length < b->name.length ? -1 : 1;
    }
    return difference != 0 ? difference : a->order < b->order ? -1 : 1;
}

void macro_pairs_sort(struct slice pairs, struct buffer *sorted)
{
    struct macro_pair few[16], *list = few;
    size_t count = 0, capacity = sizeof(few) / sizeof(few[0]);
    struct slice name, value;

    while (macro_pair_next(&pairs, &name, &value)) {
        if (count == capacity) {
            struct macro_pair *more = memory_resize(NULL, capacity * 2, sizeof(*more));

            memcpy(more, list, count * sizeof(*more));
            if (list != few) {
                free(list);
            }
            list = more;
            capacity *= 2;
        }
        list[count] = (struct macro_pair){macro_bare_name(name), name, value, count};
        count++;
    }
    qsort(list, count, sizeof(*list), macro_pair_compare);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 == count || !slice_equal(list[i].name, list[i + 1].name)) {
            macro_pair_append_braced(sorted, list[i].sent, list[i].value);
        }
    }
    if (list != few) {
        free(list);
    }
}

static bool macro_list_separator(char c)
{
    return c == ' ' || c == ',' || c == '\t' || c == '\n' || c == '\r';
}

bool macro_list_next(struct slice *names, struct slice *name)
{
    size_t length = 0;

    while (names->length > 0 && macro_list_separator(names->data[0])) {
        slice_skip(names, 1);
    }
    while (length < names->length && !macro_list_separator(names->data[length])) {
        length++;
    }
    *name = slice_of(names->data, length);
    slice_skip(names, length);
    return length > 0;
}

bool macro_list_contains(struct slice names, struct slice name)
{
    struct slice candidate;

    while (macro_list_next(&names, &candidate)) {
        if (macro_name_equal(candidate, name)) {
            return true;
        }
    }
    return false;
}

void macro_append_packet(struct buffer *output, enum command stage, struct slice pairs)
{
    size_t mark = packet_begin(output, command_info[COMMAND_MACRO].letter);

    buffer_append_byte(output, command_info[stage].letter);
    buffer_append_slice(output, pairs);
    packet_end(output, mark);
}
