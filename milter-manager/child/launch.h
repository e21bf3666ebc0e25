/*
 * launch - one program becomes a process of its own: session, directory, signals,
 * descriptors, environment and user are not those of whoever calls.
 */
#ifndef MILTER_MANAGER_CHILD_LAUNCH_H
#define MILTER_MANAGER_CHILD_LAUNCH_H

#include "milter-manager/child/launchable.h"

#include <sys/types.h>

/*
 * Runs it; output becomes its standard output and error, its standard input is
 * /dev/null, no other descriptor stays open in it.  Returns when the program
 * runs: its process number, or -1 with a sentence.  Needs root.
 */
pid_t launch_run(const struct launchable *launchable, int output, struct error *error);

#endif
