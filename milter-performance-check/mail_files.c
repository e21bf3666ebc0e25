/*
 * mail_files - the files a command line names: themselves, those below
 * directories, and standard input.
 *
 * Directories that are still to be read wait in a list, so that the depth of a
 * tree costs no stack and no descriptors.
 */
#include "milter-performance-check/mail_files.h"

#include "libcore/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void add(struct mail_files *list, char *path)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? list->capacity * 2 : 16;
        list->paths = memory_resize(list->paths, list->capacity, sizeof(*list->paths));
    }
    list->paths[list->count++] = path;
}

void mail_files_clear(struct mail_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->paths[i]);
    }
    free(files->paths);
    *files = (struct mail_files){0};
}

/*
 * Where path, an entry of a directory, belongs: to files, to directories, or, as a
 * socket or a link to a directory, nowhere.  Takes the path.
 */
static bool sort_in(char *path, struct mail_files *files, struct mail_files *directories,
                    struct error *error)
{
    struct stat status;
    bool linked;

    if (lstat(path, &status) != 0) {
        error_set_errno(error, "cannot read %s", path);
        free(path);
        return false;
    }
    linked = S_ISLNK(status.st_mode);
    if (linked && stat(path, &status) != 0) {
        error_set_errno(error, "cannot follow the link %s", path);
        free(path);
        return false;
    }
    if (S_ISREG(status.st_mode)) {
        add(files, path);
    } else if (S_ISDIR(status.st_mode) && !linked) {
        add(directories, path);
    } else {
        free(path);
    }
    return true;
}

static bool read_entries(DIR *directory, const char *path, struct mail_files *files,
                         struct mail_files *directories, struct error *error)
{
    const char *separator = path[strlen(path) - 1] == '/' ? "" : "/";

    for (;;) {
        struct dirent *entry;

        errno = 0;
        entry = readdir(directory);
        if (entry == NULL && errno != 0) {
            error_set_errno(error, "cannot read the directory %s", path);
            return false;
        }
        if (entry == NULL) {
            return true;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            !sort_in(memory_format("%s%s%s", path, separator, entry->d_name), files, directories,
                     error)) {
            return false;
        }
    }
}

static bool read_directory(const char *path, struct mail_files *files,
                           struct mail_files *directories, struct error *error)
{
    DIR *directory = opendir(path);
    bool ok;

    if (directory == NULL) {
        error_set_errno(error, "cannot read the directory %s", path);
        return false;
    }
    ok = read_entries(directory, path, files, directories, error);
    (void)closedir(directory);
    return ok;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool collect_directory(struct mail_files *files, const char *top, struct error *error)
{
    struct mail_files directories = {0};
    size_t begin = files->count;
    bool ok = true;

    add(&directories, memory_copy_string(top));
    for (size_t i = 0; ok && i < directories.count; i++) {
        ok = read_directory(directories.paths[i], files, &directories, error);
    }
    mail_files_clear(&directories);
    if (!ok) {
        return false;
    }
    if (files->count == begin) {
        error_set(error, ERROR_USAGE, "the directory %s holds no mail: no file is in or below it",
                  top);
        return false;
    }
    qsort(files->paths + begin, files->count - begin, sizeof(*files->paths), compare_paths);
    return true;
}

static bool collect_word(struct mail_files *files, const char *word, struct error *error)
{
    struct stat status;

    if (strcmp(word, "-") == 0) {
        for (size_t i = 0; i < files->count; i++) {
            if (strcmp(files->paths[i], "-") == 0) {
                error_set(error, ERROR_USAGE,
                          "- (standard input) can be read only once, but is given twice");
                return false;
            }
        }
        add(files, memory_copy_string(word));
        return true;
    }
    if (stat(word, &status) != 0) {
        if (word[0] == '\0') {
            error_set(error, ERROR_USAGE, "the name of a mail file is empty");
        } else if (errno == ENOENT) {
            error_set(error, ERROR_USAGE, "%s does not exist.", word);
        } else {
            error_set_errno(error, "cannot read %s", word);
        }
        return false;
    }
    if (S_ISDIR(status.st_mode)) {
        return collect_directory(files, word, error);
    }
    if (!S_ISREG(status.st_mode)) {
        error_set(error, ERROR_USAGE,
                  "%s is neither a file nor a directory; - reads a mail from standard input", word);
        return false;
    }
    add(files, memory_copy_string(word));
    return true;
}

bool mail_files_collect(struct mail_files *files, const struct option_strings *words,
                        struct error *error)
{
    *files = (struct mail_files){0};
    for (size_t i = 0; i < words->count; i++) {
        if (!collect_word(files, words->items[i], error)) {
            return false;
        }
    }
    return true;
}
