/*
 * place - tries the listening addresses and looks at directories.
 *
 * An internet address is bound for a moment and never listened at; a unix
 * socket's path is only looked at.  Leaves nothing behind.
 */
#include "milter-manager/check/place.h"

#include "libcore/base/memory.h"
#include "libcore/net/process.h"
#include "milter-manager/check/path_report.h"
#include "milter-manager/check/running.h"
#include "milter-manager/recording.h"
#include "milter-manager/ruby/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* An address to listen on. */
struct place {
    const char *who; /* what each finding begins with */
    enum finding_severity severity;
    const char *group, *group_key; /* of a unix socket */
    bool remove;
    const char *remove_key;
    struct location location;
    const char *spec;
    const struct socket_address *address;
};

/* Before a reload the program itself is there, as it should be. */
static void place_in_use(struct check *check, const struct place *place)
{
    char user[PATH_NAME_TEXT];
    pid_t pid;

    switch (running_who_listens(place->address, &pid)) {
    case RUNNING_MANAGER:
        findings_add(check->findings, FINDING_OK, place->location,
                     "%s%s is in use by the milter-manager that runs as process %ld", place->who,
                     place->spec, (long)pid);
        break;
    case RUNNING_HIDDEN:
        findings_add(check->findings, FINDING_NOTE, place->location,
                     "%s%s is in use; whether by the milter-manager that runs as process %ld user "
                     "%s may not see: check as root",
                     place->who, place->spec, (long)pid, path_user_name(geteuid(), user));
        break;
    case RUNNING_OTHER:
        findings_add(
            check->findings, place->severity, place->location,
            "%s%s is in use by another program; end that one (ss -lxtnp names it), or listen "
            "somewhere else",
            place->who, place->spec);
        break;
    }
}

static void place_details(struct check *check, const struct path_report *report)
{
    char text[PATH_ELEMENT_TEXT];

    for (unsigned i = 0; report->culprit >= 0 && i <= (unsigned)report->culprit; i++) {
        findings_detail(check->findings, (int)i == report->culprit, "%s",
                        path_element_format(&report->elements[i], text));
    }
}

/* True when files can be made in the directory of path; else a finding that begins with what. */
static bool place_directory(struct check *check, enum finding_severity severity,
                            struct location location, const char *what, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *directory = slash == NULL   ? memory_copy_string(".")
                      : slash == path ? memory_copy_string("/")
                                      : memory_copy_bytes(path, (size_t)(slash - path));
    struct path_report report;
    struct error error = {0};
    bool usable = path_report_make(&report, directory, PATH_MAKE_FILE, &error);

    if (!usable) {
        findings_add(check->findings, severity, location, "%s %s: %s", what, path, error.message);
        place_details(check, &report);
    }
    path_report_clear(&report);
    free(directory);
    return usable;
}

static void place_check_group(struct check *check, const struct place *place)
{
    struct error error = {0};
    gid_t found;

    if (place->group != NULL && !process_find_group(place->group, &found, &error)) {
        findings_add(check->findings, FINDING_WARNING,
                     configuration_location(check->configuration, place->group_key),
                     "%s: there is no group %s; make it (groupadd) or name another one",
                     place->group_key, place->group);
    }
}

static void place_check_unix(struct check *check, const struct place *place)
{
    const struct sockaddr_un *address = (const void *)&place->address->storage;
    const char *path = address->sun_path;
    char what[64];
    struct stat status;

    (void)snprintf(what, sizeof(what), "%scannot listen on", place->who);
    if (!place_directory(check, place->severity, place->location, what, path)) {
        return;
    }
    place_check_group(check, place);
    if (lstat(path, &status) != 0) {
        findings_add(check->findings, FINDING_OK, place->location, "%scan listen on %s", place->who,
                     place->spec);
    } else if (!S_ISSOCK(status.st_mode)) {
        findings_add(check->findings, place->severity, place->location,
                     "%s %s: %s exists and is not a socket; remove it, or listen somewhere else",
                     what, place->spec, path);
    } else if (running_at_unix(place->address)) {
        place_in_use(check, place);
    } else if (!place->remove) {
        findings_add(check->findings, place->severity, place->location,
                     "%s %s: it is left from an earlier run and %s is false; remove it", what,
                     place->spec, place->remove_key);
    } else {
        findings_add(check->findings, FINDING_OK, place->location,
                     "%scan listen on %s; the socket that an earlier run has left will be replaced",
                     place->who, place->spec);
    }
}

static const char *place_bind_remedy(int error_number)
{
    switch (error_number) {
    case EACCES:
        return "; ports below 1024 need root";
    case EADDRNOTAVAIL:
        return "; no interface of this machine has that address (ip address lists them)";
    default:
        return "";
    }
}

static void place_check_internet(struct check *check, const struct place *place)
{
    const struct socket_address *address = place->address;
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    int reason = 0;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (const struct sockaddr *)(const void *)&address->storage, address->length) != 0) {
        reason = errno;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (reason == EADDRINUSE) {
        place_in_use(check, place);
    } else if (reason != 0) {
        findings_add(check->findings, place->severity, place->location,
                     "%scannot listen on %s: %s%s", place->who, place->spec, strerror(reason),
                     place_bind_remedy(reason));
    } else {
        findings_add(check->findings, FINDING_OK, place->location, "%scan listen on %s", place->who,
                     place->spec);
    }
}

static void place_check_address(struct check *check, const struct place *place)
{
    if (place->address->storage.ss_family == AF_UNIX) {
        place_check_unix(check, place);
    } else {
        place_check_internet(check, place);
    }
}

/* Without it mail is filtered all the same. */
static void place_check_controller(struct check *check, const struct socket_address *own)
{
    const struct configuration *configuration = check->configuration;
    const struct place place = {
        .who = "controller: ",
        .severity = FINDING_WARNING,
        .group = configuration->controller.unix_socket_group,
        .group_key = "controller.unix_socket_group",
        .remove = configuration->controller.remove_unix_socket_on_create,
        .remove_key = "controller.remove_unix_socket_on_create",
        .location = configuration_location(configuration, "controller.connection_spec"),
        .spec = configuration->controller.connection_spec,
        .address = &configuration->controller.address,
    };
    char text[SOCKET_ADDRESS_TEXT], own_text[SOCKET_ADDRESS_TEXT];

    if (place.spec == NULL) {
        return;
    }
    if (own != NULL && strcmp(socket_address_format(place.address, text),
                              socket_address_format(own, own_text)) == 0) {
        findings_add(check->findings, place.severity, place.location,
                     "%scannot listen on %s: that is where mail servers connect to "
                     "(manager.connection_spec); choose another port or path",
                     place.who, place.spec);
        return;
    }
    place_check_address(check, &place);
}

void place_check_listening(struct check *check)
{
    const struct configuration *configuration = check->configuration;
    struct socket_address address;
    struct error error = {0};
    const struct place place = {
        .who = "",
        .severity = FINDING_ERROR,
        .group = configuration->manager.unix_socket_group,
        .group_key = "manager.unix_socket_group",
        .remove = configuration->manager.remove_unix_socket_on_create,
        .remove_key = "manager.remove_unix_socket_on_create",
        .location = configuration_location(configuration, "manager.connection_spec"),
        .spec = configuration_listen_spec(configuration),
        .address = &address,
    };
    bool known = connection_spec_parse(place.spec, &address, &error);

    if (known) {
        place_check_address(check, &place);
    } else {
        findings_add(check->findings, FINDING_ERROR, place.location, "cannot listen: %s%s",
                     configuration->manager.connection_spec == NULL
                         ? "MILTER_DEFAULT_CONNECTION_SPEC: "
                         : "",
                     error.message);
    }
    place_check_controller(check, known ? &address : NULL);
}

/* A file that is written while the daemon runs. */
static void place_check_file(struct check *check, enum finding_severity severity, const char *key,
                             const char *path)
{
    struct location location = configuration_location(check->configuration, key);
    struct stat status;
    char *absolute;

    if (path == NULL) {
        return;
    }
    absolute = paths_absolute(path);
    if (stat(absolute, &status) == 0) {
        if (S_ISDIR(status.st_mode)) {
            findings_add(check->findings, severity, location,
                         "%s: %s is a directory; name a file in it", key, path);
        } else if (faccessat(AT_FDCWD, absolute, W_OK, AT_EACCESS) != 0) {
            char text[PATH_NAME_TEXT];

            findings_add(check->findings, severity, location,
                         "%s: user %s may not write %s; remove the file or give it to that user",
                         key, path_user_name(geteuid(), text), path);
        } else {
            findings_add(check->findings, FINDING_OK, location, "%s %s can be written", key, path);
        }
    } else if (place_directory(check, severity, location, key, absolute)) {
        findings_add(check->findings, FINDING_OK, location, "%s %s can be made", key, path);
    }
    free(absolute);
}

static void place_check_recording(struct check *check)
{
    const char *name = check->configuration->manager.record_sessions;
    struct location location =
        configuration_location(check->configuration, "manager.record_sessions");
    struct error error = {0};
    struct path_report report;
    char *absolute;

    if (name == NULL) {
        return;
    }
    if (recording_check(check->configuration, &error)) {
        findings_add(check->findings, FINDING_OK, location,
                     "manager.record_sessions %s can be "
                     "written",
                     name);
        return;
    }
    absolute = paths_absolute(name);
    if (name[0] != '\0') {
        error_clear(&error);
        (void)path_report_make(&report, absolute, PATH_MAKE_FILE, &error);
        findings_add(check->findings, FINDING_ERROR, location, "manager.record_sessions: %s",
                     error.message);
        place_details(check, &report);
        path_report_clear(&report);
    } else {
        findings_add(check->findings, FINDING_ERROR, location, "%s", error.message);
    }
    free(absolute);
}

void place_check_files(struct check *check)
{
    const struct configuration *configuration = check->configuration;

    place_check_file(check, FINDING_ERROR, "manager.pid_file", configuration->manager.pid_file);
    /* Opened with the rights of the start; those of the daemon count at SIGUSR1. */
    if (configuration->log.path != NULL && strcmp(configuration->log.path, "-") != 0) {
        place_check_file(check, FINDING_WARNING, "log.path", configuration->log.path);
    }
    place_check_recording(check);
}
