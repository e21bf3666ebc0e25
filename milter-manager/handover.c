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
        handover->milter_given = true;
    }
    return true;
}

static int handover_take_given(const char *name, const struct handover *handover,
                               const char *after_upgrade, bool *given)
{
    int fd = activation_take(handover->upgrade ? after_upgrade : name);

    *given = fd >= 0;
    return fd >= 0 || !handover->upgrade ? fd : activation_take(name);
}

bool handover_take(struct handover *handover, struct error *error)
{
    handover->upgrade = upgrade_begin();
    handover->milter = handover_take_given(UPGRADE_MILTER, handover, UPGRADE_GIVEN_MILTER,
                                           &handover->milter_given);
    handover->controller = handover_take_given(
        UPGRADE_CONTROLLER, handover, UPGRADE_GIVEN_CONTROLLER, &handover->controller_given);
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
    if (!handover->milter_given &&
        connection_spec_parse(configuration_listen_spec(configuration), &milter, &error)) {
        handover_leave_other(&handover->milter, &milter);
    }
    if (!handover->controller_given) {
        handover_leave_other(&handover->controller,
                             configuration->controller.connection_spec == NULL
                                 ? NULL
                                 : &configuration->controller.address);
    }
}
