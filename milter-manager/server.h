/*
 * server - the daemon at work: the listening socket, its sessions, reload and
 * shutdown (manager-semantics section 15).
 */
#ifndef MILTER_MANAGER_SERVER_H
#define MILTER_MANAGER_SERVER_H

#include "libcore/base/error.h"
#include "libcore/net/loop.h"
#include "milter-manager/options.h"

struct server;

/*
 * Takes over the reference to configuration and listens.  NULL with *error when
 * it cannot.  options must outlive the server.
 */
struct server *server_new(struct loop *loop, const struct manager_options *options,
                          struct configuration *configuration, struct error *error);
/* The unix socket's owner becomes the user that will run the daemon; only as root. */
bool server_give_socket_to(struct server *server, uid_t user, gid_t group);
/* Handles TERM, INT, HUP and USR1 from now on; call it after daemonising. */
void server_handle_signals(struct server *server);
/* Every session is over when the loop stops; closes what is left. */
void server_free(struct server *server);

/* log.* of a configuration take effect; what is not assigned stays. */
void server_apply_log(const struct configuration *configuration);

#endif
