/*
 * session_paths - which session files are meant: files as they are named,
 * directories searched for *.session.
 */
#ifndef MILTER_TEST_SERVER_SESSION_PATHS_H
#define MILTER_TEST_SERVER_SESSION_PATHS_H

#include "libcore/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct session_paths {
    char **items; /* sorted within each directory */
    size_t count;
};

/* Adds path, or what is below it; false with *error when it cannot be read or holds nothing. */
bool session_paths_add(struct session_paths *paths, const char *path, struct error *error);
void session_paths_clear(struct session_paths *paths);

#endif
