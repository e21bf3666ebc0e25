/*
 * source_find - patterns to files, rotated sets in order.
 *
 * Owns what it finds until it gives it to its caller.
 */
#include "milter-manager-log-analyzer/source_find.h"

#include "libcore/base/memory.h"
#include "libcore/base/slice.h"

#include <errno.h>
#include <glob.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What stands behind the name of a rotated log; the plain one is the youngest. */
enum rotation { ROTATION_NUMBER, ROTATION_DATE, ROTATION_NONE };

struct found {
    char *path;
    char *set; /* the path of the log that was rotated */
    dev_t device;
    ino_t inode;
    enum rotation rotation;
    unsigned long number;
    char date[32]; /* digits */
    size_t set_order, order;
};

struct found_list {
    struct found *items;
    size_t count;
};

/* ---- what names say */

static bool take_ending(char *name, const char *ending)
{
    size_t length = strlen(name), ending_length = strlen(ending);

    if (length <= ending_length || strcmp(name + length - ending_length, ending) != 0) {
        return false;
    }
    name[length - ending_length] = '\0';
    return true;
}

/* tail: digits and what stands between them, beginning with '.' or '-'. */
static void read_tail(struct found *found, const char *tail)
{
    size_t count = 0;

    for (; *tail != '\0' && count < sizeof(found->date) - 1; tail++) {
        if (*tail >= '0' && *tail <= '9') {
            found->date[count++] = *tail;
        }
    }
    found->date[count] = '\0';
    found->number = strtoul(found->date, NULL, 10);
    bool year =
        count == 4 && (strncmp(found->date, "19", 2) == 0 || strncmp(found->date, "20", 2) == 0);
    found->rotation = count == 0           ? ROTATION_NONE
                      : count < 5 && !year ? ROTATION_NUMBER
                                           : ROTATION_DATE;
}

/* "mail.log.1.gz": "mail.log" and 1.  "mail-20240501.log": "mail.log" and that date. */
static void read_name(struct found *found)
{
    static const char *const packed[] = {".gz", ".zst", ".xz", ".bz2"};
    char *name = memory_copy_string(found->path);
    bool ended = false;

    for (size_t i = 0; i < sizeof(packed) / sizeof(packed[0]) && !ended; i++) {
        ended = take_ending(name, packed[i]);
    }
    bool log = take_ending(name, ".log");
    char *slash = strrchr(name, '/'), *base = slash == NULL ? name : slash + 1;
    char *tail = name + strlen(name);
    while (tail > base + 1 && strchr("0123456789.-", tail[-1]) != NULL) {
        tail--;
    }
    while (*tail >= '0' && *tail <= '9') { /* these belong to the name: "mail2.log" */
        tail++;
    }
    read_tail(found, tail);
    if (found->rotation != ROTATION_NONE) {
        *tail = '\0';
    }
    found->set = memory_format("%s%s", name, log ? ".log" : "");
    free(name);
}

static int compare_rotation(const struct found *a, const struct found *b)
{
    if (a->rotation != b->rotation) {
        return a->rotation < b->rotation ? -1 : 1;
    }
    if (a->rotation == ROTATION_NUMBER && a->number != b->number) {
        return a->number > b->number ? -1 : 1;
    }
    return a->rotation == ROTATION_DATE ? strcmp(a->date, b->date) : 0;
}

static int compare(const void *first, const void *second)
{
    const struct found *a = first, *b = second;

    if (a->set_order != b->set_order) {
        return a->set_order < b->set_order ? -1 : 1;
    }
    int order = compare_rotation(a, b);
    return order != 0 ? order : (a->order > b->order) - (a->order < b->order);
}

/* ---- finding */

static const struct found *find_same(const struct found_list *list, const struct stat *status)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].device == status->st_dev && list->items[i].inode == status->st_ino) {
            return &list->items[i];
        }
    }
    return NULL;
}

static void add(struct found_list *list, const char *path, const struct stat *status)
{
    if (find_same(list, status) != NULL) {
        return;
    }
    list->items = memory_resize(list->items, list->count + 1, sizeof(*list->items));
    struct found *found = &list->items[list->count];
    *found = (struct found){.path = memory_copy_string(path),
                            .device = status->st_dev,
                            .inode = status->st_ino,
                            .set_order = list->count,
                            .order = list->count};
    read_name(found);
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].set, found->set) == 0) {
            found->set_order = list->items[i].set_order;
            break;
        }
    }
    list->count++;
}

static bool add_path(struct found_list *list, const char *path, struct error *error)
{
    struct stat status = {0};

    if (strcmp(path, "-") != 0 && stat(path, &status) != 0) {
        if (errno == ENOENT) {
            error_set(error, ERROR_USAGE, "there is no log %s", path);
        } else {
            error_set_errno(error, "cannot look at the log %s", path);
        }
        return false;
    }
    if (S_ISDIR(status.st_mode)) {
        error_set(error, ERROR_USAGE,
                  "%s is a directory; name the logs in it, like \"%s%smail.log*\"", path, path,
                  path[strlen(path) - 1] == '/' ? "" : "/");
        return false;
    }
    add(list, path, &status);
    return true;
}

/* A name that is there means itself, whatever characters are in it. */
static bool add_pattern(struct found_list *list, const char *pattern, struct error *error)
{
    struct stat status;
    glob_t matches;
    bool good = true;

    if (strcmp(pattern, "-") == 0 || strpbrk(pattern, "*?[") == NULL ||
        stat(pattern, &status) == 0) {
        return add_path(list, pattern, error);
    }
    switch (glob(pattern, 0, NULL, &matches)) {
    case 0:
        break;
    case GLOB_NOMATCH:
        error_set(error, ERROR_USAGE, "no log is called %s", pattern);
        return false;
    default:
        error_set_errno(error, "cannot look for logs called %s", pattern);
        return false;
    }
    for (size_t i = 0; i < matches.gl_pathc && good; i++) {
        good = add_path(list, matches.gl_pathv[i], error);
    }
    globfree(&matches);
    return good;
}

bool source_find(const struct option_strings *patterns, struct option_strings *paths,
                 struct error *error)
{
    struct found_list list = {NULL, 0};
    bool good = true;

    for (size_t i = 0; i < patterns->count && good; i++) {
        good = add_pattern(&list, patterns->items[i], error);
    }
    if (list.count > 0) {
        qsort(list.items, list.count, sizeof(*list.items), compare);
    }
    for (size_t i = 0; i < list.count; i++) {
        free(list.items[i].set);
        if (good) {
            option_strings_add(paths, list.items[i].path);
        } else {
            free(list.items[i].path);
        }
    }
    free(list.items);
    return good;
}

void source_find_clear(struct option_strings *paths)
{
    for (size_t i = 0; i < paths->count; i++) {
        free((char *)(uintptr_t)paths->items[i]);
    }
    option_strings_clear(paths);
}
