/*
 * switches - children the operator has switched off, in shared memory.
 *
 * One process writes, all read: a name is complete before its entry counts.
 */
#include "milter-manager/control/switches.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct switches {
    atomic_uint count; /* entries with a name; they stay */
    struct {
        char name[SWITCHES_NAME];
        atomic_bool off;
    } entries[SWITCHES_MAXIMUM];
};

static struct switches *switches;

void switches_open(void)
{
    void *memory;

    if (switches != NULL) {
        return;
    }
    memory = mmap(NULL, sizeof(struct switches), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                  /* cppcheck-suppress invalidFunctionArg ; -1: there is no file */
                  -1, 0);
    if (memory == MAP_FAILED) {
        (void)fputs("out of memory\n", stderr);
        abort();
    }
    switches = memory;
}

/* Its index; the count: it has none. */
static unsigned switches_find(const char *child, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(switches->entries[i].name, child) == 0) {
            return i;
        }
    }
    return count;
}

/* A place whose name may be forgotten, for it is switched on; the count: none. */
static unsigned switches_idle(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (!atomic_load(&switches->entries[i].off)) {
            return i;
        }
    }
    return count;
}

bool switches_disable(const char *child)
{
    unsigned count = atomic_load(&switches->count), index = switches_find(child, count);

    if (strlen(child) >= SWITCHES_NAME) {
        return false;
    }
    if (index == count) {
        index = count < SWITCHES_MAXIMUM ? count : switches_idle(count);
        if (index == SWITCHES_MAXIMUM) {
            return false;
        }
        (void)snprintf(switches->entries[index].name, SWITCHES_NAME, "%s", child);
    }
    atomic_store(&switches->entries[index].off, true);
    if (index >= count) {
        atomic_store(&switches->count, count + 1);
    }
    return true;
}

void switches_enable(const char *child)
{
    unsigned count = atomic_load(&switches->count), index = switches_find(child, count);

    if (index < count) {
        atomic_store(&switches->entries[index].off, false);
    }
}

bool switches_disabled(const char *child)
{
    unsigned count = switches == NULL ? 0 : atomic_load(&switches->count), index;

    if (count == 0) {
        return false;
    }
    index = switches_find(child, count);
    return index < count && atomic_load(&switches->entries[index].off);
}
