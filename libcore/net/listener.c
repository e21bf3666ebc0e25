/*
 * listener - a listening socket in the event loop.
 *
 * Owns the descriptor and, for unix sockets, the path it made.  Never removes a
 * path that is not its own socket or a dead one, never waits before accepting
 * again: when to resume is the owner's decision.
 */
#include "libcore/net/listener.h"

#include "libcore/base/file.h"
#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Connections taken per readiness event, so that a flood leaves time for the accepted ones. */
enum { ACCEPT_BATCH = 32 };

struct listener {
    struct loop *loop;
    struct loop_io *io;
    int fd;
    struct socket_address address;
    listener_accepted_fn *accepted;
    listener_exhausted_fn *exhausted;
    listener_willing_fn *willing; /* NULL: always */
    void *owner;
    char *path; /* of a unix socket, from everywhere: a daemon leaves its directory */
    bool remove_path;
    dev_t device; /* of the socket's path: another process may have put its own there since */
    ino_t inode;
    int batch; /* connections taken per readiness event */
    bool suspended;
    bool busy; /* accepting: free later */
    bool dead;
};

static const char *address_path(const struct socket_address *address)
{
    const struct sockaddr_un *unix_address = (const void *)&address->storage;

    return address->storage.ss_family == AF_UNIX ? unix_address->sun_path : NULL;
}

static const struct sockaddr *address_raw(const struct socket_address *address)
{
    return (const void *)&address->storage;
}

/* Unix socket paths. */

/* True when the path is free now. */
static bool remove_dead_socket(const struct socket_address *address,
                               const struct listener_options *options, struct error *error)
{
    const char *path = address_path(address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int status = fd < 0 ? -1 : connect(fd, address_raw(address), address->length);
    int reason = errno;

    if (fd >= 0) {
        close(fd);
    }
    /* A full backlog is a sign of life, too. */
    if (status == 0 || reason == EAGAIN) {
        error_set(error, ERROR_SYSTEM, "unix socket is in use by another process: <%s>", path);
        return false;
    }
    if (reason != ECONNREFUSED) {
        errno = reason;
        error_set_errno(error, "failed to find out whether unix socket is in use: <%s>", path);
        return false;
    }
    if (!options->remove_unix_socket_on_create) {
        error_set(error, ERROR_SYSTEM,
                  "unix socket exists, nobody uses it, and removing it is not allowed: <%s>", path);
        return false;
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        error_set_errno(error, "failed to remove unused unix socket: <%s>", path);
        return false;
    }
    return true;
}

static bool check_directory(const char *path, struct error *error)
{
    const char *slash = strrchr(path, '/');
    struct stat status;

    if (slash == NULL || slash == path) {
        return true;
    }
    char *directory = memory_copy_bytes(path, (size_t)(slash - path));
    bool found = stat(directory, &status) == 0;
    if (!found) {
        error_set_errno(error, "directory of unix socket is not usable: <%s>", directory);
    } else if (!S_ISDIR(status.st_mode)) {
        error_set(error, ERROR_SYSTEM, "directory of unix socket is not a directory: <%s>",
                  directory);
        found = false;
    }
    free(directory);
    return found;
}

static bool make_path_free(const struct socket_address *address,
                           const struct listener_options *options, struct error *error)
{
    const char *path = address_path(address);
    struct stat status;

    if (!check_directory(path, error)) {
        return false;
    }
    if (lstat(path, &status) != 0) {
        if (errno == ENOENT) {
            return true;
        }
        error_set_errno(error, "failed to look at path of unix socket: <%s>", path);
        return false;
    }
    if (!S_ISSOCK(status.st_mode)) {
        error_set(error, ERROR_SYSTEM, "path exists and is not a socket: <%s>", path);
        return false;
    }
    return remove_dead_socket(address, options, error);
}

/* manager-semantics section 15: a wrong group is logged, it does not keep the program down. */
static void set_group(const char *path, const char *name)
{
    struct error error = {0};
    gid_t group = 0;

    if (!process_find_group(name, &group, &error)) {
        log_error("[listener][unix][group][error] <%s>: %s", path, error.message);
    } else if (chown(path, (uid_t)-1, group) != 0) {
        log_error("[listener][unix][group][error] failed to change group: <%s>: <%s>: %s", path,
                  name, strerror(errno));
    }
}

/* From now on the path is what it is now, or not ours. */
static void note_path(struct listener *listener)
{
    struct stat status;

    listener->path = file_absolute_path(address_path(&listener->address));
    if (lstat(listener->path, &status) == 0) {
        listener->device = status.st_dev;
        listener->inode = status.st_ino;
        listener->remove_path = true;
    }
}

static bool finish_path(struct listener *listener, const struct listener_options *options,
                        struct error *error)
{
    const char *path = address_path(&listener->address);

    note_path(listener);
    if (options->unix_socket_group != NULL) {
        set_group(path, options->unix_socket_group);
    }
    if (chmod(path, options->unix_socket_mode) != 0) {
        error_set_errno(error, "failed to set mode %o of unix socket: <%s>",
                        options->unix_socket_mode, path);
        return false;
    }
    listener->remove_path = options->remove_unix_socket_on_close;
    return true;
}

/* Opening. */

static bool bind_address(struct listener *listener, struct error *error)
{
    const struct socket_address *address = &listener->address;
    char text[SOCKET_ADDRESS_TEXT];
    const int on = 1;
    /* Nobody gets in before group and mode are set. */
    mode_t mask = umask(0177);

    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    int status = bind(listener->fd, address_raw(address), address->length);
    umask(mask);
    if (status != 0) {
        error_set_errno(error, "failed to bind to <%s>", socket_address_format(address, text));
    }
    return status == 0;
}

static bool open_socket(struct listener *listener, const struct listener_options *options,
                        struct error *error)
{
    char text[SOCKET_ADDRESS_TEXT];
    bool is_unix = address_path(&listener->address) != NULL;
    int backlog = options->backlog > 0 ? options->backlog : SOMAXCONN;

    if (is_unix && !make_path_free(&listener->address, options, error)) {
        return false;
    }
    listener->fd =
        socket(listener->address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0) {
        error_set_errno(error, "failed to create a socket for <%s>",
                        socket_address_format(&listener->address, text));
        return false;
    }
    if (!bind_address(listener, error) || (is_unix && !finish_path(listener, options, error))) {
        return false;
    }
    if (listen(listener->fd, backlog) != 0) {
        error_set_errno(error, "failed to listen on <%s>",
                        socket_address_format(&listener->address, text));
        return false;
    }
    return true;
}

/* Accepting. */

static bool out_of_resources(int error_number)
{
    return error_number == EMFILE || error_number == ENFILE || error_number == ENOBUFS ||
           error_number == ENOMEM;
}

/* False when there is nothing more to accept now. */
static bool accept_one(struct listener *listener)
{
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        listener->accepted(listener->owner, fd);
        return true;
    }
    if (out_of_resources(errno)) {
        int reason = errno;
        listener_suspend(listener);
        listener->exhausted(listener->owner, reason);
        return false;
    }
    /* Anything else is the misfortune of one connection (accept(2)). */
    return errno != EAGAIN && errno != EWOULDBLOCK;
}

static void on_readable(void *owner, unsigned events)
{
    struct listener *listener = owner;

    (void)events;
    if (listener->willing != NULL && !listener->willing(listener->owner)) {
        return;
    }
    listener->busy = true;
    for (int i = 0; i < listener->batch && !listener->suspended && !listener->dead; i++) {
        if (!accept_one(listener)) {
            break;
        }
    }
    listener->busy = false;
    if (listener->dead) {
        free(listener);
    }
}

static struct listener *listener_create(struct loop *loop, listener_accepted_fn *accepted,
                                        listener_exhausted_fn *exhausted, void *owner)
{
    struct listener *listener = NEW(struct listener);

    listener->loop = loop;
    listener->fd = -1;
    listener->batch = ACCEPT_BATCH;
    listener->accepted = accepted;
    listener->exhausted = exhausted;
    listener->owner = owner;
    return listener;
}

/* NULL, and the listener is gone, when it could not be opened. */
static struct listener *listener_watch(struct listener *listener, bool opened)
{
    if (!opened) {
        listener_free(listener);
        return NULL;
    }
    listener->io = loop_io_new(listener->loop, listener->fd, on_readable, listener);
    loop_io_watch(listener->io, LOOP_READ);
    return listener;
}

struct listener *listener_new(struct loop *loop, const struct socket_address *address,
                              const struct listener_options *options,
                              listener_accepted_fn *accepted, listener_exhausted_fn *exhausted,
                              void *owner, struct error *error)
{
    struct listener *listener = listener_create(loop, accepted, exhausted, owner);

    listener->address = *address;
    return listener_watch(listener, open_socket(listener, options, error));
}

static bool adopt_socket(struct listener *listener, const struct listener_options *options,
                         struct error *error)
{
    struct socket_address *address = &listener->address;
    int listening = 0, type = 0;
    socklen_t size = sizeof(listening), type_size = sizeof(type);

    address->length = sizeof(address->storage);
    if (getsockopt(listener->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 ||
        getsockopt(listener->fd, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0 ||
        getsockname(listener->fd, (struct sockaddr *)&address->storage, &address->length) != 0) {
        error_set_errno(error, "the descriptor handed over is no socket: %d", listener->fd);
        return false;
    }
    if (listening == 0 || type != SOCK_STREAM) {
        error_set(error, ERROR_USAGE,
                  "the socket handed over is no listening stream socket (ListenStream=): %d",
                  listener->fd);
        return false;
    }
    if (fcntl(listener->fd, F_SETFL, fcntl(listener->fd, F_GETFL) | O_NONBLOCK) != 0 ||
        fcntl(listener->fd, F_SETFD, FD_CLOEXEC) != 0) {
        error_set_errno(error, "cannot use the socket handed over: %d", listener->fd);
        return false;
    }
    if (address_path(address) != NULL) {
        note_path(listener);
        listener->remove_path = listener->remove_path && options->remove_unix_socket_on_close;
    }
    return true;
}

struct listener *listener_adopt(struct loop *loop, int fd, const struct listener_options *options,
                                listener_accepted_fn *accepted, listener_exhausted_fn *exhausted,
                                void *owner, struct error *error)
{
    struct listener *listener = listener_create(loop, accepted, exhausted, owner);

    listener->fd = fd;
    return listener_watch(listener, adopt_socket(listener, options, error));
}

const struct socket_address *listener_address(const struct listener *listener)
{
    return &listener->address;
}

int listener_socket(const struct listener *listener)
{
    return listener->fd;
}

void listener_share(struct listener *listener, listener_willing_fn *willing)
{
    listener->batch = 1;
    listener->willing = willing;
}

void listener_suspend(struct listener *listener)
{
    listener->suspended = true;
    loop_io_watch(listener->io, 0);
}

void listener_resume(struct listener *listener)
{
    listener->suspended = false;
    loop_io_watch(listener->io, LOOP_READ);
}

bool listener_change_owner(struct listener *listener, uid_t user, gid_t group)
{
    return listener->path == NULL || chown(listener->path, user, group) == 0;
}

void listener_keep_path(struct listener *listener)
{
    listener->remove_path = false;
    free(listener->path);
    listener->path = NULL;
}

static void remove_own_path(const struct listener *listener)
{
    const char *path = listener->path;
    struct stat status;

    if (lstat(path, &status) == 0 && status.st_dev == listener->device &&
        status.st_ino == listener->inode && unlink(path) != 0) {
        log_warning("[listener][unix][remove][error] failed to remove unix socket: <%s>: %s", path,
                    strerror(errno));
    }
}

void listener_free(struct listener *listener)
{
    if (listener == NULL || listener->dead) {
        return;
    }
    loop_io_free(listener->io);
    if (listener->remove_path) {
        remove_own_path(listener);
    }
    if (listener->fd >= 0) {
        close(listener->fd);
    }
    free(listener->path);
    listener->path = NULL;
    listener->dead = true;
    if (!listener->busy) {
        free(listener);
    }
}
