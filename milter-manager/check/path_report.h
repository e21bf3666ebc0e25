/*
 * path_report - why a process may not use a path: each element with its mode
 * and owner, and the one that refuses.
 */
#ifndef MILTER_MANAGER_CHECK_PATH_REPORT_H
#define MILTER_MANAGER_CHECK_PATH_REPORT_H

#include "libcore/base/error.h"

#include <stdbool.h>
#include <sys/stat.h>

enum path_use {
    PATH_CONNECT,   /* the last element is a socket to be written to */
    PATH_MAKE_FILE, /* the last element is a directory where files are to be made */
};

struct path_element {
    char *path;
    bool known; /* status is filled in */
    struct stat status;
};

struct path_report {
    struct path_element *elements;
    unsigned count;
    int culprit; /* index of the element that refuses or is missing; -1: none */
};

/*
 * Looks at the path with the effective rights of this process.  False with a
 * sentence in *error when something is in the way: what it is and what helps.
 * path_report_clear in any case.
 */
bool path_report_make(struct path_report *report, const char *path, enum path_use use,
                      struct error *error);
void path_report_clear(struct path_report *report);

enum { PATH_ELEMENT_TEXT = 512 };
/* "/run/clamav 0750 clamav:clamav"; returns text. */
const char *path_element_format(const struct path_element *element, char text[PATH_ELEMENT_TEXT]);

/* Name of the user or its number; returns text. */
enum { PATH_NAME_TEXT = 64 };
const char *path_user_name(uid_t user, char text[PATH_NAME_TEXT]);

#endif
