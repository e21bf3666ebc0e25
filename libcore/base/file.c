/*
 * file - whole files, read and written in one go.  Blocks as long as the disk
 * does; not for the mail path.
 */
#include "libcore/base/file.h"

#include "libcore/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_READ = 65536 }; /* bytes asked from the system at once */

/* Tells of a file that will be too large before all of it is read. */
static bool is_too_large(int file, size_t limit)
{
    struct stat status;

    return fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 &&
           (uintmax_t)status.st_size > limit;
}

static bool read_all(int file, const char *path, const char *what, size_t limit,
                     struct buffer *content, struct error *error)
{
    size_t before = buffer_length(content);
    bool large = is_too_large(file, limit);

    for (;;) {
        ssize_t got = large ? 0 : read(file, buffer_reserve(content, FILE_READ), FILE_READ);

        if (large || buffer_length(content) - before > limit) {
            error_set(error, ERROR_USAGE, "%s %s is too large: more than %zu MiB", what, path,
                      limit >> 20);
            return false;
        }
        if (got == 0) {
            return true;
        }
        if (got > 0) {
            buffer_commit(content, (size_t)got);
        } else if (errno != EINTR) {
            error_set_errno(error, "cannot read %s %s", what, path);
            return false;
        }
    }
}

bool file_read(const char *path, const char *what, struct buffer *content, struct error *error)
{
    return file_read_up_to(path, what, SIZE_MAX, content, error);
}

bool file_read_up_to(const char *path, const char *what, size_t limit, struct buffer *content,
                     struct error *error)
{
    bool from_stdin = strcmp(path, "-") == 0;
    int file = from_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    bool ok;

    if (file < 0 && errno == ENOENT) {
        error_set(error, ERROR_USAGE, "%s does not exist.", path);
        return false;
    }
    if (file < 0) {
        error_set_errno(error, "cannot open %s %s", what, path);
        return false;
    }
    ok = read_all(file, path, what, limit, content, error);
    if (!from_stdin) {
        (void)close(file);
    }
    return ok;
}

static bool write_all(int file, struct slice content)
{
    while (content.length > 0) {
        ssize_t written = write(file, content.data, content.length);

        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            slice_skip(&content, (size_t)written);
        }
    }
    return true;
}

/* Owner and mode of the file that is replaced, else the mode asked for. */
static bool take_after(int file, const char *path, unsigned mode)
{
    struct stat old;

    if (stat(path, &old) != 0) {
        return fchmod(file, (mode_t)mode) == 0;
    }
    if (fchown(file, old.st_uid, old.st_gid) != 0) {
        errno = 0; /* root alone gives files away: then the file is its writer's */
    }
    return fchmod(file, old.st_mode & 07777) == 0;
}

bool file_is_foreign_link(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0 && S_ISLNK(status.st_mode) && status.st_uid != 0 &&
           status.st_uid != geteuid();
}

/* A device or a pipe is no file that another could take the place of. */
static bool is_special(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

static bool write_into(const char *path, struct slice content, struct error *error)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = file >= 0 && write_all(file, content);

    if (file >= 0) {
        ok = close(file) == 0 && ok;
    }
    if (!ok) {
        error_set_errno(error, "cannot write %s", path);
    }
    return ok;
}

/* The directory in which the file is, or would be; to be freed. */
static char *directory_of(const char *path)
{
    const char *end = strrchr(path, '/');

    if (end == NULL) {
        return memory_copy_string(".");
    }
    return end == path ? memory_copy_string("/") : memory_format("%.*s", (int)(end - path), path);
}

bool file_may_write(const char *path, struct error *error)
{
    bool foreign = file_is_foreign_link(path);
    char *linked = foreign ? NULL : realpath(path, NULL); /* a link stays one */
    char *directory = directory_of(linked != NULL ? linked : path);
    struct stat status;
    bool ok;

    if (!foreign && stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        errno = EISDIR;
        ok = false;
    } else {
        ok = access(!foreign && is_special(path) ? path : directory, W_OK) == 0;
    }
    if (!ok) {
        error_set_errno(error, "cannot write %s", path);
    }
    free(directory);
    free(linked);
    return ok;
}

bool file_write(const char *path, unsigned mode, struct slice content, struct error *error)
{
    bool foreign = file_is_foreign_link(path);

    if (!foreign && is_special(path)) {
        return write_into(path, content, error);
    }

    char *linked = foreign ? NULL : realpath(path, NULL); /* a link stays one */
    const char *target = linked != NULL ? linked : path;
    char *temporary = memory_format("%s.XXXXXX", target);
    int file = mkostemp(temporary, O_CLOEXEC);
    bool ok = file >= 0 &&
              (foreign ? fchmod(file, (mode_t)mode) == 0 : take_after(file, target, mode)) &&
              write_all(file, content);

    if (file >= 0) {
        ok = close(file) == 0 && ok;
    }
    ok = ok && rename(temporary, target) == 0;
    if (!ok) {
        error_set_errno(error, "cannot write %s", path);
        if (file >= 0) {
            (void)unlink(temporary);
        }
    }
    free(temporary);
    free(linked);
    return ok;
}

char *file_absolute_path(const char *path)
{
    char *directory = path[0] == '/' ? NULL : getcwd(NULL, 0);
    char *absolute =
        directory == NULL ? memory_copy_string(path) : memory_format("%s/%s", directory, path);

    free(directory);
    return absolute;
}
