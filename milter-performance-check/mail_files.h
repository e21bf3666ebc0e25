/*
 * mail_files - the files a command line names: themselves, those below
 * directories, and standard input.
 */
#ifndef MILTER_PERFORMANCE_CHECK_MAIL_FILES_H
#define MILTER_PERFORMANCE_CHECK_MAIL_FILES_H

#include "libcore/base/error.h"
#include "libcore/base/options.h"

struct mail_files {
    char **paths; /* owned; "-" is standard input */
    size_t count;
    size_t capacity;
};

/*
 * In the order of the words; the regular files below a directory, links to files too, in the
 * order of their bytes.  A link to a directory is followed only when it is a word itself.  False
 * with *error naming the path; mail_files_clear in either case.
 */
bool mail_files_collect(struct mail_files *files, const struct option_strings *words,
                        struct error *error);
void mail_files_clear(struct mail_files *files);

#endif
