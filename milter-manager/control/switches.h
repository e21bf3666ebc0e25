/*
 * switches - children the operator has switched off while the manager runs, in
 * memory that all its processes share.
 *
 * Switching off is not configuration: it lasts until it is taken back or the
 * manager is started anew, over reloads and upgrades, and new sessions obey it at
 * once.
 */
#ifndef MILTER_MANAGER_CONTROL_SWITCHES_H
#define MILTER_MANAGER_CONTROL_SWITCHES_H

#include <stdbool.h>

enum { SWITCHES_MAXIMUM = 256, SWITCHES_NAME = 256 };

/* Once, before the first process is forked. */
void switches_open(void);
/*
 * In place of it, in a program executed anew: the descriptor of the former one.
 * False: it is none, or of a program that kept them otherwise; it stays the
 * caller's.
 */
bool switches_adopt(int fd);
/* For that, close-on-exec; -1: there is none. */
int switches_descriptor(void);
/* Only one process calls it.  False: there is no room or the name is too long. */
bool switches_disable(const char *child);
void switches_enable(const char *child);
/* False as well when switches_open was not called. */
bool switches_disabled(const char *child);

#endif
