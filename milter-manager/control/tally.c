/*
 * tally - what is counted, and the memory it is counted in.
 *
 * Owns the area; pages that nobody counts in cost no memory.  It never reads
 * what is counted.
 */
#include "milter-manager/control/tally.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/base/word.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

const double tally_bounds[TALLY_BOUNDS] = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120};

const char *const tally_failure_names[TALLY_FAILURES] = {
    [TALLY_FAILED_CONNECT] = "connect", [TALLY_FAILED_CLOSED] = "closed",
    [TALLY_FAILED_IO] = "io",           [TALLY_FAILED_PROTOCOL] = "protocol",
    [TALLY_FAILED_TIMEOUT] = "timeout",
};

const char *const tally_timeout_names[TALLY_TIMEOUTS] = {
    [TALLY_TIMEOUT_CONNECTION] = "connection",
    [TALLY_TIMEOUT_WRITING] = "writing",
    [TALLY_TIMEOUT_READING] = "reading",
    [TALLY_TIMEOUT_END_OF_MESSAGE] = "end-of-message",
};

/* For a process that opened nothing (tests, --explain) or has no slot. */
static struct tally_slot tally_own;
static struct tally_slot *tally_area = &tally_own;
static unsigned tally_slot_count = 1;

struct tally_slot *tally_here = &tally_own;

void tally_open(unsigned slots)
{
    tally_area = memory_new_shared(slots * sizeof(struct tally_slot));
    tally_slot_count = slots;
    tally_here = tally_area;
}

unsigned tally_slots(void)
{
    return tally_slot_count;
}

const struct tally_slot *tally_slot(unsigned slot)
{
    return &tally_area[slot];
}

/*
 * What is true of a process only while it lives.  An entry that nobody uses is not
 * even looked at: that would give it memory.
 */
static void tally_reset_gauges(struct tally_slot *slot)
{
    unsigned count = atomic_load_explicit(&slot->entry_count, memory_order_relaxed);

    counter_set(&slot->pid, 0);
    counter_set(&slot->totals.sessions_open, 0);
    for (unsigned i = 0; i < count; i++) {
        counter_set(&slot->entries[i].child.connections_open, 0);
    }
    if (counter_read(&slot->others_used) != 0) {
        counter_set(&slot->entries[TALLY_CHILDREN].child.connections_open, 0);
    }
}

void tally_enter(unsigned slot)
{
    /* Without a slot it counts for itself: two in one slot would lose counts. */
    tally_here = slot < tally_slot_count ? &tally_area[slot] : &tally_own;
    tally_reset_gauges(tally_here);
    counter_set(&tally_here->pid, (uint64_t)getpid());
}

void tally_leave(unsigned slot)
{
    if (slot < tally_slot_count) {
        tally_reset_gauges(&tally_area[slot]);
    }
}

/* ---- children */

static void tally_say_others(const char *name)
{
    static bool said;

    if (!said) {
        said = true;
        log_warning("[manager][metrics][warning] more than %d milters, or a name that is longer "
                    "than %d bytes or no text: status and metrics count them together as %s: %.*s",
                    TALLY_CHILDREN, TALLY_NAME - 1, TALLY_OTHERS, TALLY_NAME - 1, name);
    }
}

static bool tally_can_be_named(const char *name, unsigned count)
{
    return count < TALLY_CHILDREN && strlen(name) < TALLY_NAME &&
           word_is_text(slice_from_string(name));
}

static struct tally_entry *tally_entry(const char *name, unsigned likely)
{
    struct tally_slot *slot = tally_here;
    unsigned count = atomic_load_explicit(&slot->entry_count, memory_order_relaxed);

    if (likely < count && strcmp(slot->entries[likely].name, name) == 0) {
        return &slot->entries[likely];
    }
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(slot->entries[i].name, name) == 0) {
            return &slot->entries[i];
        }
    }
    if (!tally_can_be_named(name, count)) {
        tally_say_others(name);
        counter_set(&slot->others_used, 1);
        return &slot->entries[TALLY_CHILDREN];
    }
    memcpy(slot->entries[count].name, name, strlen(name) + 1);
    /* Readers see the entry when its name is complete. */
    atomic_store_explicit(&slot->entry_count, count + 1, memory_order_release);
    return &slot->entries[count];
}

bool tally_is_named(const char *name)
{
    unsigned count = atomic_load_explicit(&tally_here->entry_count, memory_order_relaxed);

    for (unsigned i = 0; i < count; i++) {
        if (strcmp(tally_here->entries[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

struct tally_child *tally_child(const char *name, unsigned likely)
{
    return &tally_entry(name, likely)->child;
}

void tally_forget_configured(void)
{
    unsigned count = atomic_load_explicit(&tally_here->entry_count, memory_order_relaxed);

    for (unsigned i = 0; i < count; i++) {
        counter_set(&tally_here->entries[i].configured, TALLY_UNCONFIGURED);
    }
}

void tally_configured(const char *name, bool enabled)
{
    counter_set(&tally_entry(name, TALLY_CHILDREN)->configured,
                enabled ? TALLY_ENABLED : TALLY_DISABLED);
}

void tally_reply_time(struct tally_child *child, enum command stage, double seconds)
{
    struct tally_times *times = &child->replies[stage];
    unsigned bucket = 0;

    while (bucket < TALLY_BOUNDS && seconds > tally_bounds[bucket]) {
        bucket++;
    }
    counter_increment(&times->buckets[bucket]);
    if (seconds > 0) {
        counter_add(&times->nanoseconds, (uint64_t)(seconds * 1e9));
    }
}
