/*
 * mail_files - the files a command line names: themselves, those below
 * directories, and standard input.
 */
#ifndef LIBCORE_MAIL_MAIL_FILES_H
#define LIBCORE_MAIL_MAIL_FILES_H

#include "libcore/base/error.h"
#include "libcore/base/options.h"

/* {0} is empty; clear it, also after a failure. */
struct mail_files {
    char **paths; /* owned; "-" is standard input */
    size_t count;
    size_t capacity;
};

/* As it is, without a look at it. */
void mail_files_add(struct mail_files *files, const char *path);
/*
 * The regular files below the directory, links to files too, in the order of the bytes of their
 * paths; links to directories are not followed.  False with *error: something cannot be read, or
 * there is no file.
 */
bool mail_files_add_directory(struct mail_files *files, const char *path, struct error *error);
/* A link to one, too. */
bool mail_files_is_directory(const char *path);
/*
 * Adds what each of the words names, in their order: a file, a directory, or once
 * "-".  False with *error naming the word that is neither.
 */
bool mail_files_collect(struct mail_files *files, const struct option_strings *words,
                        struct error *error);
void mail_files_clear(struct mail_files *files);

#endif
