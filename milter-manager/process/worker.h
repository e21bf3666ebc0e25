/*
 * worker - what a process that a master has forked does: sessions, and what the
 * master asks or tells it.
 */
#ifndef MILTER_MANAGER_PROCESS_WORKER_H
#define MILTER_MANAGER_PROCESS_WORKER_H

#include "milter-manager/server.h"

/* channel: the worker's end, taken over; -1: none.  Returns when the last session is over. */
void worker_run(struct loop *loop, struct server *server, unsigned number, int channel);

#endif
