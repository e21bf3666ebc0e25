/*
 * controller - the controller of the whole manager: what its clients ask of the
 * server, the workers and the master (control/control.h).
 */
#ifndef MILTER_MANAGER_PROCESS_CONTROLLER_H
#define MILTER_MANAGER_PROCESS_CONTROLLER_H

#include "milter-manager/control/control.h"
#include "milter-manager/handover.h"
#include "milter-manager/server.h"

struct controller;

/* Who knows all processes. */
struct controller_master {
    bool (*reload)(void *owner, struct error *error);
    void (*collect)(void *owner, control_collected_fn *collected, void *collected_owner);
    bool (*stopping)(void *owner);
};

/*
 * Listens on controller.connection_spec, or on what was handed over for it.  NULL:
 * there is none, or it cannot be, which is logged and no reason not to filter
 * mail.  The functions below take NULL.
 */
struct controller *controller_new(struct loop *loop, struct server *server,
                                  const struct handover *handover);
/* The unix socket's owner, before privileges are dropped; a failure is logged. */
void controller_give_socket_to(struct controller *controller, uid_t user);
/* Sessions are taken from now on, and that one answers for all. */
void controller_begin(struct controller *controller, const struct controller_master *master,
                      void *owner);
/* The listening socket, for the next program; -1: there is none. */
int controller_socket(const struct controller *controller);
/* Another process goes on with the socket. */
void controller_leave_socket(struct controller *controller);
/* No request is taken any more; those that are here are answered. */
void controller_close(struct controller *controller);
/* In a process that was forked. */
void controller_abandon(struct controller *controller);
void controller_free(struct controller *controller);

#endif
