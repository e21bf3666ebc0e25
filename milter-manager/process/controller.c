/*
 * controller - the controller of the whole manager.
 *
 * Owns struct control; knows the server for the configuration, and the master
 * for everything that concerns more than one process.
 */
#include "milter-manager/process/controller.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct controller {
    struct server *server;
    struct control *control;
    const struct controller_master *master; /* NULL: not yet */
    void *owner;                            /* the master's */
};

static struct configuration *controller_configuration(void *owner)
{
    const struct controller *controller = owner;

    return server_configuration(controller->server);
}

static bool controller_reload(void *owner, struct error *error)
{
    const struct controller *controller = owner;

    return controller->master->reload(controller->owner, error);
}

static time_t controller_mishap(void *owner, const char **sentence)
{
    const struct controller *controller = owner;

    return server_mishap(controller->server, sentence);
}

static void controller_collect(void *owner, control_collected_fn *collected, void *collected_owner)
{
    const struct controller *controller = owner;

    controller->master->collect(controller->owner, collected, collected_owner);
}

static enum control_state controller_state(void *owner)
{
    const struct controller *controller = owner;

    if (controller->master == NULL) {
        return CONTROL_STARTING;
    }
    return controller->master->stopping(controller->owner) ? CONTROL_STOPPING : CONTROL_RUNNING;
}

struct controller *controller_new(struct loop *loop, struct server *server,
                                  const struct handover *handover)
{
    static const struct control_host host = {
        .configuration = controller_configuration,
        .reload = controller_reload,
        .mishap = controller_mishap,
        .collect = controller_collect,
        .state = controller_state,
    };
    const struct configuration *configuration = server_configuration(server);
    char listen[SOCKET_ADDRESS_TEXT];
    struct controller *controller;
    struct error error = {0};

    if (configuration->controller.connection_spec == NULL && handover->controller < 0) {
        return NULL;
    }
    controller = NEW(struct controller);
    controller->server = server;
    /* A service manager's socket is not the one of the configuration, as a rule. */
    controller->control =
        control_new(loop, configuration, handover->controller,
                    handover->milter_given ? socket_address_format(server_address(server), listen)
                                           : configuration_listen_spec(configuration),
                    &host, controller, &error);
    if (controller->control == NULL) {
        log_error("failed to listen controller socket: %s", error.message);
        free(controller);
        return NULL;
    }
    server_reserve_descriptors(server, control_descriptors(controller->control));
    return controller;
}

void controller_give_socket_to(struct controller *controller, uid_t user)
{
    if (controller != NULL && !control_give_socket_to(controller->control, user)) {
        log_warning("[control][error] cannot give the controller's socket to the user %ld: %s",
                    (long)user, strerror(errno));
    }
}

void controller_begin(struct controller *controller, const struct controller_master *master,
                      void *owner)
{
    if (controller != NULL) {
        controller->master = master;
        controller->owner = owner;
    }
}

int controller_socket(const struct controller *controller)
{
    return controller == NULL ? -1 : control_socket(controller->control);
}

void controller_leave_socket(struct controller *controller)
{
    if (controller != NULL) {
        control_leave_socket(controller->control);
    }
}

void controller_close(struct controller *controller)
{
    if (controller != NULL) {
        control_close(controller->control);
    }
}

void controller_abandon(struct controller *controller)
{
    if (controller != NULL) {
        control_abandon(controller->control);
        free(controller);
    }
}

void controller_free(struct controller *controller)
{
    if (controller != NULL) {
        control_free(controller->control);
        free(controller);
    }
}
