/*
 * record_directory - where recorded sessions are kept.  Writing blocks as long
 * as the disk does; recording is for looking into problems, not for every day.
 */
#include "libcore/net/record_directory.h"

#include "libcore/base/file.h"
#include "libcore/base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const unsigned record_mode = 0600;

bool record_directory_check(const char *directory, struct error *error)
{
    struct stat status;

    if (stat(directory, &status) == 0 && !S_ISDIR(status.st_mode)) {
        errno = ENOTDIR;
    } else if (access(directory, W_OK | X_OK) == 0) {
        return true;
    }
    error_set_errno(error, "cannot record sessions in %s", directory);
    return false;
}

bool record_directory_save(const char *directory, struct slice text, struct error *error)
{
    static unsigned long number;
    struct timespec now;
    struct tm utc;
    char stamp[32], *path;
    bool ok;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    (void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &utc);
    path = memory_format("%s/%s.%06ld-%ld-%lu.session", directory, stamp, now.tv_nsec / 1000,
                         (long)getpid(), ++number);
    ok = file_write(path, record_mode, text, error);
    free(path);
    return ok;
}
