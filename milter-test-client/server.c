/*
 * server - listens, keeps the sessions, stops in order.
 *
 * Owns the listener, the sessions and the signals.  Sessions that are over are
 * freed together before the loop sleeps.
 */
#include "milter-test-client/server.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "milter-test-client/memory_profile.h"
#include "milter-test-client/output.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static const double exhausted_seconds = 1; /* before accepting is tried again */
static const int stop_signals[] = {SIGINT, SIGTERM};

enum { STOP_SIGNALS = sizeof(stop_signals) / sizeof(stop_signals[0]) };

struct server {
    struct loop *loop;
    const struct server_options *options;
    struct listener *listener; /* NULL: stopping */
    struct loop_timer *resume;
    struct loop_signal *signals[STOP_SIGNALS];
    struct session *finished;
    unsigned finished_count;
    unsigned running_count;
    unsigned long total_count;
    _Atomic unsigned long *numbers; /* sessions begun, in all processes that share the server */
    bool detached;
};

static void server_profile_memory(const struct server *server, unsigned long sessions)
{
    struct buffer text = {0};

    if (server->options->memory_profile) {
        if (server->options->session.format == SESSION_FORMAT_SESSION) {
            buffer_append_string(&text, "# "); /* a comment there */
        }
        memory_profile_append(&text, sessions,
                              server->options->session.format == SESSION_FORMAT_JSON);
        output_append(buffer_slice(&text));
        buffer_clear(&text);
    }
}

static void server_dispose(struct server *server)
{
    unsigned long sessions = server->total_count;

    if (server->finished_count == 0) {
        return;
    }
    server->total_count += server->finished_count;
    log_info("[sessions][finished] %lu(+%u) %u", server->total_count, server->finished_count,
             server->running_count);
    while (server->finished != NULL) {
        struct session *session = server->finished;

        server->finished = *session_next(session);
        session_free(session);
        server_profile_memory(server, ++sessions);
    }
    server->finished_count = 0;
}

static void server_before_sleep(void *owner)
{
    server_dispose(owner);
    output_flush();
    log_flush();
}

static void session_ended(void *owner, struct session *session)
{
    struct server *server = owner;
    unsigned maximum = server->options->max_pending_finished_sessions;

    /* The one that ends right now may still be in use: only those before it go. */
    if (maximum > 0 && server->finished_count >= maximum) {
        server_dispose(server);
    }
    *session_next(session) = server->finished;
    server->finished = session;
    server->finished_count++;
    server->running_count--;
    if (server->listener == NULL && server->running_count == 0) {
        loop_stop(server->loop);
    }
}

void server_complain(struct server *server, const char *sentence)
{
    if (server->detached) {
        log_error("[client][error] %s", sentence);
    } else {
        log_info("[client][error] %s", sentence);
        fprintf(stderr, "milter-test-client: %s\n", sentence);
    }
}

static void session_complains(void *owner, const char *sentence)
{
    server_complain(owner, sentence);
}

static unsigned long session_number(void *owner)
{
    const struct server *server = owner;

    return ++*server->numbers;
}

static const struct session_handlers session_handlers = {
    .ended = session_ended,
    .complain = session_complains,
    .number = session_number,
};

static void server_accepted(void *owner, int fd)
{
    struct server *server = owner;

    server->running_count++;
    (void)session_new(server->loop, fd, &server->options->session, &session_handlers, server);
}

static void server_exhausted(void *owner, int error_number)
{
    struct server *server = owner;
    char sentence[256];

    (void)snprintf(sentence, sizeof(sentence),
                   "cannot accept a connection: %s; trying again in %g seconds",
                   strerror(error_number), exhausted_seconds);
    server_complain(server, sentence);
    loop_timer_start(server->resume, exhausted_seconds);
}

static void server_resume(void *owner)
{
    struct server *server = owner;

    if (server->listener != NULL) {
        listener_resume(server->listener);
    }
}

void server_close(struct server *server)
{
    listener_free(server->listener);
    server->listener = NULL;
}

/* Without its watcher a second signal of the same kind has its default action: death. */
static void server_stop(void *owner, int signal_number)
{
    struct server *server = owner;

    for (int i = 0; i < STOP_SIGNALS; i++) {
        if (stop_signals[i] == signal_number) {
            loop_signal_free(server->signals[i]);
            server->signals[i] = NULL;
        }
    }
    log_info("[client][stop] waiting for %u sessions", server->running_count);
    server_close(server);
    if (server->running_count == 0) {
        loop_stop(server->loop);
    }
}

struct server *server_new(struct loop *loop, const struct server_options *options,
                          struct error *error)
{
    struct server *server = NEW(struct server);

    server->loop = loop;
    server->options = options;
    server->numbers = mmap(NULL, sizeof(*server->numbers), PROT_READ | PROT_WRITE,
                           /* cppcheck-suppress invalidFunctionArg ; -1: there is no file */
                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (server->numbers == MAP_FAILED) {
        error_set_errno(error, "failed to share the number of sessions");
        free(server);
        return NULL;
    }
    server->listener = listener_new(loop, &options->address, &options->listener, server_accepted,
                                    server_exhausted, server, error);
    if (server->listener == NULL) {
        (void)munmap((void *)server->numbers, sizeof(*server->numbers));
        free(server);
        return NULL;
    }
    server->resume = loop_timer_new(loop, server_resume, server);
    log_info("[client][listen][start] <%s>", options->spec);
    return server;
}

bool server_change_owner(struct server *server, uid_t user, gid_t group)
{
    return listener_change_owner(server->listener, user, group);
}

void server_become_worker(struct server *server)
{
    loop_after_fork(server->loop);
    listener_keep_path(server->listener);
}

void server_detach(struct server *server)
{
    server->detached = true;
}

void server_prepare(struct server *server)
{
    for (int i = 0; i < STOP_SIGNALS; i++) {
        server->signals[i] = loop_signal_new(server->loop, stop_signals[i], server_stop, server);
    }
    loop_before_sleep(server->loop, server_before_sleep, server);
    srand48((long)time(NULL) ^ (long)getpid());
}

void server_run(struct server *server)
{
    loop_run(server->loop);
    server_before_sleep(server);
}

void server_free(struct server *server)
{
    for (int i = 0; i < STOP_SIGNALS; i++) {
        loop_signal_free(server->signals[i]);
    }
    listener_free(server->listener);
    loop_timer_free(server->resume);
    (void)munmap((void *)server->numbers, sizeof(*server->numbers));
    free(server);
}
