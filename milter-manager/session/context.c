/*
 * context - what a condition may see and change of a running session.
 *
 * Owns the table of handles: a slot is reused with a new generation, so a
 * condition that outlives its session holds a number nobody answers to.
 */
#include "milter-manager/session/context.h"

#include "libcore/base/memory.h"
#include "libcore/wire/macro.h"
#include "milter-manager/board.h"
#include "milter-manager/session/context_handle.h"

#include <string.h>

struct context_slot {
    uint32_t generation;
    struct session *session;     /* NULL: free */
    struct session_child *child; /* NULL: it stands for the session as a whole */
    uint32_t next_free;          /* index + 1 of the next free slot, 0: none */
};

static struct context_slot *context_slots;
static uint32_t context_slot_count, context_slot_capacity, context_first_free;

static uint32_t context_take_slot(void)
{
    uint32_t index;

    if (context_first_free != 0) {
        index = context_first_free - 1;
        context_first_free = context_slots[index].next_free;
        return index;
    }
    if (context_slot_count == context_slot_capacity) {
        context_slot_capacity = context_slot_capacity == 0 ? 64 : context_slot_capacity * 2;
        context_slots = memory_resize(context_slots, context_slot_capacity, sizeof(*context_slots));
    }
    index = context_slot_count++;
    context_slots[index] = (struct context_slot){0};
    return index;
}

static uint64_t context_new(struct session *session, struct session_child *child)
{
    uint32_t index = context_take_slot();
    struct context_slot *slot = &context_slots[index];

    slot->generation++;
    slot->session = session;
    slot->child = child;
    return (uint64_t)slot->generation << 32 | (index + 1);
}

uint64_t context_handle_of(struct session_child *child)
{
    if (child->context == CONTEXT_NONE) {
        child->context = context_new(child->session, child);
    }
    return child->context;
}

uint64_t context_handle_of_session(struct session *session)
{
    if (session->context == CONTEXT_NONE) {
        session->context = context_new(session, NULL);
    }
    return session->context;
}

static struct context_slot *context_slot_of(uint64_t context)
{
    uint32_t number = (uint32_t)context;
    struct context_slot *slot;

    if (number == 0 || number > context_slot_count) {
        return NULL;
    }
    slot = &context_slots[number - 1];
    return slot->session != NULL && slot->generation == (uint32_t)(context >> 32) ? slot : NULL;
}

static void context_free(uint64_t *context)
{
    struct context_slot *slot = context_slot_of(*context);

    if (slot != NULL) {
        slot->session = NULL;
        slot->child = NULL;
        slot->next_free = context_first_free;
        context_first_free = (uint32_t)(slot - context_slots) + 1;
    }
    *context = CONTEXT_NONE;
}

void context_handle_release(struct session_child *child)
{
    context_free(&child->context);
}

void context_handle_release_session(struct session *session)
{
    context_free(&session->context);
}

static struct session_child *context_find(uint64_t context)
{
    struct context_slot *slot = context_slot_of(context);

    return slot == NULL ? NULL : slot->child;
}

bool context_name(uint64_t context, struct slice *name)
{
    const struct session_child *child = context_find(context);

    if (child != NULL) {
        *name = slice_from_string(child->configuration->name);
    }
    return child != NULL;
}

/* The stage whose command the child is about to see; the recording does not wait for others. */
static enum command context_stage(const struct session_child *child)
{
    const struct session *session = child->session;

    bool recording = child->configuration == &session->configuration->recording;

    return recording || session->activity == SESSION_CONTENT ? child->last_command
                                                             : session->command;
}

bool context_macro(uint64_t context, struct slice name, struct slice *value)
{
    const struct context_slot *slot = context_slot_of(context);
    const struct session_child *child;
    enum command last;

    if (slot == NULL) {
        return false;
    }
    child = slot->child;
    last = child == NULL ? slot->session->command : context_stage(child);
    *value = slice_of(NULL, 0);
    for (unsigned stage = (unsigned)last + 1; stage-- > 0;) {
        if ((child != NULL &&
             macro_pair_find(macro_store_get(&child->overlay, (enum command)stage), name, value)) ||
            macro_pair_find(macro_store_get(&slot->session->front.macros, (enum command)stage),
                            name, value)) {
            break;
        }
    }
    return true;
}

bool context_set_macro(uint64_t context, struct slice name, struct slice value)
{
    struct session_child *child = context_find(context);

    if (child != NULL) {
        enum command stage = context_stage(child);
        const struct session_host *host = child->session->host;

        macro_store_set(&child->overlay, stage, name, value);
        child->macros_due |= (uint32_t)1 << stage;
        if (host->macro_set != NULL) {
            host->macro_set(child, stage, name, value);
        }
    }
    return child != NULL;
}

bool context_status(uint64_t context, struct context_status *status)
{
    const struct session_child *child = context_find(context);

    if (child != NULL) {
        status->verdict = child->status;
        status->quitted = child->state == CHILD_OUT || child->status_stopped;
    }
    return child != NULL;
}

bool context_child(uint64_t context, struct slice name, uint64_t *other)
{
    const struct session_child *child = context_find(context);

    if (child == NULL) {
        return false;
    }
    *other = CONTEXT_NONE;
    for (unsigned i = 0; i < child->session->child_count; i++) {
        struct session_child *sibling = &child->session->children[i];

        if (slice_equal_string(name, sibling->configuration->name)) {
            *other = context_handle_of(sibling);
        }
    }
    return true;
}

bool context_child_name(uint64_t context, unsigned index, struct slice *name)
{
    const struct session_child *child = context_find(context);

    if (child == NULL) {
        return false;
    }
    *name = index < child->session->child_count
                ? slice_from_string(child->session->children[index].configuration->name)
                : slice_of(NULL, 0);
    return true;
}

static struct shelf_entry *context_shelf_find(const struct session *session, struct slice key)
{
    struct shelf_entry *entry = session->shelf;

    while (entry != NULL && !slice_equal(entry->key, key)) {
        entry = entry->next;
    }
    return entry;
}

bool context_shelf_get(uint64_t context, struct slice key, struct slice *value)
{
    const struct session_child *child = context_find(context);
    const struct shelf_entry *entry;

    if (child == NULL) {
        return false;
    }
    entry = context_shelf_find(child->session, key);
    *value = entry == NULL ? slice_of(NULL, 0) : entry->value;
    return true;
}

bool context_shelf_set(uint64_t context, struct slice key, struct slice value)
{
    struct session_child *child = context_find(context);
    struct session *session;
    struct shelf_entry *entry, **end;

    if (child == NULL) {
        return false;
    }
    session = child->session;
    entry = context_shelf_find(session, key);
    if (entry == NULL) {
        entry = arena_new(&session->shelf_arena, sizeof(*entry));
        entry->key = arena_copy(&session->shelf_arena, key);
        for (end = &session->shelf; *end != NULL; end = &(*end)->next) {
        }
        *end = entry;
    }
    entry->value = arena_copy(&session->shelf_arena, value);
    return true;
}

bool context_shelf_entry(uint64_t context, unsigned index, struct slice *key, struct slice *value)
{
    const struct session_child *child = context_find(context);
    const struct shelf_entry *entry;

    if (child == NULL) {
        return false;
    }
    for (entry = child->session->shelf; entry != NULL && index > 0; entry = entry->next) {
        index--;
    }
    *key = entry == NULL ? slice_of(NULL, 0) : entry->key;
    *value = entry == NULL ? slice_of(NULL, 0) : entry->value;
    return true;
}

static bool context_address(const struct context_slot *slot, const struct session_address *from,
                            struct context_address *to)
{
    if (slot != NULL) {
        to->family = from->family == '\0' ? 'U' : from->family;
        to->port = from->port;
        to->address = buffer_slice(&from->address);
    }
    return slot != NULL;
}

bool context_client_address(uint64_t context, struct context_address *address)
{
    const struct context_slot *slot = context_slot_of(context);

    return context_address(slot, slot == NULL ? NULL : &slot->session->client, address);
}

bool context_server_address(uint64_t context, struct context_address *address)
{
    const struct context_slot *slot = context_slot_of(context);

    return context_address(slot, slot == NULL ? NULL : &slot->session->server, address);
}

unsigned context_processing_sessions(void)
{
    return board_sessions();
}
