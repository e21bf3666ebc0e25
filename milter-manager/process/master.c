/*
 * master - the process that was started: signals, workers, upgrade, what the
 * service manager is told.
 *
 * Owns the crew and the upgrade under way.  A worker is forked in the middle of
 * the loop: there the master's watchers are taken out of it at once, and what
 * called loop_run goes on as a worker.
 */
#include "milter-manager/process/master.h"

#include "libcore/base/log.h"
#include "libcore/net/service.h"
#include "milter-manager/board.h"
#include "milter-manager/child/launching.h"
#include "milter-manager/control/report.h"
#include "milter-manager/control/switches.h"
#include "milter-manager/handover.h"
#include "milter-manager/process/crew.h"
#include "milter-manager/process/signals.h"
#include "milter-manager/process/upgrade.h"
#include "milter-manager/process/worker.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double master_status = 5.0; /* s between lines for the service manager */

struct master {
    struct loop *loop;
    struct server *server;
    struct controller *controller; /* NULL: there is none */
    const struct handover *handover;
    struct signals *signals;
    struct crew *crew;       /* NULL: it serves itself */
    struct upgrade *upgrade; /* under way */
    struct loop_timer *alive, *status;
    double watchdog; /* s between signs of life; 0: nobody waits for them */
    int stopping;    /* the signal that asked for it, or 0 */
    bool handed_over;
    int number, channel; /* in a worker: which one, and its end; -1 in the master */
};

/* ---- the service manager */

static void master_tell_status(void *owner)
{
    struct master *master = owner;
    unsigned generation = server_configuration(master->server)->generation;

    if (master->stopping != 0) {
        service_status("Stopping: %u sessions to finish first", board_sessions());
    } else {
        service_status("%u sessions, generation %u of the configuration", board_sessions(),
                       generation);
    }
    loop_timer_start(master->status, master_status);
}

static void master_tell_alive(void *owner)
{
    struct master *master = owner;

    service_alive();
    loop_timer_start(master->alive, master->watchdog);
}

static void master_begin_service(struct master *master)
{
    service_ready(getpid());
    master->watchdog = service_watchdog() / 3;
    if (master->watchdog > 0) {
        master_tell_alive(master);
    }
    if (getenv("NOTIFY_SOCKET") != NULL) {
        master_tell_status(master);
    }
}

/* ---- workers */

/* Takes everything of the master's out of the loop. */
static void master_clear(struct master *master)
{
    signals_free(master->signals);
    upgrade_free(master->upgrade);
    loop_timer_free(master->alive);
    loop_timer_free(master->status);
    crew_free(master->crew);
}

static void master_becomes_worker(void *owner, unsigned number, int channel)
{
    struct master *master = owner;

    master->number = (int)number;
    master->channel = channel;
    upgrade_abandon(master->upgrade); /* or it would hear the new process instead of the master */
    master->upgrade = NULL;
    controller_abandon(master->controller);
    master_clear(master);
    loop_stop(master->loop);
}

static void master_workers_gone(void *owner)
{
    const struct master *master = owner;

    loop_stop(master->loop);
}

/* ---- the end */

static void master_stopped(struct master *master)
{
    upgrade_free(master->upgrade);
    master->upgrade = NULL;
    if (!master->handed_over) {
        service_stopping();
    }
}

static void master_stop_workers(struct master *master, int number)
{
    const struct configuration *configuration = server_configuration(master->server);

    if (!crew_stopped(master->crew)) {
        const char *reason = strsignal(number);
        unsigned sessions = board_sessions();

        log_event(LOG_LEVEL_MESSAGE,
                  LOG_FIELDS(LOG_COUNT("sessions", sessions), LOG_TEXT("signal", reason)),
                  "[master][shutdown] %s: sessions to finish first: %u", reason, sessions);
        server_close(master->server);
    }
    /* After an upgrade they have heard TERM, whatever the master has. */
    crew_stop(master->crew, master->handed_over ? SIGTERM : number,
              configuration->manager.shutdown_timeout);
}

static void master_stop(void *owner, int number)
{
    struct master *master = owner;
    bool first = master->stopping == 0, again = master->stopping == number;

    if (first) {
        master_stopped(master);
    }
    master->stopping = number;
    if (master->handed_over && !first && !again) {
        return; /* what it asks for is under way, without a signal */
    }
    if (master->crew != NULL) {
        master_stop_workers(master, number);
    } else if (again) {
        signals_die(number);
    } else {
        server_stop(master->server, strsignal(number));
    }
}

/* ---- reload */

static bool master_reload_now(struct master *master, struct error *error)
{
    bool reloaded;

    if (master->stopping != 0) {
        error_set(error, ERROR_SYSTEM, "not now: this process is stopping");
        log_warning("[manager][reload] %s", error->message);
        return false;
    }
    upgrade_signal(master->upgrade, SIGHUP);
    service_reloading();
    reloaded = server_reload(master->server, error);
    if (reloaded && master->crew != NULL) {
        crew_signal(master->crew, SIGHUP);
    }
    service_ready(getpid());
    return reloaded;
}

static void master_reload(void *owner, int number)
{
    struct error error = {0};

    (void)number;
    (void)master_reload_now(owner, &error);
}

static void master_reopen_log(void *owner, int number)
{
    const struct master *master = owner;

    signals_reopen_log(owner, number);
    launching_log_reopened();
    upgrade_signal(master->upgrade, number);
    if (master->crew != NULL) {
        crew_signal(master->crew, number);
    }
}

/* ---- upgrade */

static void master_upgraded(void *owner, pid_t process, unsigned kept, const char *reason)
{
    struct master *master = owner;

    master->upgrade = NULL;
    if (process == 0) {
        log_error("[master][upgrade][error] the new process is not ready: %s; this one goes on",
                  reason);
        return;
    }
    log_message("[master][upgrade] process %ld takes over, this one finishes its sessions: %u",
                (long)process, board_sessions());
    master->handed_over = true;
    service_main_process(process);
    /* From here on the other one's word counts, and nobody else may say anything. */
    service_forget();
    loop_timer_stop(master->alive);
    loop_timer_stop(master->status);
    if ((kept & UPGRADE_KEPT_MILTER) != 0) {
        server_leave_socket(master->server);
    }
    if ((kept & UPGRADE_KEPT_CONTROLLER) != 0) {
        controller_leave_socket(master->controller);
    }
    controller_close(master->controller);
    master_stop(master, SIGTERM);
    master->stopping = SIGUSR2; /* a signal that comes is the first one */
}

enum { MASTER_SOCKETS = 4 };

/* What the new process gets; what is not there has no descriptor. */
static unsigned master_sockets(const struct master *master,
                               struct activation_socket sockets[MASTER_SOCKETS])
{
    const struct activation_socket all[MASTER_SOCKETS] = {
        {master->handover->milter_given ? UPGRADE_GIVEN_MILTER : UPGRADE_MILTER,
         server_socket(master->server)},
        {master->handover->controller_given ? UPGRADE_GIVEN_CONTROLLER : UPGRADE_CONTROLLER,
         controller_socket(master->controller)},
        {UPGRADE_LAUNCHER, launching_descriptor()},
        {UPGRADE_SWITCHES, switches_descriptor()},
    };
    unsigned count = 0;

    for (unsigned i = 0; i < MASTER_SOCKETS; i++) {
        if (all[i].fd >= 0) {
            sockets[count++] = all[i];
        }
    }
    return count;
}

static void master_upgrade(void *owner, int number)
{
    struct master *master = owner;
    struct activation_socket sockets[MASTER_SOCKETS];
    unsigned count = master_sockets(master, sockets);
    struct error error = {0};

    (void)number;
    if (master->stopping != 0 || master->upgrade != NULL) {
        log_warning("[master][upgrade] not now: %s",
                    master->stopping != 0 ? "this process is stopping"
                                          : "the new process of the last upgrade is not ready yet");
        return;
    }
    log_message("[master][upgrade] the program is executed anew");
    log_flush();
    master->upgrade = upgrade_start(master->loop, sockets, count, master_upgraded, master, &error);
    if (master->upgrade == NULL) {
        log_error("[master][upgrade][error] %s; this process goes on", error.message);
    }
}

/* ---- what the controller asks */

static bool master_reload_asked(void *owner, struct error *error)
{
    return master_reload_now(owner, error);
}

static bool master_is_stopping(void *owner)
{
    const struct master *master = owner;

    return master->stopping != 0;
}

static void master_collect(void *owner, control_collected_fn *collected, void *collected_owner)
{
    const struct master *master = owner;
    json_t *reports;

    if (master->crew != NULL) {
        crew_collect(master->crew, collected, collected_owner);
        return;
    }
    reports = json_array();
    (void)json_array_append_new(reports, report_of_process(master->server, -1));
    collected(collected_owner, reports);
}

/* ---- the whole */

static void master_begin(struct master *master)
{
    static const struct signal_handler handlers[] = {
        {SIGTERM, master_stop},       {SIGINT, master_stop},     {SIGHUP, master_reload},
        {SIGUSR1, master_reopen_log}, {SIGUSR2, master_upgrade}, {0, NULL},
    };
    static const struct crew_owner crew_owner = {
        .became_worker = master_becomes_worker,
        .gone = master_workers_gone,
    };
    static const struct controller_master controls = {
        .reload = master_reload_asked,
        .collect = master_collect,
        .stopping = master_is_stopping,
    };
    unsigned workers = server_configuration(master->server)->manager.n_workers;

    master->alive = loop_timer_new(master->loop, master_tell_alive, master);
    master->status = loop_timer_new(master->loop, master_tell_status, master);
    master->signals = signals_new(master->loop, handlers, master);
    signals_raise_early();
    signals_hold(SIG_UNBLOCK);
    if (workers > 0) {
        master->crew = crew_new(master->loop, workers, &crew_owner, master);
    } else {
        server_serve(master->server, true);
    }
    controller_begin(master->controller, &controls, master);
    master_begin_service(master);
}

enum master_outcome master_run(struct loop *loop, struct server *server,
                               struct controller *controller, const struct handover *handover,
                               bool *worker, struct error *error)
{
    struct master master = {
        .loop = loop,
        .server = server,
        .controller = controller,
        .handover = handover,
        .number = -1,
        .channel = -1,
    };
    enum master_outcome outcome = MASTER_DONE;

    master_begin(&master);
    loop_run(loop);
    *worker = master.number >= 0;
    if (*worker) {
        worker_run(loop, server, (unsigned)master.number, master.channel);
        return MASTER_DONE;
    }
    if (master.crew != NULL && !crew_ended_well(master.crew, error)) {
        outcome = MASTER_FAILED;
    }
    master_clear(&master);
    return outcome;
}
