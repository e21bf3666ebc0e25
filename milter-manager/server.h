/*
 * server - the daemon at work: the listening socket, its sessions, reload and
 * shutdown (manager-semantics section 15).
 */
#ifndef MILTER_MANAGER_SERVER_H
#define MILTER_MANAGER_SERVER_H

#include "libcore/base/error.h"
#include "libcore/net/loop.h"
#include "milter-manager/options.h"

#include <sys/types.h>
#include <time.h>

struct server;
struct front;

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

/* The configuration in force; the server's. */
struct configuration *server_configuration(const struct server *server);
/* Loads the configuration anew; false with *error, which is logged too: it stays as it was. */
bool server_reload(struct server *server, struct error *error);
/* When the last reload has failed, 0: it has not; *sentence is the server's. */
time_t server_mishap(const struct server *server, const char **sentence);
bool server_stopping(const struct server *server);
double server_uptime(const struct server *server); /* s */
unsigned server_session_count(const struct server *server);
/* The MTA's connections, the oldest one first, until visit returns false. */
typedef bool server_visit_fn(void *owner, const struct front *front);
void server_each_front(const struct server *server, server_visit_fn *visit, void *owner);

/* log.* of a configuration take effect; what is not assigned stays. */
void server_apply_log(const struct configuration *configuration);

#endif
