/*
 * check - the order of a check and what is said of each child.
 *
 * Owns the snapshot it loaded and the probes.  Never listens, never writes a
 * file, never applies what the configuration says of the log.
 */
#include "milter-manager/check/check.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/process.h"
#include "libcore/wire/flags.h"
#include "milter-manager/check/command.h"
#include "milter-manager/check/lint.h"
#include "milter-manager/check/path_report.h"
#include "milter-manager/check/place.h"
#include "milter-manager/child/launchable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* A check is watched by somebody: children get no longer than that, s. */
static const double check_patience = 10.0;

static const struct location nowhere;

/* ---- the configuration */

static void check_mistake(void *owner, const char *message)
{
    findings_add(owner, FINDING_ERROR, nowhere, "%s", message);
}

static void check_caution(void *owner, const char *message)
{
    findings_add(owner, FINDING_WARNING, nowhere, "%s", message);
}

static struct configuration *check_load(struct findings *findings,
                                        const struct manager_options *options)
{
    const struct configuration_sources sources = {
        .directory = options->config_directory,
        .overrides = options->overrides,
        .override_count = options->override_count,
        .report = check_mistake,
        .warn = check_caution,
        .report_owner = findings,
        .keep_incomplete = true,
    };
    struct error error = {0};
    struct configuration *configuration;

    findings_group(findings, "Configuration");
    configuration = configuration_load(&sources, &error);
    if (error.code == ERROR_NONE) {
        findings_add(findings, FINDING_OK, nowhere, "no mistakes; milters defined: %u",
                     configuration->child_count);
    }
    return configuration;
}

/* ---- rights */

/* As main does at a start; false: it is not known as whom the children would be asked. */
static bool check_drop_privileges(struct check *check)
{
    const char *user = check->configuration->security.effective_user;
    const char *group = check->configuration->security.effective_group;
    const char *key = user != NULL ? "security.effective_user" : "security.effective_group";
    struct location location = configuration_location(check->configuration, key);
    struct error error = {0};
    char text[PATH_NAME_TEXT];

    if (user == NULL && group == NULL) {
        return true;
    }
    if (geteuid() != 0) {
        findings_add(check->findings, FINDING_NOTE, location,
                     "%s has no effect on what user %s starts; check as root to use the rights it "
                     "stands for",
                     key, path_user_name(geteuid(), text));
        return true;
    }
    if (!process_drop_privileges(user, group, &error)) {
        findings_add(check->findings, FINDING_ERROR, location,
                     "%s; make that user or group, or name another one (the milters are not asked)",
                     error.message);
        return false;
    }
    return true;
}

/* ---- the children */

static const struct {
    int number;
    const char *remedy;
} remedies[] = {
    {ECONNREFUSED, "nobody listens there: start the milter, or correct connection_spec"},
    {EHOSTUNREACH, "no way leads there: see routes and firewalls"},
    {ENETUNREACH, "no way leads there: see routes"},
    {EADDRNOTAVAIL, "correct the address in connection_spec"},
};

static const char *check_remedy(const char *message)
{
    for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++) {
        if (strstr(message, strerror(remedies[i].number)) != NULL) {
            return remedies[i].remedy;
        }
    }
    return "is the host up, and no firewall between?";
}

static void check_details(struct check *check, const struct path_report *report)
{
    char text[PATH_ELEMENT_TEXT];

    for (unsigned i = 0; i <= (unsigned)report->culprit; i++) {
        findings_detail(check->findings, (int)i == report->culprit, "%s",
                        path_element_format(&report->elements[i], text));
    }
}

static void check_unreachable_path(struct check *check, unsigned index, struct location location)
{
    const struct probe *probe = &check->probes[index];
    const char *spec = check->configuration->children[index].connection_spec;
    const struct sockaddr_un *address = (const void *)&probe->address.storage;
    struct path_report report;
    struct error error = {0};

    if (!path_report_make(&report, address->sun_path, PATH_CONNECT, &error)) {
        findings_add(check->findings, FINDING_ERROR, location,
                     "milter \"%s\": cannot connect to %s: %s", probe->name, spec, error.message);
        check_details(check, &report);
    } else if (probe->error.code == ERROR_TIMEOUT) {
        findings_add(
            check->findings, FINDING_ERROR, location,
            "milter \"%s\": %s takes no connections: it hangs or has too much to do; start "
            "it again",
            probe->name, spec);
    } else {
        findings_add(check->findings, FINDING_ERROR, location, "milter \"%s\": %s; %s", probe->name,
                     probe->error.message, check_remedy(probe->error.message));
    }
    path_report_clear(&report);
}

static void check_negotiated(struct check *check, unsigned index, struct location location)
{
    const struct probe *probe = &check->probes[index];
    struct buffer actions = {0}, steps = {0};

    flags_append(&actions, FLAGS_ACTIONS, probe->answer.actions);
    flags_append(&steps, FLAGS_STEPS, probe->answer.steps);
    findings_add(check->findings, FINDING_OK, location,
                 "milter \"%s\": %s: version %lu, actions %.*s, steps %.*s", probe->name,
                 check->configuration->children[index].connection_spec,
                 (unsigned long)probe->answer.version, (int)buffer_length(&actions),
                 buffer_slice(&actions).data, (int)buffer_length(&steps),
                 buffer_slice(&steps).data);
    buffer_clear(&actions);
    buffer_clear(&steps);
}

static const char *check_protocol_remedy(const char *message)
{
    return strstr(message, "version") != NULL
               ? "milter-manager speaks 2 to 6: use another release of the milter"
               : "that is no milter: correct connection_spec";
}

/* Its command has been looked at before. */
static bool check_will_start(const struct check *check, unsigned index)
{
    return check->configuration->security.privilege_mode &&
           launchable_is(&check->configuration->children[index]) &&
           check->probes[index].error.code != ERROR_TIMEOUT;
}

static void check_child(struct check *check, unsigned index)
{
    const struct probe *probe = &check->probes[index];
    const char *spec = check->configuration->children[index].connection_spec;
    struct location location =
        configuration_child_location(check->configuration, index, "connection_spec");

    switch (probe->outcome) {
    case PROBE_NOT_ASKED:
        break;
    case PROBE_NEGOTIATED:
        check_negotiated(check, index, location);
        break;
    case PROBE_UNREACHABLE:
        if (check_will_start(check, index)) {
            findings_add(check->findings, FINDING_NOTE, location,
                         "milter \"%s\": %s; its command is run when a mail needs it", probe->name,
                         probe->error.message);
        } else if (probe->address.storage.ss_family == AF_UNIX) {
            check_unreachable_path(check, index, location);
        } else {
            findings_add(check->findings, FINDING_ERROR, location, "milter \"%s\": %s; %s",
                         probe->name, probe->error.message, check_remedy(probe->error.message));
        }
        break;
    case PROBE_SILENT:
        findings_add(check->findings, FINDING_ERROR, location,
                     "milter \"%s\": %s: %s; is it a milter, and does it hang?", probe->name, spec,
                     probe->error.message);
        break;
    case PROBE_CLOSED:
        findings_add(check->findings, FINDING_ERROR, location,
                     "milter \"%s\": %s closes the connection without an answer; is it a milter? "
                     "Its log may say why",
                     probe->name, spec);
        break;
    case PROBE_INVALID:
        findings_add(check->findings, FINDING_ERROR, location, "milter \"%s\": %s: %s; %s",
                     probe->name, spec, probe->error.message,
                     check_protocol_remedy(probe->error.message));
        break;
    }
}

static void check_progress(void *owner, const struct probe *probes, unsigned count, double seconds)
{
    const char *separator = "";

    (void)owner;
    (void)fprintf(stderr, "milter-manager: after %.0f s still waiting for ", seconds);
    for (unsigned i = 0; i < count; i++) {
        if (probes[i].address.length > 0 && probes[i].outcome == PROBE_NOT_ASKED) {
            (void)fprintf(stderr, "%s\"%s\"", separator, probes[i].name);
            separator = ", ";
        }
    }
    (void)fprintf(stderr, "\n");
}

static double shorter(double seconds)
{
    return seconds < check_patience ? seconds : check_patience;
}

static void check_children(struct check *check)
{
    unsigned count = check->configuration->child_count;

    for (unsigned i = 0; i < count; i++) {
        const struct configuration_child *child = &check->configuration->children[i];
        struct probe *probe = &check->probes[i];

        probe->name = child->name;
        probe->connection_timeout = shorter(child->connection_timeout);
        probe->reading_timeout = shorter(child->reading_timeout);
        if (child->enabled && child->connection_spec != NULL) {
            probe->address = child->address;
        }
    }
    probe_run(check->probes, count, check_progress, NULL);
    for (unsigned i = 0; i < count; i++) {
        check_child(check, i);
    }
}

/* ---- all of it */

static void check_everything(struct check *check)
{
    char heading[PATH_NAME_TEXT + 64], user[PATH_NAME_TEXT];
    bool known;

    findings_group(check->findings, "Commands that start milters");
    command_check(check);
    findings_group(check->findings, "Own places");
    place_check_listening(check);
    known = check_drop_privileges(check);
    if (known) {
        place_check_files(check);
        (void)snprintf(heading, sizeof(heading), "Milters, asked as user %s",
                       path_user_name(geteuid(), user));
        findings_group(check->findings, heading);
        check_children(check);
    }
    findings_group(check->findings, "Advice");
    lint_run(check);
}

int check_run(const struct manager_options *options, FILE *stream)
{
    struct findings findings;
    struct check check = {.findings = &findings};
    struct configuration *configuration;
    struct error error = {0};
    int status;

    (void)log_set_path("/dev/stderr", &error);
    findings_init(&findings, stream, log_colours(fileno(stream)));
    configuration = check_load(&findings, options);
    check.configuration = configuration;
    check.probes = memory_new(configuration->child_count, sizeof(check.probes[0]));
    check_everything(&check);
    status = findings_finish(&findings);
    free(check.probes);
    configuration_release(configuration);
    if (fflush(stream) != 0) {
        perror("milter-manager: failed to write the report");
        return 2;
    }
    return status;
}
