/*
 * recording - where the daemon keeps recorded sessions.  Remembers whether the
 * last one could be written.
 */
#include "milter-manager/recording.h"

#include "libcore/base/log.h"
#include "libcore/net/record_directory.h"
#include "milter-manager/ruby/paths.h"

#include <stdlib.h>
#include <unistd.h>

bool recording_check(const struct configuration *configuration, struct error *error)
{
    const char *name = configuration->manager.record_sessions;
    struct error reason = {0};
    char *directory;

    if (name == NULL) {
        return true;
    }
    if (name[0] == '\0') {
        error_set(error, ERROR_USAGE,
                  "manager.record_sessions should name a directory but was \"\"");
        return false;
    }
    directory = paths_absolute(name);
    if (!record_directory_check(directory, &reason)) {
        error_set(error, reason.code, "manager.record_sessions: %s (as user ID %lu)",
                  reason.message, (unsigned long)geteuid());
    }
    free(directory);
    return reason.code == ERROR_NONE;
}

void recording_save(const struct configuration *configuration, struct slice text)
{
    static bool failing;
    /* A daemon has left the directory that a relative name means. */
    char *directory = paths_absolute(configuration->manager.record_sessions);
    struct error error = {0};
    bool saved = record_directory_save(directory, text, &error);

    if (!saved && !failing) {
        log_error("[record][error] %s (as user ID %lu): sessions are not recorded until it works "
                  "again",
                  error.message, (unsigned long)geteuid());
    } else if (saved && failing) {
        log_message("[record] sessions are recorded in %s again", directory);
    }
    failing = !saved;
    free(directory);
}
