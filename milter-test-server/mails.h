/*
 * mails - the files that hold mails, found below directories.
 */
#ifndef MILTER_TEST_SERVER_MAILS_H
#define MILTER_TEST_SERVER_MAILS_H

#include "libcore/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* {0} is empty; clear it. */
struct mails {
    char **paths;
    size_t count;
};

bool mails_is_directory(const char *path);
/*
 * Adds path, or when it is a directory all regular files below it, sorted by
 * name directory by directory.  False with *error: a directory cannot be read,
 * or there is no file below path.
 */
bool mails_add(struct mails *mails, const char *path, struct error *error);
void mails_clear(struct mails *mails);

#endif
