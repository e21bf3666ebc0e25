/*
 * master - the process that was started: signals, workers, upgrade, what the
 * service manager is told.
 *
 * Owns the workers and the channels to them.  A fork happens in the middle of
 * the loop: the child takes the master's watchers out of it at once, and what
 * called loop_run goes on as a worker.
 */
#include "milter-manager/process/master.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/service.h"
#include "libcore/net/workers.h"
#include "milter-manager/board.h"
#include "milter-manager/child/launching.h"
#include "milter-manager/control/metrics.h"
#include "milter-manager/control/report.h"
#include "milter-manager/control/switches.h"
#include "milter-manager/handover.h"
#include "milter-manager/process/channel.h"
#include "milter-manager/process/collection.h"
#include "milter-manager/process/signals.h"
#include "milter-manager/process/upgrade.h"
#include "milter-manager/process/worker.h"
#include "milter-manager/ruby/engine.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double master_burial = 0.02; /* s between looks after a worker that has hung up */
static const double master_look = 1.0;    /* s between looks after all */
static const double master_grace = 5.0;   /* s beyond shutdown_timeout for a worker that hangs */
static const double master_hearing = 5.0; /* s between questions whether workers answer */
static const double master_status = 5.0;  /* s between lines for the service manager */

struct master_worker {
    struct channel *channel; /* NULL: none */
    int ends[2];             /* between the opening and the fork; -1: none */
    bool silent;             /* it does not answer, which was said */
    bool hung_up;            /* its process has closed the channel and is about to end */
};

struct master {
    struct loop *loop;
    struct server *server;
    struct controller *controller; /* NULL: there is none */
    const struct handover *handover;
    struct collections *collections;
    struct signals *signals;
    unsigned count; /* of workers; 0: it serves itself */
    struct workers *workers;
    struct master_worker *places;
    struct upgrade *upgrade; /* under way */
    struct loop_timer *look, *overdue, *alive, *status, *listen;
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

static void master_fill(struct master *master);

static void master_complain(void *owner, const char *sentence)
{
    (void)owner;
    log_error("[master][worker][error] %s", sentence);
}

static void master_close_ends(struct master_worker *place)
{
    for (int i = 0; i < 2; i++) {
        if (place->ends[i] >= 0) {
            (void)close(place->ends[i]);
            place->ends[i] = -1;
        }
    }
}

static void master_worker_starts(void *owner, unsigned number)
{
    const struct master *master = owner;
    struct master_worker *place = &master->places[number];
    struct error error = {0};

    place->hung_up = false;
    /* A worker without one works; it cannot be asked, that is all. */
    if (!channel_open(place->ends, &error)) {
        place->ends[0] = place->ends[1] = -1;
        log_error("[master][worker][error] worker %u: %s", number, error.message);
    }
}

static void master_worker_ended(void *owner, unsigned number)
{
    const struct master *master = owner;
    struct master_worker *place = &master->places[number];

    master_close_ends(place);
    channel_free(place->channel);
    place->channel = NULL;
    place->silent = false;
    metrics_leave(number + 1);
    if (!workers_stopped(master->workers)) {
        metrics_count_worker_restart();
    }
}

/* Some worker has hung up and is about to end. */
static bool master_awaits_death(const struct master *master)
{
    for (unsigned i = 0; i < master->count; i++) {
        if (master->places[i].hung_up && workers_process(master->workers, i) != 0) {
            return true;
        }
    }
    return false;
}

static void master_look_after(void *owner)
{
    struct master *master = owner;

    workers_bury(master->workers);
    if (workers_gone(master->workers)) {
        loop_stop(master->loop);
        return;
    }
    loop_timer_start(master->look, master_awaits_death(master) ? master_burial : master_look);
    master_fill(master);
}

static void master_answered(void *owner, struct channel *channel, unsigned number, json_t *report)
{
    const struct master *master = owner;

    (void)channel;
    collections_answer(master->collections, number, report);
}

/* It is dead in a moment at the latest. */
static void master_hung_up(void *owner, struct channel *channel)
{
    struct master *master = owner;
    struct master_worker *place = &master->places[channel_worker(channel)];

    channel_free(place->channel);
    place->channel = NULL;
    place->hung_up = true;
    loop_timer_start(master->look, 0);
}

/* What became of the pairs of sockets, in the master. */
static void master_connect_channels(struct master *master)
{
    for (unsigned i = 0; i < master->count; i++) {
        struct master_worker *place = &master->places[i];

        if (place->ends[0] >= 0) {
            (void)close(place->ends[1]);
            place->channel = channel_new(master->loop, place->ends[0], i, master_answered,
                                         master_hung_up, master);
            place->ends[0] = place->ends[1] = -1;
        }
    }
}

/* Takes everything of the master's out of the loop. */
static void master_clear(struct master *master)
{
    signals_free(master->signals);
    upgrade_free(master->upgrade);
    loop_timer_free(master->look);
    loop_timer_free(master->overdue);
    loop_timer_free(master->alive);
    loop_timer_free(master->status);
    loop_timer_free(master->listen);
    for (unsigned i = 0; i < master->count; i++) {
        channel_free(master->places[i].channel);
        master_close_ends(&master->places[i]);
    }
    collections_free(master->collections);
    workers_free(master->workers);
    free(master->places);
}

/* In a worker, deep in the loop: from here on nothing of the master may be called. */
static void master_become_worker(struct master *master, unsigned number)
{
    loop_after_fork(master->loop);
    master->channel = master->places[number].ends[1];
    master->places[number].ends[1] = -1;
    master->number = (int)number;
    upgrade_abandon(master->upgrade); /* or it would hear the new process instead of the master */
    master->upgrade = NULL;
    controller_abandon(master->controller);
    master_clear(master);
    loop_stop(master->loop);
}

static void master_fill(struct master *master)
{
    unsigned number = 0;
    double patience;

    signals_hold(SIG_BLOCK); /* in the child until it handles them */
    if (workers_start(master->workers, &number)) {
        master_become_worker(master, number);
        return;
    }
    signals_hold(SIG_UNBLOCK);
    master_connect_channels(master);
    patience = workers_patience(master->workers);
    if (patience >= 0 && patience < master_look) {
        loop_timer_start(master->look, patience);
    }
}

/* ---- the end */

static void master_overdue(void *owner)
{
    const struct master *master = owner;

    log_error("[master][shutdown] workers still there %g seconds after manager.shutdown_timeout "
              "are killed",
              master_grace);
    workers_signal(master->workers, SIGKILL);
}

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

    if (!workers_stopped(master->workers)) {
        const char *reason = strsignal(number);
        unsigned sessions = board_sessions();

        log_event(LOG_LEVEL_MESSAGE,
                  LOG_FIELDS(LOG_COUNT("sessions", sessions), LOG_TEXT("signal", reason)),
                  "[master][shutdown] %s: sessions to finish first: %u", reason, sessions);
        server_close(master->server);
        loop_timer_start(master->overdue, configuration->manager.shutdown_timeout + master_grace);
    }
    /* After an upgrade they have heard TERM, whatever the master has. */
    workers_stop(master->workers, master->handed_over ? SIGTERM : number);
    loop_timer_start(master->look, 0);
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
    if (master->workers != NULL) {
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
    if (reloaded && master->workers != NULL) {
        workers_signal(master->workers, SIGHUP);
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
    if (master->workers != NULL) {
        workers_signal(master->workers, number);
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

static bool master_ask(void *owner, unsigned i, unsigned number)
{
    const struct master *master = owner;
    struct channel *channel = master->places[i].channel;

    return channel != NULL && channel_ask(channel, number);
}

/* One that is missing, or hangs, is told of as well. */
static json_t *master_silent(const struct master *master, unsigned i)
{
    return json_pack("{s:i, s:I, s:b}", "worker", (int)i, "pid",
                     (json_int_t)workers_process(master->workers, i), "answered", 0);
}

struct master_collection {
    const struct master *master;
    control_collected_fn *collected;
    void *owner;
};

static void master_collected(void *owner, json_t *answers)
{
    struct master_collection *collection = owner;
    const struct master *master = collection->master;
    json_t *reports = json_array();

    for (unsigned i = 0; i < master->count; i++) {
        json_t *report = NULL, *answer;
        size_t k;

        json_array_foreach(answers, k, answer)
        {
            if (json_integer_value(json_object_get(answer, "worker")) == (json_int_t)i) {
                report = json_incref(answer);
            }
        }
        (void)json_array_append_new(reports, report != NULL ? report : master_silent(master, i));
    }
    json_decref(answers);
    collection->collected(collection->owner, reports);
    free(collection);
}

static void master_collect(void *owner, control_collected_fn *collected, void *collected_owner)
{
    struct master *master = owner;
    struct master_collection *collection;
    json_t *reports;

    if (master->workers == NULL) {
        reports = json_array();
        (void)json_array_append_new(reports, report_of_process(master->server, -1));
        collected(collected_owner, reports);
        return;
    }
    collection = NEW(struct master_collection);
    *collection = (struct master_collection){master, collected, collected_owner};
    collections_begin(master->collections, master->count, master_ask, master, master_collected,
                      collection);
}

/* ---- workers that hang */

/* One line when a worker stops answering, and one when it answers again. */
static void master_note_answers(void *owner, json_t *reports)
{
    struct master *master = owner;
    const json_t *report;
    size_t i;

    if (master->stopping != 0 || master->number >= 0) { /* what is left over at the end */
        json_decref(reports);
        return;
    }
    json_array_foreach(reports, i, report)
    {
        struct master_worker *place = &master->places[i];
        bool silent = place->channel != NULL && json_is_false(json_object_get(report, "answered"));

        if (silent && !place->silent) {
            log_error("[master][worker][error] worker %zu (process %ld) does not answer: something "
                      "in it waits or computes and lets nothing else happen; the other workers "
                      "go on",
                      i, (long)workers_process(master->workers, (unsigned)i));
        } else if (!silent && place->silent) {
            log_message("[master][worker] worker %zu answers again", i);
        }
        place->silent = silent;
    }
    json_decref(reports);
}

static void master_listen(void *owner)
{
    struct master *master = owner;

    if (master->stopping == 0) {
        master_collect(master, master_note_answers, master);
        loop_timer_start(master->listen, master_hearing);
    }
}

/* ---- the whole */

static void master_begin_workers(struct master *master)
{
    const struct workers_options options = {
        .count = master->count,
        .fork = engine_fork,
        .starting = master_worker_starts,
        .ended = master_worker_ended,
        .complain = master_complain,
        .owner = master,
    };

    master->places = memory_new(master->count, sizeof(*master->places));
    for (unsigned i = 0; i < master->count; i++) {
        master->places[i].ends[0] = master->places[i].ends[1] = -1;
    }
    master->workers = workers_new(&options);
    /* From the loop, as all forks. */
    loop_timer_start(master->look, 0);
    loop_timer_start(master->listen, master_hearing);
}

static void master_begin(struct master *master)
{
    static const struct signal_handler handlers[] = {
        {SIGTERM, master_stop},       {SIGINT, master_stop},     {SIGHUP, master_reload},
        {SIGUSR1, master_reopen_log}, {SIGUSR2, master_upgrade}, {0, NULL},
    };
    static const struct controller_master controls = {
        .reload = master_reload_asked,
        .collect = master_collect,
        .stopping = master_is_stopping,
    };

    master->look = loop_timer_new(master->loop, master_look_after, master);
    master->overdue = loop_timer_new(master->loop, master_overdue, master);
    master->alive = loop_timer_new(master->loop, master_tell_alive, master);
    master->status = loop_timer_new(master->loop, master_tell_status, master);
    master->listen = loop_timer_new(master->loop, master_listen, master);
    master->signals = signals_new(master->loop, handlers, master);
    signals_raise_early();
    signals_hold(SIG_UNBLOCK);
    if (master->count > 0) {
        master_begin_workers(master);
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
        .collections = collections_new(loop),
        .count = server_configuration(server)->manager.n_workers,
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
    if (master.workers != NULL && !workers_ended_well(master.workers, error)) {
        outcome = MASTER_FAILED;
    }
    master_clear(&master);
    return outcome;
}
