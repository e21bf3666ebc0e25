/*
 * item - what the types of configuration items do: defaults, checks, notation.
 *
 * Knows no item by name: the rows (items.c) say everything about one.  Owns no
 * memory: strings go into the caller's arena.
 */
#include "milter-manager/config/item.h"

#include "libcore/base/command_line.h"
#include "libcore/base/log.h"
#include "milter-manager/config/configuration.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static int find(const struct item *items, unsigned count, const char *group, const char *name)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(items[i].group, group) == 0 && strcmp(items[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int item_find_global(const char *group, const char *name)
{
    return find(configuration_items, configuration_item_count, group, name);
}

int item_find_child(const char *name)
{
    return find(child_items, child_item_count, "milter", name);
}

static void *member(const struct item *item, void *target)
{
    return (char *)target + item->offset;
}

static const void *const_member(const struct item *item, const void *target)
{
    return (const char *)target + item->offset;
}

static const char *text_of(const struct item *item, const void *target)
{
    return *(const char *const *)const_member(item, target);
}

void item_reset(const struct item *item, void *target)
{
    switch (item->type) {
    case ITEM_STRING:
    case ITEM_SPEC:
    case ITEM_CHOICE:
    case ITEM_USER:
        *(const char **)member(item, target) = item->text;
        break;
    case ITEM_BOOLEAN:
        *(bool *)member(item, target) = item->number != 0;
        break;
    case ITEM_UNSIGNED:
    case ITEM_MODE:
    case ITEM_LEVELS:
        *(unsigned *)member(item, target) = (unsigned)item->number;
        break;
    case ITEM_PORT:
        *(int *)member(item, target) = (int)item->number;
        break;
    case ITEM_SECONDS:
        *(double *)member(item, target) = item->number;
        break;
    case ITEM_FALLBACK:
        *(enum verdict *)member(item, target) = (enum verdict)item->number;
        break;
    }
    if (item->address_offset != 0) {
        struct socket_address *address =
            (struct socket_address *)(void *)((char *)target + item->address_offset);

        memset(address, 0, sizeof(*address));
    }
}

/* GROUP.NAME should be WANTED but was VALUE */
static bool refuse(const struct item *item, const struct value *value, const char *wanted,
                   struct error *error)
{
    struct buffer literal = {0};

    if ((item->flags & ITEM_SECRET) != 0) {
        buffer_append_string(&literal, "something else");
    } else if (item->type == ITEM_MODE && value->kind == VALUE_INTEGER && value->integer >= 0) {
        buffer_append_format(&literal, "%#llo", (unsigned long long)value->integer);
    } else {
        value_literal(value, &literal);
    }
    buffer_append_byte(&literal, '\0');
    error_set(error, ERROR_USAGE, "%s.%s should be %s but was %s", item->group, item->name, wanted,
              buffer_slice(&literal).data);
    buffer_clear(&literal);
    return false;
}

static bool refuse_choice(const struct item *item, const struct value *value,
                          const char *const *choices, struct error *error)
{
    struct buffer wanted = {0};

    buffer_append_string(&wanted, "one of [");
    for (unsigned i = 0; choices[i] != NULL; i++) {
        buffer_append_string(&wanted, i == 0 ? "" : ", ");
        value_string_literal(slice_from_string(choices[i]), &wanted);
    }
    buffer_append_byte(&wanted, ']');
    buffer_append_byte(&wanted, '\0');
    (void)refuse(item, value, buffer_slice(&wanted).data, error);
    buffer_clear(&wanted);
    return false;
}

/* What no shell could make words of. */
static bool refuse_command_line(const struct item *item, const char *text, struct error *error)
{
    struct arena arena = {0};
    struct error reason = {0};
    char **words;
    unsigned count;
    bool good = command_line_split(text, &arena, &words, &count, &reason);

    arena_clear(&arena);
    if (!good) {
        error_set(error, ERROR_USAGE, "%s.%s: %s", item->group, item->name, reason.message);
    }
    return !good;
}

/* Long enough not to be guessed at once, and fit for a header field. */
static bool secret_is_fit(struct slice secret)
{
    for (size_t i = 0; i < secret.length; i++) {
        if (secret.data[i] <= ' ' || secret.data[i] > '~') {
            return false;
        }
    }
    return secret.length >= 8;
}

static bool assign_text(const struct item *item, void *target, const struct value *value,
                        struct arena *arena, struct error *error)
{
    char digits[32];
    struct slice text = value->string;

    if (item->type == ITEM_USER && value->kind == VALUE_INTEGER && value->integer >= 0) {
        int length = snprintf(digits, sizeof(digits), "%lld", value->integer);

        text = slice_of(digits, (size_t)length);
    } else if (value->kind != VALUE_STRING) {
        return refuse(item, value, "a string or nil", error);
    }
    if (memchr(text.data, '\0', text.length) != NULL) {
        return refuse(item, value, "a string without NUL", error);
    }
    if ((item->flags & ITEM_COMMAND_LINE) != 0 &&
        refuse_command_line(item, arena_copy(arena, text).data, error)) {
        return false;
    }
    if ((item->flags & ITEM_SECRET) != 0 && !secret_is_fit(text)) {
        return refuse(item, value, "at least 8 visible ASCII characters without blanks", error);
    }
    *(const char **)member(item, target) = arena_copy(arena, text).data;
    return true;
}

static bool assign_spec(const struct item *item, void *target, const struct value *value,
                        struct arena *arena, struct error *error)
{
    struct socket_address address = {0};
    struct error reason = {0};
    const char *former = text_of(item, target);

    if (!assign_text(item, target, value, arena, error)) {
        return false;
    }
    if (!connection_spec_parse(text_of(item, target), &address, &reason)) {
        *(const char **)member(item, target) = former;
        error_set(error, ERROR_USAGE, "%s.%s: %s", item->group, item->name, reason.message);
        return false;
    }
    if (item->address_offset != 0) {
        memcpy((char *)target + item->address_offset, &address, sizeof(address));
    }
    return true;
}

static bool assign_choice(const struct item *item, void *target, const struct value *value,
                          struct error *error)
{
    if (value->kind == VALUE_STRING) {
        for (unsigned i = 0; item->choices[i] != NULL; i++) {
            if (slice_equal_string(value->string, item->choices[i])) {
                *(const char **)member(item, target) = item->choices[i];
                return true;
            }
        }
    }
    return refuse_choice(item, value, item->choices, error);
}

static bool assign_boolean(const struct item *item, void *target, const struct value *value,
                           struct error *error)
{
    bool boolean = value->boolean;

    if (value->kind == VALUE_STRING && (item->flags & ITEM_TEXT_BOOLEAN) != 0 &&
        (slice_equal_string(value->string, "true") || slice_equal_string(value->string, "false"))) {
        boolean = slice_equal_string(value->string, "true");
    } else if (value->kind != VALUE_BOOLEAN) {
        return refuse(item, value, "one of [true, false]", error);
    }
    *(bool *)member(item, target) = boolean;
    return true;
}

static bool assign_integer(const struct item *item, void *target, const struct value *value,
                           struct error *error)
{
    long long integer = value->integer;

    if (value->kind == VALUE_INTEGER && integer > (long long)item->maximum &&
        (item->flags & ITEM_CLAMPED) != 0) {
        integer = (long long)item->maximum;
    }
    if (value->kind != VALUE_INTEGER || integer < (long long)item->minimum ||
        integer > (long long)item->maximum) {
        char wanted[96];

        (void)snprintf(wanted, sizeof(wanted),
                       item->type == ITEM_MODE ? "an integer from %#llo to %#llo"
                                               : "an integer from %lld to %lld",
                       (long long)item->minimum, (long long)item->maximum);
        return refuse(item, value, wanted, error);
    }
    if (item->type == ITEM_PORT) {
        *(int *)member(item, target) = (int)integer;
    } else {
        *(unsigned *)member(item, target) = (unsigned)integer;
    }
    return true;
}

static bool assign_seconds(const struct item *item, void *target, const struct value *value,
                           struct error *error)
{
    bool positive = (item->flags & ITEM_POSITIVE) != 0;
    double number = value->kind == VALUE_INTEGER ? (double)value->integer : value->number;

    if ((value->kind != VALUE_INTEGER && value->kind != VALUE_NUMBER) || !isfinite(number) ||
        number < item->minimum || number > item->maximum || (positive && number <= 0)) {
        return refuse(item, value,
                      positive ? "a number of seconds above 0" : "a number of seconds from 0",
                      error);
    }
    *(double *)member(item, target) = number;
    return true;
}

static bool assign_fallback(const struct item *item, void *target, const struct value *value,
                            struct arena *arena, struct error *error)
{
    static const char *const verdicts[] = {"accept", "reject", "temporary-failure", "discard",
                                           NULL};

    if (value->kind == VALUE_STRING &&
        memchr(value->string.data, '\0', value->string.length) == NULL &&
        verdict_parse_fallback(arena_copy(arena, value->string).data,
                               (enum verdict *)member(item, target))) {
        return true;
    }
    return refuse_choice(item, value, verdicts, error);
}

static bool assign_levels(const struct item *item, void *target, const struct value *value,
                          struct arena *arena, struct error *error)
{
    struct error reason = {0};

    if (value->kind != VALUE_STRING ||
        memchr(value->string.data, '\0', value->string.length) != NULL) {
        return refuse(item, value, "a string or nil", error);
    }
    if (value->string.length == 0) {
        item_reset(item, target);
        return true;
    }
    if (!log_level_parse(arena_copy(arena, value->string).data, (unsigned *)member(item, target),
                         &reason)) {
        error_set(error, ERROR_USAGE, "%s.%s: %s", item->group, item->name, reason.message);
        return false;
    }
    return true;
}

static bool assign_typed(const struct item *item, void *target, const struct value *value,
                         struct arena *arena, struct error *error)
{
    switch (item->type) {
    case ITEM_SPEC:
        return assign_spec(item, target, value, arena, error);
    case ITEM_CHOICE:
        return assign_choice(item, target, value, error);
    case ITEM_BOOLEAN:
        return assign_boolean(item, target, value, error);
    case ITEM_UNSIGNED:
    case ITEM_MODE:
    case ITEM_PORT:
        return assign_integer(item, target, value, error);
    case ITEM_SECONDS:
        return assign_seconds(item, target, value, error);
    case ITEM_FALLBACK:
        return assign_fallback(item, target, value, arena, error);
    case ITEM_LEVELS:
        return assign_levels(item, target, value, arena, error);
    case ITEM_STRING:
    case ITEM_USER:
        break;
    }
    return assign_text(item, target, value, arena, error);
}

bool item_assign(const struct item *item, void *target, const struct value *value,
                 struct arena *arena, struct error *error)
{
    struct value zero = value_integer(0);

    if (value->kind == VALUE_NIL) {
        if ((item->flags & ITEM_NIL_IS_ZERO) == 0) {
            item_reset(item, target);
            return true;
        }
        value = &zero;
    }
    if (!assign_typed(item, target, value, arena, error)) {
        return false;
    }
    if (item->only_default_why != NULL && !item_is_default(item, target)) {
        struct buffer literal = {0};

        value_literal(value, &literal);
        buffer_append_byte(&literal, '\0');
        error_set(error, ERROR_USAGE, "%s.%s = %s: %s", item->group, item->name,
                  buffer_slice(&literal).data, item->only_default_why);
        buffer_clear(&literal);
        item_reset(item, target);
        return false;
    }
    return true;
}

struct value item_value(const struct item *item, const void *target)
{
    const void *place = const_member(item, target);

    switch (item->type) {
    case ITEM_BOOLEAN:
        return value_boolean(*(const bool *)place);
    case ITEM_UNSIGNED:
    case ITEM_MODE:
        return value_integer((long long)*(const unsigned *)place);
    case ITEM_PORT:
        return *(const int *)place < 0 ? value_nil() : value_integer(*(const int *)place);
    case ITEM_SECONDS:
        return value_number(*(const double *)place);
    case ITEM_FALLBACK:
        return value_string(verdict_name(*(const enum verdict *)place));
    case ITEM_LEVELS:
        return value_integer((long long)*(const unsigned *)place);
    case ITEM_STRING:
    case ITEM_SPEC:
    case ITEM_CHOICE:
    case ITEM_USER:
        break;
    }
    return value_string(text_of(item, target));
}

bool item_is_default(const struct item *item, const void *target)
{
    struct value value = item_value(item, target);

    switch (value.kind) {
    case VALUE_STRING:
        if (item->type == ITEM_FALLBACK) {
            return *(const enum verdict *)const_member(item, target) == (enum verdict)item->number;
        }
        return item->text != NULL && slice_equal_string(value.string, item->text);
    case VALUE_BOOLEAN:
        return value.boolean == (item->number != 0);
    case VALUE_INTEGER:
        return value.integer == (long long)item->number;
    case VALUE_NUMBER:
        return value.number == item->number;
    case VALUE_NIL:
    case VALUE_OTHER:
        break;
    }
    return item->text == NULL;
}

static void levels_literal(unsigned levels, struct buffer *text)
{
    char names[256];

    if (levels == LOG_LEVEL_DEFAULT) {
        buffer_append_string(text, "\"default\"");
    } else if (levels == 0) {
        buffer_append_string(text, "\"none\"");
    } else {
        value_string_literal(slice_from_string(log_level_format(levels, names, sizeof(names))),
                             text);
    }
}

void item_literal(const struct item *item, const void *target, struct buffer *text)
{
    struct value value = item_value(item, target);

    if (item->type == ITEM_MODE) {
        buffer_append_format(text, "%#llo", (unsigned long long)value.integer);
    } else if (item->type == ITEM_LEVELS) {
        levels_literal((unsigned)value.integer, text);
    } else if ((item->flags & ITEM_NIL_IS_ZERO) != 0 && value.integer == 0) {
        buffer_append_string(text, "nil");
    } else {
        value_literal(&value, text);
    }
}
