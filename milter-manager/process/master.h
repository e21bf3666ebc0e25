/*
 * master - the process that was started: signals, workers, upgrade, what the
 * service manager and the controller are told (manager-semantics section 15).
 *
 * With manager.n_workers = 0 it serves itself; otherwise it forks workers that
 * do, replaces those that die and adds up what they know.
 */
#ifndef MILTER_MANAGER_PROCESS_MASTER_H
#define MILTER_MANAGER_PROCESS_MASTER_H

#include "milter-manager/handover.h"
#include "milter-manager/process/controller.h"
#include "milter-manager/server.h"

enum master_outcome {
    MASTER_DONE,   /* stopped in order; nothing is left */
    MASTER_FAILED, /* *error says what went wrong at the end */
};

/*
 * Serves until it is told to stop; returns in the process that called it and,
 * when their work is done, in each worker.  The signals are held back
 * (signals_hold) until now.  *worker: this is a worker, and the controller, which may
 * be NULL, is gone.  handover: what the next program has to know of the sockets.
 */
enum master_outcome master_run(struct loop *loop, struct server *server,
                               struct controller *controller, const struct handover *handover,
                               bool *worker, struct error *error);

#endif
