/*
 * control - status, metrics and commands over HTTP on controller.connection_spec.
 *
 * It knows nothing of processes: struct control_host answers for all of them.
 */
#ifndef MILTER_MANAGER_CONTROL_CONTROL_H
#define MILTER_MANAGER_CONTROL_CONTROL_H

#include "libcore/base/error.h"
#include "libcore/net/loop.h"
#include "milter-manager/config/configuration.h"

#include <jansson.h>
#include <sys/types.h>
#include <time.h>

struct control;

/* reports: an array with one report (report.h) for each process that has answered; the callee's. */
typedef void control_collected_fn(void *owner, json_t *reports);

enum control_state {
    CONTROL_STARTING,
    CONTROL_RUNNING, /* sessions are taken */
    CONTROL_STOPPING,
};

struct control_host {
    /* The configuration in force. */
    struct configuration *(*configuration)(void *owner);
    /* As HUP does; false with *error: the configuration stays as it was. */
    bool (*reload)(void *owner, struct error *error);
    /* When the last reload has failed, and why: *sentence is the host's.  0: it has not. */
    time_t (*mishap)(void *owner, const char **sentence);
    /*
     * Asks every process for its report; collected is called once, at the latest after a second,
     * perhaps at once.  Several may be on their way.
     */
    void (*collect)(void *owner, control_collected_fn *collected, void *collected_owner);
    enum control_state (*state)(void *owner);
};

/*
 * Listens on configuration->controller.*, or on inherited, an open listening socket, unless it
 * is -1.  NULL with *error when it cannot; that is no reason not to filter mail.  listen: where
 * mail is taken, to be shown.
 */
struct control *control_new(struct loop *loop, const struct configuration *configuration,
                            int inherited, const char *listen, const struct control_host *host,
                            void *owner, struct error *error);
/* How many descriptors it may need in all, with the connections it takes. */
unsigned control_descriptors(const struct control *control);
/* The unix socket's owner, before privileges are dropped; false with errno set. */
bool control_give_socket_to(struct control *control, uid_t user);
/* The listening socket, for the next program; stays the control's.  -1: it is closed. */
int control_socket(const struct control *control);
/*
 * Another process goes on with the socket: its path stays, no more connections are accepted here,
 * and those that are there end after the answer that is due.
 */
void control_leave_socket(struct control *control);
/* Closes it; requests that have come are answered. */
void control_close(struct control *control);
/* A process that has been forked does without it: closes what it has of it. */
void control_abandon(struct control *control);
void control_free(struct control *control);

#endif
