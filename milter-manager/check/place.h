/*
 * place - where the program listens and writes: would it be able to?
 */
#ifndef MILTER_MANAGER_CHECK_PLACE_H
#define MILTER_MANAGER_CHECK_PLACE_H

#include "milter-manager/check/check.h"

/* With the rights of the start: manager.connection_spec, controller.connection_spec. */
void place_check_listening(struct check *check);
/* With the rights of the running daemon: pid file, log file, recorded sessions. */
void place_check_files(struct check *check);

#endif
