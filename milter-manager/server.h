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
 * Takes over the reference to configuration and listens, on inherited, an open
 * listening socket, unless it is -1.  NULL with *error when it cannot.  options
 * must outlive the server.  No connection is taken before server_serve.
 */
struct server *server_new(struct loop *loop, const struct manager_options *options,
                          struct configuration *configuration, int inherited, struct error *error);
/* The unix socket's owner becomes the user that will run the daemon; only as root. */
bool server_give_socket_to(struct server *server, uid_t user, gid_t group);
/*
 * Takes connections from now on.  alone: no other process accepts on the socket;
 * otherwise its path is left to the process that made it.
 */
void server_serve(struct server *server, bool alone);
/* In force: that of the last load that went well; the server's. */
struct configuration *server_configuration(const struct server *server);
/*
 * Loads the configuration aside and puts it in force; running sessions stay with
 * theirs.  False with *error, which was logged: everything is as it was.
 */
bool server_reload(struct server *server, struct error *error);
/*
 * No connection is taken any more; the loop stops once the last session is over,
 * or manager.shutdown_timeout has passed.
 */
void server_stop(struct server *server, const char *reason);
/* Only closes the socket: of a master that serves nobody itself. */
void server_close(struct server *server);
/* So many descriptors are not for sessions. */
void server_reserve_descriptors(struct server *server, unsigned count);
/* The listening socket, -1 while stopping; it stays the server's. */
int server_socket(const struct server *server);
/* Another process goes on with the socket: its path stays when it is closed here. */
void server_leave_socket(struct server *server);
/* Every session is over when the loop stops; closes what is left. */
void server_free(struct server *server);

/* When the last reload has failed, 0: it has not; *sentence is the server's. */
time_t server_mishap(const struct server *server, const char **sentence);
double server_uptime(const struct server *server); /* s */
unsigned server_session_count(const struct server *server);
/* The MTA's connections, the oldest one first, until visit returns false. */
typedef bool server_visit_fn(void *owner, const struct front *front);
void server_each_front(const struct server *server, server_visit_fn *visit, void *owner);

/* log.* of a configuration take effect; what is not assigned stays. */
void server_apply_log(const struct configuration *configuration);

#endif
