/*
 * paths - finds the program's own files.  Reads /proc/self/exe, owns the name of
 * the start directory.
 */
#include "milter-manager/ruby/paths.h"

#include "libcore/base/memory.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef MILTER_MANAGER_SYSCONFDIR
#define MILTER_MANAGER_SYSCONFDIR "/usr/local/etc"
#endif
#ifndef MILTER_MANAGER_DATADIR
#define MILTER_MANAGER_DATADIR "/usr/local/share/milter-manager"
#endif
#ifndef MILTER_MANAGER_SOURCE_DIR
#define MILTER_MANAGER_SOURCE_DIR "."
#endif

/* Programs stand in BUILD/bin, unit tests in BUILD/test/unit. */
enum { LEVELS_TO_BUILD = 4 };

static char start_directory[PATH_MAX];

void paths_remember_start(void)
{
    if (getcwd(start_directory, sizeof(start_directory)) == NULL) {
        start_directory[0] = '\0';
    }
}

char *paths_absolute(const char *path)
{
    return path[0] == '/' || start_directory[0] == '\0'
               ? memory_copy_string(path)
               : memory_format("%s/%s", start_directory, path);
}

static bool runs_from_build_tree(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

    if (length <= 0) {
        return false;
    }
    path[length] = '\0';
    for (int level = 0; level < LEVELS_TO_BUILD; level++) {
        char *slash = strrchr(path, '/');
        char *library;
        bool found;

        if (slash == NULL) {
            return false;
        }
        *slash = '\0';
        library = memory_format("%s/lib/libcore.a", path);
        found = access(library, F_OK) == 0;
        free(library);
        if (found) {
            return true;
        }
    }
    return false;
}

static char *choose(const char *in_source_tree, const char *installed)
{
    return memory_copy_string(runs_from_build_tree() ? in_source_tree : installed);
}

char *paths_library_directory(void)
{
    return choose(MILTER_MANAGER_SOURCE_DIR "/milter-manager/lib", MILTER_MANAGER_DATADIR "/lib");
}

char *paths_configuration_directory(void)
{
    return choose(MILTER_MANAGER_SOURCE_DIR "/milter-manager/conf",
                  MILTER_MANAGER_SYSCONFDIR "/milter-manager");
}
