/*
 * pending - counts that are not in the database yet.
 *
 * Owns two hash tables with open addressing: names of children, and counts.  A line of a log costs
 * a few look-ups here and no allocation.
 */
#include "milter-manager-log-analyzer/pending.h"

#include "libcore/base/buffer.h"
#include "libcore/base/hash.h"
#include "libcore/base/markup.h"
#include "libcore/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    FEW = 64,           /* slots of a new table; a power of two */
    MANY_NAMES = 1024,  /* more are forgotten once nothing is pending */
    WEIGHT_OF_NAME = 8, /* counts that take the memory of a name */
};
static const int64_t latest_time = 253402300800; /* the year 10000 */

struct child {
    char *raw; /* as in the log, up to PENDING_NAME bytes */
    size_t raw_length;
    char *name; /* as it is stored */
    uint64_t hash;
    uint32_t *series[SERIES_KINDS]; /* for each item 1 + its index; 0: none yet */
};

struct pending {
    struct child *children;
    size_t child_count, child_capacity;
    uint32_t *child_slots; /* 1 + index; 0: free */
    size_t child_slot_count;
    size_t last_child;

    struct pending_series *series;
    size_t series_count, series_capacity;

    struct pending_count *slots; /* value 0: free */
    size_t slot_count, count;

    struct pending_count *taken;
};

struct pending *pending_new(void)
{
    struct pending *pending = NEW(struct pending);

    pending->slot_count = FEW;
    pending->slots = memory_new(FEW, sizeof(*pending->slots));
    pending->child_slot_count = FEW;
    pending->child_slots = memory_new(FEW, sizeof(*pending->child_slots));
    return pending;
}

static void forget_names(struct pending *pending)
{
    for (size_t i = 0; i < pending->child_count; i++) {
        struct child *child = pending->children + i;

        free(child->raw);
        free(child->name);
        for (size_t kind = 0; kind < SERIES_KINDS; kind++) {
            free(child->series[kind]);
        }
    }
    memset(pending->child_slots, 0, pending->child_slot_count * sizeof(*pending->child_slots));
    pending->child_count = 0;
    pending->series_count = 0;
}

void pending_free(struct pending *pending)
{
    if (pending == NULL) {
        return;
    }
    forget_names(pending);
    free(pending->children);
    free(pending->child_slots);
    free(pending->series);
    free(pending->slots);
    free(pending->taken);
    free(pending);
}

/* ---- names and series */

static bool is_child(const struct child *child, struct slice name)
{
    return child->raw_length == name.length &&
           (name.length == 0 || memcmp(child->raw, name.data, name.length) == 0);
}

static void place_child(struct pending *pending, size_t index)
{
    size_t mask = pending->child_slot_count - 1;
    size_t slot = pending->children[index].hash & mask;

    while (pending->child_slots[slot] != 0) {
        slot = (slot + 1) & mask;
    }
    pending->child_slots[slot] = (uint32_t)index + 1;
}

static size_t add_child(struct pending *pending, struct slice name, uint64_t hash)
{
    struct buffer text = {0};
    size_t index = pending->child_count;

    if (index == pending->child_capacity) {
        pending->child_capacity = index == 0 ? FEW / 2 : index * 2;
        pending->children =
            memory_resize(pending->children, pending->child_capacity, sizeof(*pending->children));
    }
    if (pending->child_count * 2 >= pending->child_slot_count) {
        free(pending->child_slots);
        pending->child_slot_count *= 2;
        pending->child_slots = memory_new(pending->child_slot_count, sizeof(*pending->child_slots));
        for (size_t i = 0; i < index; i++) {
            place_child(pending, i);
        }
    }
    markup_plain(&text, name);
    pending->children[index] = (struct child){
        .raw = memory_copy_bytes(name.data, name.length),
        .raw_length = name.length,
        .name = memory_copy_bytes(buffer_slice(&text).data, buffer_length(&text)),
        .hash = hash,
    };
    buffer_clear(&text);
    pending->child_count++;
    place_child(pending, index);
    return index;
}

static size_t find_child(struct pending *pending, struct slice name)
{
    size_t mask = pending->child_slot_count - 1;
    uint64_t hash;

    if (name.length > PENDING_NAME) {
        name.length = PENDING_NAME;
    }
    /* Counts of one record follow each other. */
    if (pending->last_child < pending->child_count &&
        is_child(pending->children + pending->last_child, name)) {
        return pending->last_child;
    }
    hash = hash_bytes(HASH_SEED, name);
    for (size_t slot = hash & mask; pending->child_slots[slot] != 0; slot = (slot + 1) & mask) {
        size_t index = pending->child_slots[slot] - 1;

        if (is_child(pending->children + index, name)) {
            return pending->last_child = index;
        }
    }
    return pending->last_child = add_child(pending, name, hash);
}

static unsigned item_count(const struct series_info *info)
{
    return info->items == NULL ? LATENCY_BUCKETS : (unsigned)info->item_count;
}

/* False: the kind has no such item. */
static bool find_series(struct pending *pending, const struct event_count *count, uint32_t *series)
{
    const struct series_info *info = series_info(count->kind);
    size_t index = find_child(pending, count->name); /* may move the children */
    struct child *child = pending->children + index;
    uint32_t **items = &child->series[count->kind];

    if (count->item >= item_count(info)) {
        return false;
    }
    if (*items == NULL) {
        *items = memory_new(item_count(info), sizeof(**items));
    }
    if ((*items)[count->item] == 0) {
        if (pending->series_count == pending->series_capacity) {
            pending->series_capacity =
                pending->series_capacity == 0 ? FEW : pending->series_capacity * 2;
            pending->series =
                memory_resize(pending->series, pending->series_capacity, sizeof(*pending->series));
        }
        pending->series[pending->series_count++] = (struct pending_series){
            .kind = count->kind,
            .item = count->item,
            .gauge = info->items != NULL && info->items[count->item].gauge,
            .name = child->name,
        };
        (*items)[count->item] = (uint32_t)pending->series_count;
    }
    *series = (*items)[count->item] - 1;
    return true;
}

struct pending_series *pending_series(struct pending *pending, uint32_t series)
{
    return pending->series + series;
}

/* ---- counts */

static struct pending_count *find_slot(const struct pending *pending, uint32_t series,
                                       uint32_t minute)
{
    size_t mask = pending->slot_count - 1;
    uint64_t mixed = ((uint64_t)series << 32 | minute) * 0x9e3779b97f4a7c15u;
    size_t slot = (size_t)(mixed >> 32) & mask;

    while (pending->slots[slot].value != 0 &&
           (pending->slots[slot].series != series || pending->slots[slot].minute != minute)) {
        slot = (slot + 1) & mask;
    }
    return pending->slots + slot;
}

static void grow(struct pending *pending)
{
    struct pending_count *old = pending->slots;
    size_t old_count = pending->slot_count;

    pending->slot_count *= 2;
    pending->slots = memory_new(pending->slot_count, sizeof(*pending->slots));
    for (size_t i = 0; i < old_count; i++) {
        if (old[i].value != 0) {
            *find_slot(pending, old[i].series, old[i].minute) = old[i];
        }
    }
    free(old);
}

void pending_add(struct pending *pending, int64_t time, const struct event_count *count)
{
    uint64_t value = count->value < PENDING_LARGEST ? count->value : PENDING_LARGEST;
    struct pending_count *slot;
    uint32_t series = 0;

    if (value == 0 || time < 0 || time >= latest_time || !find_series(pending, count, &series)) {
        return;
    }
    if (pending->count * 2 >= pending->slot_count) {
        grow(pending);
    }
    slot = find_slot(pending, series, (uint32_t)(time / 60));
    if (slot->value == 0) {
        *slot = (struct pending_count){.series = series, .minute = (uint32_t)(time / 60)};
        pending->count++;
    }
    if (!pending->series[series].gauge) {
        value += slot->value;
        slot->value = value < PENDING_LARGEST ? value : PENDING_LARGEST;
    } else if (value > slot->value) {
        slot->value = value;
    }
}

size_t pending_weight(const struct pending *pending)
{
    return pending->count + pending->child_count * WEIGHT_OF_NAME;
}

static int compare(const void *a, const void *b)
{
    const struct pending_count *one = a;
    const struct pending_count *other = b;

    if (one->series != other->series) {
        return one->series < other->series ? -1 : 1;
    }
    return one->minute < other->minute ? -1 : one->minute > other->minute;
}

static void empty(struct pending *pending)
{
    memset(pending->slots, 0, pending->slot_count * sizeof(*pending->slots));
    pending->count = 0;
}

const struct pending_count *pending_take(struct pending *pending, int64_t before, size_t *count)
{
    size_t all = 0, kept = 0;
    struct pending_count *copy;

    /* Those to take from the front, those to keep from the back. */
    copy = memory_resize(pending->taken, pending->count + 1, sizeof(*copy));
    pending->taken = copy;
    for (size_t i = 0; i < pending->slot_count; i++) {
        const struct pending_count *slot = pending->slots + i;

        if (slot->value != 0 && (int64_t)slot->minute * 60 < before) {
            copy[all++] = *slot;
        } else if (slot->value != 0) {
            copy[pending->count - ++kept] = *slot;
        }
    }
    empty(pending);
    for (size_t i = all; i < all + kept; i++) {
        *find_slot(pending, copy[i].series, copy[i].minute) = copy[i];
    }
    pending->count = kept;
    qsort(copy, all, sizeof(*copy), compare);
    *count = all;
    return copy;
}

void pending_trim(struct pending *pending)
{
    if (pending->count == 0 && pending->child_count > MANY_NAMES) {
        forget_names(pending);
    }
}

void pending_forget(struct pending *pending)
{
    empty(pending);
    pending_trim(pending);
    for (size_t i = 0; i < pending->series_count; i++) {
        pending->series[i].id = 0;
    }
}
