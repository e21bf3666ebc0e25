/*
 * session_paths - which session files are meant.  Owns the names.
 */
#include "milter-test-server/session_paths.h"

#include "libcore/base/memory.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char suffix[] = ".session";

static void add_item(struct session_paths *paths, const char *path)
{
    paths->items = memory_resize(paths->items, paths->count + 1, sizeof(*paths->items));
    paths->items[paths->count++] = memory_copy_string(path);
}

static bool has_suffix(const char *name)
{
    size_t length = strlen(name);

    return length > sizeof(suffix) - 1 && strcmp(name + length - (sizeof(suffix) - 1), suffix) == 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool add_directory(struct session_paths *paths, char *path, struct error *error)
{
    char *roots[] = {path, NULL};
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    size_t before = paths->count;
    bool ok = tree != NULL;
    FTSENT *entry;

    while (ok && (entry = fts_read(tree)) != NULL) {
        if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR) {
            errno = entry->fts_errno;
            ok = false;
        } else if ((entry->fts_info == FTS_F || entry->fts_info == FTS_SLNONE) &&
                   has_suffix(entry->fts_name)) { /* a link to nowhere is no file to be forgotten */
            add_item(paths, entry->fts_path);
        }
    }
    if (!ok) {
        error_set_errno(error, "cannot search %s", path);
    } else if (paths->count == before) {
        error_set(error, ERROR_USAGE, "%s holds no file named *%s", path, suffix);
        ok = false;
    }
    if (tree != NULL) {
        (void)fts_close(tree);
    }
    return ok;
}

bool session_paths_add(struct session_paths *paths, const char *path, struct error *error)
{
    struct stat status;
    char *copy;
    bool ok;

    if (strcmp(path, "-") == 0) {
        add_item(paths, path);
        return true;
    }
    if (stat(path, &status) != 0) {
        error_set_errno(error, "cannot read session file %s", path);
        return false;
    }
    if (!S_ISDIR(status.st_mode)) {
        add_item(paths, path);
        return true;
    }
    copy = memory_copy_string(path);
    ok = add_directory(paths, copy, error);
    free(copy);
    return ok;
}

void session_paths_clear(struct session_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        free(paths->items[i]);
    }
    free(paths->items);
    *paths = (struct session_paths){0};
}
