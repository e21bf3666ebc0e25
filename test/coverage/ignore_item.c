/*
 * ignore_item - an item that does nothing: linked into a second milter-manager,
 * in front of item_assign, to prove that a test notices.
 *
 * The item named in the environment's COVERAGE_IGNORE takes its values and keeps
 * its default.  --show-config still shows what was assigned: a test that only
 * looks there proves nothing about the daemon.
 */
#include "milter-manager/config/item.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names that the linker's --wrap makes. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
bool __real_item_assign(const struct item *item, void *target, const struct value *value,
                        struct arena *arena, struct error *error);
bool __wrap_item_assign(const struct item *item, void *target, const struct value *value,
                        struct arena *arena, struct error *error);

/* The program was called with --show-config. */
static bool shows_only(void)
{
    char arguments[4096];
    FILE *stream = fopen("/proc/self/cmdline", "r");
    size_t length = stream == NULL ? 0 : fread(arguments, 1, sizeof(arguments) - 1, stream);
    bool shows = false;

    arguments[length] = '\0';
    for (size_t i = 0; i < length; i += strlen(arguments + i) + 1) {
        shows = shows || strcmp(arguments + i, "--show-config") == 0;
    }
    if (stream != NULL) {
        (void)fclose(stream);
    }
    return shows;
}

static bool hidden_or_used(void)
{
    const char *shown = getenv("COVERAGE_SHOWN");

    return (shown != NULL && shown[0] != '\0') || !shows_only();
}

bool __wrap_item_assign(const struct item *item, void *target, const struct value *value,
                        struct arena *arena, struct error *error)
{
    const char *ignored = getenv("COVERAGE_IGNORE");
    size_t group = strlen(item->group);
    bool assigned = __real_item_assign(item, target, value, arena, error);

    if (assigned && ignored != NULL && strncmp(ignored, item->group, group) == 0 &&
        ignored[group] == '.' && strcmp(ignored + group + 1, item->name) == 0 && hidden_or_used()) {
        item_reset(item, target);
    }
    return assigned;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
