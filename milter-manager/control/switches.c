/*
 * switches - children the operator has switched off, in shared memory.
 *
 * One process writes, all read: a name is complete before its entry counts.
 */
#include "milter-manager/control/switches.h"

#include "libcore/base/memory.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct switches {
    uint32_t layout;   /* SWITCHES_LAYOUT: another program may have made it */
    atomic_uint count; /* entries with a name; they stay */
    struct {
        char name[SWITCHES_NAME];
        atomic_bool off;
    } entries[SWITCHES_MAXIMUM];
};

static const uint32_t SWITCHES_LAYOUT = 0x6d6d0001;

static struct switches *switches;
static int switches_fd = -1;

/* False: switches is NULL. */
static bool switches_map(int fd)
{
    switches = mmap(NULL, sizeof(struct switches), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (switches == MAP_FAILED) {
        switches = NULL;
    }
    return switches != NULL;
}

void switches_open(void)
{
    if (switches != NULL) {
        return;
    }
    switches_fd = memfd_create("milter-manager-switches", MFD_CLOEXEC);
    if (switches_fd < 0 || ftruncate(switches_fd, sizeof(struct switches)) != 0 ||
        !switches_map(switches_fd)) {
        switches = memory_new_shared(sizeof(struct switches)); /* an upgrade forgets it */
    }
    switches->layout = SWITCHES_LAYOUT;
}

bool switches_adopt(int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0 || status.st_size != (off_t)sizeof(struct switches)) {
        return false;
    }
    if (!switches_map(fd) || switches->layout != SWITCHES_LAYOUT) {
        switches = NULL;
        return false;
    }
    switches_fd = fd;
    return true;
}

int switches_descriptor(void)
{
    return switches_fd;
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
