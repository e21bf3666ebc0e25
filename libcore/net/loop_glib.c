/*
 * loop_glib - a GSource that gives the event loop its turns.
 *
 * GLib polls the descriptor of libev's mechanism, which is ready as soon as one
 * of those in it is.  Three things no descriptor tells: changes that libev has not
 * taken to the kernel yet and tasks (the loop is restless, GLib must not
 * sleep), the first timer (its time is GLib's time-out), and signals: outside its
 * own sleep libev only makes a note of one, so the handler is replaced by one that
 * writes to a pipe as well, which GLib polls.
 *
 * Owns the source and the pipe, never the context.
 */
#include "libcore/net/loop_glib.h"

#include <stdlib.h>

#ifdef WITH_GLIB

#include "libcore/base/memory.h"
#include "libcore/net/loop_driver.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum {
    /* What callbacks leave to be done follows at once; then other sources get their turn. */
    TURNS = 2,
};

struct loop_glib;

struct loop_source {
    GSource source;
    struct loop *loop;
    struct loop_glib *glib;
};

struct loop_glib {
    struct loop_source *source; /* NULL: not attached */
    void *descriptor_tag;       /* of libev's; NULL: it is not known yet */
    void *wake_tag;
    int wake[2]; /* the pipe for signals */
};

/* ---- signals */

/* The end to write to, and 1; 0: none. */
static volatile sig_atomic_t wakes[NSIG];

static void on_signal(int signal_number)
{
    int saved = errno;
    sig_atomic_t wake = wakes[signal_number];

    loop_driven_feed_signal(signal_number);
    if (wake > 0) {
        (void)!write(wake - 1, "", 1);
    }
    errno = saved;
}

static void open_wake(struct loop_glib *glib)
{
    if (pipe2(glib->wake, O_NONBLOCK | O_CLOEXEC) != 0) {
        perror("no pipe for the signals of the event loop");
        abort();
    }
}

/* Those who wrote to the former pipe write to another one; 0: nowhere. */
static void redirect_wakes(sig_atomic_t former, sig_atomic_t next)
{
    for (int i = 0; i < NSIG; i++) {
        if (wakes[i] == former) {
            wakes[i] = next;
        }
    }
}

static void close_wake(int wake[2])
{
    for (int i = 0; i < 2; i++) {
        if (wake[i] >= 0) {
            (void)close(wake[i]);
        }
        wake[i] = -1;
    }
}

static void glib_signal_watched(void *data, int signal_number)
{
    const struct loop_glib *glib = data;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    wakes[signal_number] = glib->wake[1] + 1;
    (void)sigfillset(&action.sa_mask);
    (void)sigaction(signal_number, &action, NULL);
}

/* ---- the source */

static gboolean source_prepare(GSource *source, gint *timeout)
{
    struct loop *loop = ((struct loop_source *)source)->loop;
    double patience;

    *timeout = 0;
    if (!loop_driven_restless(loop)) {
        loop_driven_before_sleep(loop);
    }
    if (loop_driven_restless(loop)) {
        return TRUE;
    }
    patience = loop_driven_patience(loop);
    if (patience > INT_MAX / 1000) {
        *timeout = -1;
    } else if (patience > 0) {
        *timeout = (gint)(patience * 1000) + 1; /* not a moment before it is due */
    }
    return patience <= 0;
}

static gboolean source_check(GSource *source)
{
    const struct loop_source *own = (struct loop_source *)source;
    void *descriptor_tag = own->glib->descriptor_tag;

    return (descriptor_tag != NULL && g_source_query_unix_fd(source, descriptor_tag) != 0) ||
           g_source_query_unix_fd(source, own->glib->wake_tag) != 0 ||
           loop_driven_restless(own->loop) || loop_driven_patience(own->loop) <= 0;
}

static void empty_wake(const struct loop_glib *glib)
{
    char bytes[64];
    ssize_t count;

    do {
        count = read(glib->wake[0], bytes, sizeof(bytes));
    } while (count == (ssize_t)sizeof(bytes));
}

static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct loop_source *own = (struct loop_source *)source;
    struct loop *loop = own->loop;
    struct loop_glib *glib = own->glib;

    (void)callback;
    (void)data;
    /* Before the turn: what comes meanwhile wakes up once more. */
    if (g_source_query_unix_fd(source, glib->wake_tag) != 0) {
        empty_wake(glib);
    }
    for (int turn = 0; turn < TURNS && glib->source == own; turn++) {
        loop_driven_turn(loop);
        if (loop_driven_stopping(loop) || !loop_driven_restless(loop)) {
            break;
        }
    }
    if (glib->source == own && glib->descriptor_tag == NULL) {
        glib->descriptor_tag = g_source_add_unix_fd(source, loop_driven_descriptor(loop), G_IO_IN);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_functions = {
    .prepare = source_prepare,
    .check = source_check,
    .dispatch = source_dispatch,
};

static void attach(struct loop *loop, struct loop_glib *glib)
{
    GSource *source = g_source_new(&source_functions, sizeof(struct loop_source));

    glib->source = (struct loop_source *)source;
    glib->source->loop = loop;
    glib->source->glib = glib;
    g_source_set_name(source, "milter event loop");
    /* A loop_run within a callback of another needs turns as well. */
    g_source_set_can_recurse(source, TRUE);
    glib->wake_tag = g_source_add_unix_fd(source, glib->wake[0], G_IO_IN);
    (void)g_source_attach(source, NULL);
}

static void detach(struct loop_glib *glib)
{
    if (glib->source != NULL) {
        g_source_destroy(&glib->source->source);
        g_source_unref(&glib->source->source);
        glib->source = NULL;
        glib->descriptor_tag = NULL;
    }
}

/* ---- the driver */

static void glib_run(struct loop *loop, void *data)
{
    struct loop_glib *glib = data;

    /* Not earlier: a daemon has forked since, and must not share the context with its parent. */
    if (glib->source == NULL) {
        attach(loop, glib);
    }
    while (!loop_driven_stopping(loop)) {
        (void)g_main_context_iteration(NULL, TRUE);
    }
}

/* The pipe is the parent's as well: each would take the other's wake-ups. */
static void glib_forked(struct loop *loop, void *data)
{
    struct loop_glib *glib = data;
    int former[2] = {glib->wake[0], glib->wake[1]};
    bool attached = glib->source != NULL;

    detach(glib);
    open_wake(glib);
    redirect_wakes(former[1] + 1, glib->wake[1] + 1);
    close_wake(former);
    if (attached) {
        attach(loop, glib);
    }
}

static void glib_leave(void *data)
{
    struct loop_glib *glib = data;

    detach(glib);
    redirect_wakes(glib->wake[1] + 1, 0);
    close_wake(glib->wake);
}

static const struct loop_driver glib_driver = {
    .run = glib_run,
    .signal_watched = glib_signal_watched,
    .forked = glib_forked,
    .leave = glib_leave,
};

bool loop_glib_available(void)
{
    return true;
}

struct loop *loop_glib_new(void)
{
    struct loop_glib *glib = NEW(struct loop_glib);

    open_wake(glib);
    return loop_new_driven(&glib_driver, glib);
}

#else

bool loop_glib_available(void)
{
    return false;
}

struct loop *loop_glib_new(void)
{
    abort();
}

#endif
