/*
 * listener - a listening socket in the event loop.
 */
#ifndef LIBCORE_NET_LISTENER_H
#define LIBCORE_NET_LISTENER_H

#include "libcore/base/error.h"
#include "libcore/net/connection_spec.h"
#include "libcore/net/loop.h"

#include <sys/types.h>

struct listener;

struct listener_options {
    unsigned unix_socket_mode;     /* e.g. 0660 */
    const char *unix_socket_group; /* NULL: unchanged */
    bool remove_unix_socket_on_create;
    bool remove_unix_socket_on_close;
    int backlog; /* 0: SOMAXCONN */
};

/* fd: non-blocking, close-on-exec, now the callee's. */
typedef void listener_accepted_fn(void *owner, int fd);
/*
 * accept() failed for lack of descriptors or memory; accepting is suspended
 * until listener_resume.
 */
typedef void listener_exhausted_fn(void *owner, int error_number);

/*
 * Binds and listens.  A stale unix socket path: connect first: refused ->
 * removed (when remove_unix_socket_on_create); accepted -> error; not a socket
 * -> error (manager-semantics section 18).
 */
struct listener *listener_new(struct loop *loop, const struct socket_address *address,
                              const struct listener_options *options,
                              listener_accepted_fn *accepted, listener_exhausted_fn *exhausted,
                              void *owner, struct error *error);
/*
 * Takes over fd, a listening stream socket that somebody else has made: a
 * service manager, or this program before it was executed anew.  The path of a
 * unix socket is only removed at the end with remove_unix_socket_on_close.
 */
struct listener *listener_adopt(struct loop *loop, int fd, const struct listener_options *options,
                                listener_accepted_fn *accepted, listener_exhausted_fn *exhausted,
                                void *owner, struct error *error);
/* The address it listens on. */
const struct socket_address *listener_address(const struct listener *listener);
/* The descriptor, to be handed over; stays the listener's. */
int listener_socket(const struct listener *listener);
/*
 * Other processes accept on the same socket: one connection at a time is taken,
 * and none when willing says false; it has suspended the listener then.
 */
typedef bool listener_willing_fn(void *owner);
void listener_share(struct listener *listener, listener_willing_fn *willing);
void listener_suspend(struct listener *listener);
void listener_resume(struct listener *listener);
/* The unix socket's owner, before privileges are dropped; false with errno set. */
bool listener_change_owner(struct listener *listener, uid_t user, gid_t group);
/* The socket's path is another process' to remove and to give away, from now on. */
void listener_keep_path(struct listener *listener);
/* Closes; removes the unix socket when so configured. */
void listener_free(struct listener *listener);

#endif
