/*
 * privileges - who the daemon runs as, and what it takes along.  Owns nothing.
 */
#include "milter-manager/privileges.h"

#include "libcore/base/log.h"
#include "libcore/net/process.h"

#include <unistd.h>

/* The place in the files that gave an item its value, for messages. */
static void privileges_blame(const struct manager_options *options,
                             const struct configuration *configuration, const char *key,
                             const struct error *reason, struct error *error)
{
    struct location place = configuration_location(configuration, key);

    if (place.line > 0 && !manager_options_override(options, key)) {
        error_set(error, reason->code, "%s:%d: failed to drop privilege: %s: %s", place.file,
                  place.line, key, reason->message);
    } else {
        error_set(error, reason->code, "failed to drop privilege: %s: %s", key, reason->message);
    }
}

/* Whom the program is to run as; user and group are not both NULL. */
static bool privileges_find_user(const struct manager_options *options,
                                 const struct configuration *configuration,
                                 struct process_user *found, gid_t *group, struct error *error)
{
    const char *user_name = configuration->security.effective_user;
    const char *group_name = configuration->security.effective_group;
    struct error reason = {0};

    if (!process_find_user(user_name == NULL ? "nobody" : user_name, found, &reason)) {
        privileges_blame(options, configuration, "security.effective_user", &reason, error);
        return false;
    }
    *group = found->known ? found->group : (gid_t)-1;
    if (group_name != NULL && !process_find_group(group_name, group, &reason)) {
        privileges_blame(options, configuration, "security.effective_group", &reason, error);
        return false;
    }
    return true;
}

bool privileges_drop(const struct manager_options *options, struct server *server,
                     struct controller *controller, struct error *error)
{
    const struct configuration *configuration = server_configuration(server);
    const char *user = configuration->security.effective_user;
    const char *group = configuration->security.effective_group;
    struct process_user found;
    struct error reason = {0}, warning = {0};
    gid_t group_id;

    if (geteuid() != 0 || (user == NULL && group == NULL)) {
        return true;
    }
    if (!privileges_find_user(options, configuration, &found, &group_id, error)) {
        return false;
    }
    if (!server_give_socket_to(server, found.user, (gid_t)-1)) {
        error_set_errno(error, "failed to drop privilege: cannot give the listening socket to %s",
                        found.name);
        return false;
    }
    controller_give_socket_to(controller, found.user);
    /* Log rotation is this user's task from now on. */
    (void)log_give_to(found.user, group_id, &warning);
    if (!process_drop_privileges(user, group, &reason)) {
        error_set(error, reason.code, "failed to drop privilege: %s", reason.message);
        return false;
    }
    if (warning.code != ERROR_NONE || !log_reopenable(&warning)) {
        log_warning("[manager][log][warning] %s", warning.message);
    }
    return true;
}
