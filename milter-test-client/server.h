/*
 * server - listens, keeps the sessions, stops in order (tools.md section 2).
 */
#ifndef MILTER_TEST_CLIENT_SERVER_H
#define MILTER_TEST_CLIENT_SERVER_H

#include "libcore/net/listener.h"
#include "milter-test-client/session.h"

struct server;

struct server_options {
    const char *spec; /* for messages */
    struct socket_address address;
    struct listener_options listener;
    struct session_options session;
    bool memory_profile;                    /* print the use of memory after each session */
    unsigned max_pending_finished_sessions; /* 0: as many as there are until the loop sleeps */
};

/* Listens from now on; NULL with *error when that fails.  options must outlive the server. */
struct server *server_new(struct loop *loop, const struct server_options *options,
                          struct error *error);
/* Gives the unix socket to the user that is to run the program. */
bool server_change_owner(struct server *server, uid_t user, gid_t group);
/* Tells the operator. */
void server_complain(struct server *server, const char *sentence);
/* In a forked process that serves as well; the socket's path stays the parent's. */
void server_become_worker(struct server *server);
/* Stops listening and removes the socket's path; running sessions go on. */
void server_close(struct server *server);
/* From now on complaints go to the log instead of standard error. */
void server_detach(struct server *server);
/* Takes over INT and TERM: a signal that comes from now on stops server_run in order. */
void server_prepare(struct server *server);
/* Runs until INT or TERM has come and the last session is over. */
void server_run(struct server *server);
void server_free(struct server *server);

#endif
