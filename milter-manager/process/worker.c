/*
 * worker - what a process that a master has forked does.
 *
 * The server, the loop and the configuration came with the fork; the master's
 * watchers have been taken out of the loop before.
 */
#include "milter-manager/process/worker.h"

#include "libcore/base/log.h"
#include "libcore/net/service.h"
#include "milter-manager/control/metrics.h"
#include "milter-manager/control/report.h"
#include "milter-manager/process/channel.h"
#include "milter-manager/process/signals.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

struct worker {
    struct server *server;
    unsigned number;
    int stopping; /* the signal that asked for it, or 0 */
    pid_t master;
    bool orphan; /* its death has asked for it, too */
};

static json_t *worker_report(void *owner)
{
    const struct worker *worker = owner;

    return report_of_process(worker->server, (int)worker->number);
}

static void worker_stop(void *owner, int number)
{
    struct worker *worker = owner;
    bool orphaned = !worker->orphan && getppid() != worker->master;

    worker->orphan = worker->orphan || orphaned;
    /* The master's death sends a TERM (workers.h), which nobody means as the second one. */
    if (worker->stopping == number && !orphaned) {
        signals_die(number);
        return;
    }
    worker->stopping = number;
    server_stop(worker->server, strsignal(number));
}

static void worker_reload(void *owner, int number)
{
    const struct worker *worker = owner;
    struct error error = {0};

    (void)number;
    (void)server_reload(worker->server, &error);
}

static void worker_ignore(void *owner, int number)
{
    (void)owner;
    (void)number;
}

void worker_run(struct loop *loop, struct server *server, unsigned number, int channel)
{
    static const struct signal_handler handlers[] = {
        {SIGTERM, worker_stop},
        {SIGINT, worker_stop},
        {SIGHUP, worker_reload},
        {SIGUSR1, signals_reopen_log},
        {SIGUSR2, worker_ignore}, /* the master's */
        {0, NULL},
    };
    struct worker worker = {.server = server, .number = number, .master = getppid()};
    struct signals *signals = signals_new(loop, handlers, &worker);
    struct channel_service *service =
        channel < 0 ? NULL : channel_serve(loop, channel, worker_report, &worker);

    service_forget();
    log_set_worker((int)number);
    metrics_enter(number + 1);
    server_serve(server, false);
    signals_hold(SIG_UNBLOCK);
    loop_run(loop);
    channel_service_free(service);
    signals_free(signals);
}
