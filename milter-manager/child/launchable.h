/*
 * launchable - what is run to start a child: its command line in words, and as
 * whom (manager-semantics section 13).
 *
 * Shared by the launcher, which runs it, and --check-config, which looks whether
 * that would do.
 */
#ifndef MILTER_MANAGER_CHILD_LAUNCHABLE_H
#define MILTER_MANAGER_CHILD_LAUNCHABLE_H

#include "libcore/base/arena.h"
#include "libcore/base/error.h"
#include "libcore/net/process.h"
#include "milter-manager/config/configuration.h"

#include <limits.h>

struct launchable {
    const char *name;    /* of the child */
    const char *command; /* command, a blank, command_options */
    const char *user;    /* empty: stays root */
    char **words;        /* for execv */
    double startup_time; /* s */
};

/*
 * It has a command of the administrator.  What detection has found is the
 * system's to start, and does not count.
 */
bool launchable_is(const struct configuration_child *child);
/* Everything is copied to the arena.  False when there is no program in the command. */
bool launchable_make(struct launchable *launchable, const struct configuration_child *child,
                     struct arena *arena, struct error *error);
/* Command, blank and options as one line, in the arena. */
const char *launchable_line(const struct configuration_child *child, struct arena *arena);
/*
 * Where the program is: a name without '/' is looked for in launchable_path,
 * anything else is meant from / on.  False: there is none that this process may
 * execute.
 */
bool launchable_find(const struct launchable *launchable, char path[PATH_MAX], struct error *error);
/* As whom.  False: the user is not in the user database. */
bool launchable_find_user(const struct launchable *launchable, struct process_user *user,
                          struct error *error);

/* PATH of what is run. */
extern const char launchable_path[];

#endif
