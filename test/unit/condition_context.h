/*
 * condition_context - a session with two children, as far as conditions can see
 * it.
 *
 * Include it in the one source file of a test program that asks conditions: it
 * defines the functions of session/context.h, which other tests need for real.
 */
#ifndef TEST_UNIT_CONDITION_CONTEXT_H
#define TEST_UNIT_CONDITION_CONTEXT_H

#include "milter-manager/session/context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { CHILD = 7, OTHER = 8, PAIRS = 16, TEXT = 256 };

/* A session with two children, as far as conditions can see it. */
struct pairs {
    char names[PAIRS][TEXT], values[PAIRS][TEXT];
    size_t lengths[PAIRS];
    unsigned count;
};
static struct pairs macros;
static struct pairs shelf;
static struct context_status statuses[OTHER + 1];
static unsigned sessions;
static bool session_over;

static bool live(uint64_t context)
{
    return !session_over && (context == CHILD || context == OTHER);
}

/* Its place, or the count. */
static unsigned find(const struct pairs *pairs, struct slice name)
{
    unsigned i = 0;

    while (i < pairs->count && !slice_equal_string(name, pairs->names[i])) {
        i++;
    }
    return i;
}

static void set(struct pairs *pairs, struct slice name, struct slice value)
{
    unsigned i = find(pairs, name);

    assert_true(i < PAIRS && name.length < TEXT && value.length < TEXT);
    memcpy(pairs->names[i], name.data, name.length);
    pairs->names[i][name.length] = '\0';
    memcpy(pairs->values[i], value.data, value.length);
    pairs->values[i][value.length] = '\0';
    pairs->lengths[i] = value.length;
    pairs->count += i == pairs->count ? 1 : 0;
}

static struct slice get(const struct pairs *pairs, struct slice name)
{
    unsigned i = find(pairs, name);

    return i < pairs->count ? slice_of(pairs->values[i], pairs->lengths[i]) : (struct slice){0};
}

static void set_macro(const char *name, const char *value)
{
    set(&macros, slice_from_string(name), slice_from_string(value));
}

static const char *macro(const char *name)
{
    return get(&macros, slice_from_string(name)).data;
}

bool context_name(uint64_t context, struct slice *name)
{
    *name = slice_from_string(context == CHILD ? "child" : "other");
    return live(context);
}

bool context_macro(uint64_t context, struct slice name, struct slice *value)
{
    *value = get(&macros, name);
    return live(context);
}

bool context_set_macro(uint64_t context, struct slice name, struct slice value)
{
    if (live(context)) {
        set(&macros, name, value);
    }
    return live(context);
}

bool context_status(uint64_t context, struct context_status *status)
{
    *status = statuses[context == OTHER ? OTHER : CHILD];
    return live(context);
}

bool context_child(uint64_t context, struct slice name, uint64_t *other)
{
    *other = slice_equal_string(name, "child")   ? CHILD
             : slice_equal_string(name, "other") ? OTHER
                                                 : CONTEXT_NONE;
    return live(context);
}

bool context_child_name(uint64_t context, unsigned index, struct slice *name)
{
    static const char *const names[] = {"other", "child"};

    *name = index < 2 ? slice_from_string(names[index]) : (struct slice){0};
    return live(context);
}

bool context_shelf_get(uint64_t context, struct slice key, struct slice *value)
{
    *value = get(&shelf, key);
    return live(context);
}

bool context_shelf_set(uint64_t context, struct slice key, struct slice value)
{
    set(&shelf, key, value);
    return live(context);
}

bool context_shelf_entry(uint64_t context, unsigned index, struct slice *key, struct slice *value)
{
    *key = index < shelf.count ? slice_from_string(shelf.names[index]) : (struct slice){0};
    *value = index < shelf.count ? slice_of(shelf.values[index], shelf.lengths[index])
                                 : (struct slice){0};
    return live(context);
}

bool context_client_address(uint64_t context, struct context_address *address)
{
    *address = (struct context_address){'4', 25000, slice_from_string("192.0.2.1")};
    return live(context);
}

bool context_server_address(uint64_t context, struct context_address *address)
{
    *address = (struct context_address){'L', 0, slice_of("", 0)};
    return live(context);
}

unsigned context_processing_sessions(void)
{
    return sessions;
}

#endif
