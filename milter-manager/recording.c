/*
 * recording - where the daemon keeps recorded sessions.  Remembers whether the
 * last one could be written.
 */
#include "milter-manager/recording.h"

#include "libcore/base/log.h"
#include "libcore/base/memory.h"
#include "libcore/net/record_directory.h"
#include "milter-manager/ruby/paths.h"

#include <stdlib.h>
#include <unistd.h>

/* To be freed.  A daemon has left the directory that a relative name means. */
static char *recording_directory(const struct configuration *configuration)
{
    const char *directory = configuration->manager.record_sessions;

    return directory[0] == '\0' ? memory_copy_string(directory) : paths_absolute(directory);
}

bool recording_check(const struct configuration *configuration, struct error *error)
{
    struct error reason = {0};
    char *directory;

    if (configuration->manager.record_sessions == NULL) {
        return true;
    }
    directory = recording_directory(configuration);
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
    char *directory = recording_directory(configuration);
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
