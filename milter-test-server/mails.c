/*
 * mails - the files that hold mails, found below directories.  Reads
 * directories, never a file.
 */
#include "milter-test-server/mails.h"

#include "libcore/base/memory.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAXIMUM = 64 };

bool mails_is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static void mails_append(struct mails *mails, char *path)
{
    mails->paths = memory_resize(mails->paths, mails->count + 1, sizeof(*mails->paths));
    mails->paths[mails->count++] = path;
}

static int not_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

/* Bytes, not the locale's letters: the same order everywhere. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool mails_add_directory(struct mails *mails, const char *path, unsigned depth,
                                struct error *error);

/* Takes over path.  A link to a directory is not followed: it may lead up again. */
static bool mails_add_entry(struct mails *mails, char *path, unsigned depth, struct error *error)
{
    struct stat status;
    bool ok = true;

    if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        ok = mails_add_directory(mails, path, depth + 1, error);
    } else if (stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
        mails_append(mails, path);
        return true;
    }
    free(path);
    return ok;
}

static bool mails_add_directory(struct mails *mails, const char *path, unsigned depth,
                                struct error *error)
{
    struct dirent **entries = NULL;
    int count;
    bool ok = true;

    if (depth > DEPTH_MAXIMUM) {
        error_set(error, ERROR_USAGE, "%s: directories nested more than %d deep", path,
                  DEPTH_MAXIMUM);
        return false;
    }
    count = scandir(path, &entries, not_dots, by_name);
    if (count < 0) {
        error_set_errno(error, "failed to read the directory %s", path);
        return false;
    }
    for (int i = 0; i < count; i++) {
        ok = ok &&
             mails_add_entry(mails, memory_format("%s/%s", path, entries[i]->d_name), depth, error);
        free(entries[i]);
    }
    free(entries);
    return ok;
}

bool mails_add(struct mails *mails, const char *path, struct error *error)
{
    size_t before = mails->count;

    if (!mails_is_directory(path)) {
        mails_append(mails, memory_copy_string(path));
        return true;
    }
    if (!mails_add_directory(mails, path, 0, error)) {
        return false;
    }
    if (mails->count == before) {
        error_set(error, ERROR_USAGE, "there is no file in the directory %s", path);
        return false;
    }
    return true;
}

void mails_clear(struct mails *mails)
{
    for (size_t i = 0; i < mails->count; i++) {
        free(mails->paths[i]);
    }
    free(mails->paths);
    *mails = (struct mails){.count = 0};
}
