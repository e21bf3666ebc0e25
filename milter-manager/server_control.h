/*
 * server_control - the controller of a manager that is one process: the server
 * answers for everything.
 */
#ifndef MILTER_MANAGER_SERVER_CONTROL_H
#define MILTER_MANAGER_SERVER_CONTROL_H

#include "milter-manager/server.h"

struct server_control;

/*
 * Listens on controller.connection_spec.  NULL: there is none, or it could not, which is logged
 * and no reason not to filter mail.  The functions below take NULL.
 */
struct server_control *server_control_new(struct loop *loop, struct server *server);
/* Descriptors to be kept free for it. */
unsigned server_control_descriptors(const struct server_control *control);
/* Before privileges are dropped; a failure is logged. */
void server_control_give_socket_to(struct server_control *control, uid_t user);
void server_control_free(struct server_control *control);

#endif
