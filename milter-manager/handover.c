/*
 * handover - the descriptors this program was executed with.
 *
 * Whoever takes one of struct handover owns it.
 */
#include "milter-manager/handover.h"

#include "libcore/net/activation.h"
#include "libcore/net/connection_spec.h"
#include "milter-manager/process/upgrade.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Sockets of a service manager; of the process, as the sockets are. */
static bool milter_is_kept, controller_is_kept;

/* The one of that name, and whether it is a service manager's. */
static int handover_socket(const struct handover *handover, const char *name, const char *kept_name,
                           bool *kept)
{
    int fd = handover->upgrade ? activation_take(kept_name) : -1;

    *kept = fd >= 0;
    if (fd < 0) {
        fd = activation_take(name);
        *kept = fd >= 0 && !handover->upgrade;
    }
    return fd;
}

/*
 * A service manager that gives one socket without a name of ours means the one
 * for mail.
 */
static bool handover_take_left(struct handover *handover, struct error *error)
{
    const char *name;
    int fd;

    while (activation_left(&name, &fd)) {
        if (handover->milter >= 0 || handover->controller >= 0) {
            error_set(error, ERROR_USAGE,
                      "a socket was handed over whose name means nothing here: <%s> "
                      "(FileDescriptorName=%s or %s)",
                      name, UPGRADE_MILTER, UPGRADE_CONTROLLER);
            return false;
        }
        handover->milter = fd;
        milter_is_kept = true;
    }
    return true;
}

bool handover_take(struct handover *handover, struct error *error)
{
    handover->upgrade = upgrade_begin();
    handover->milter =
        handover_socket(handover, UPGRADE_MILTER, UPGRADE_SERVICE_MILTER, &milter_is_kept);
    handover->controller = handover_socket(handover, UPGRADE_CONTROLLER, UPGRADE_SERVICE_CONTROLLER,
                                           &controller_is_kept);
    handover->launcher = handover->upgrade ? activation_take(UPGRADE_LAUNCHER) : -1;
    handover->switches = handover->upgrade ? activation_take(UPGRADE_SWITCHES) : -1;
    return handover_take_left(handover, error);
}

/* configured NULL: none is. */
static void handover_leave_other(int *fd, const struct socket_address *configured)
{
    struct socket_address open = {.length = sizeof(open.storage)};
    char configured_text[SOCKET_ADDRESS_TEXT], open_text[SOCKET_ADDRESS_TEXT];

    if (*fd < 0) {
        return;
    }
    if (configured == NULL ||
        (getsockname(*fd, (struct sockaddr *)&open.storage, &open.length) == 0 &&
         strcmp(socket_address_format(configured, configured_text),
                socket_address_format(&open, open_text)) != 0)) {
        (void)close(*fd);
        *fd = -1;
    }
}

void handover_compare(struct handover *handover, const struct configuration *configuration)
{
    struct socket_address milter;
    struct error error = {0};

    if (!handover->upgrade) {
        return;
    }
    if (!milter_is_kept &&
        connection_spec_parse(configuration_listen_spec(configuration), &milter, &error)) {
        handover_leave_other(&handover->milter, &milter);
    }
    if (!controller_is_kept) {
        handover_leave_other(&handover->controller,
                             configuration->controller.connection_spec == NULL
                                 ? NULL
                                 : &configuration->controller.address);
    }
}

bool handover_milter_is_kept(void)
{
    return milter_is_kept;
}

bool handover_controller_is_kept(void)
{
    return controller_is_kept;
}

const char *handover_milter_name(void)
{
    return milter_is_kept ? UPGRADE_SERVICE_MILTER : UPGRADE_MILTER;
}

const char *handover_controller_name(void)
{
    return controller_is_kept ? UPGRADE_SERVICE_CONTROLLER : UPGRADE_CONTROLLER;
}
