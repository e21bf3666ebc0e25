/*
 * server_control - the controller's host when one process does everything.
 *
 * Owns the controller, not the server.
 */
#include "milter-manager/server_control.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "milter-manager/control/control.h"
#include "milter-manager/control/report.h"
#include "milter-manager/control/switches.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct server_control {
    struct server *server;
    struct control *control;
};

static struct configuration *server_control_configuration(void *owner)
{
    const struct server_control *control = owner;

    return server_configuration(control->server);
}

static bool server_control_reload(void *owner, struct error *error)
{
    const struct server_control *control = owner;

    return server_reload(control->server, error);
}

static time_t server_control_mishap(void *owner, const char **sentence)
{
    const struct server_control *control = owner;

    return server_mishap(control->server, sentence);
}

static void server_control_collect(void *owner, control_collected_fn *collected,
                                   void *collected_owner)
{
    const struct server_control *control = owner;
    json_t *reports = json_array();

    (void)json_array_append_new(reports, report_of_process(control->server, -1));
    collected(collected_owner, reports);
}

static enum control_state server_control_state(void *owner)
{
    const struct server_control *control = owner;

    return server_stopping(control->server) ? CONTROL_STOPPING : CONTROL_RUNNING;
}

static const struct control_host server_control_host = {
    .configuration = server_control_configuration,
    .reload = server_control_reload,
    .mishap = server_control_mishap,
    .collect = server_control_collect,
    .state = server_control_state,
};

struct server_control *server_control_new(struct loop *loop, struct server *server)
{
    const struct configuration *configuration = server_configuration(server);
    struct server_control *control;
    struct error error = {0};

    if (configuration->controller.connection_spec == NULL) {
        return NULL;
    }
    switches_open();
    control = NEW(struct server_control);
    control->server = server;
    control->control = control_new(loop, configuration, -1, &server_control_host, control, &error);
    if (control->control == NULL) {
        log_error("failed to listen controller socket: %s", error.message);
        free(control);
        return NULL;
    }
    return control;
}

unsigned server_control_descriptors(const struct server_control *control)
{
    return control == NULL ? 0 : control_descriptors(control->control);
}

void server_control_give_socket_to(struct server_control *control, uid_t user)
{
    if (control != NULL && !control_give_socket_to(control->control, user)) {
        log_warning("[control][error] cannot give the controller's socket to the user %ld: %s",
                    (long)user, strerror(errno));
    }
}

void server_control_free(struct server_control *control)
{
    if (control != NULL) {
        control_free(control->control);
        free(control);
    }
}
