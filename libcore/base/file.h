/*
 * file - whole files, read and written in one go.
 */
#ifndef LIBCORE_BASE_FILE_H
#define LIBCORE_BASE_FILE_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"

/*
 * Appends the content of path, "-" is standard input.  what: "mail file", for
 * the message; a file that is not there is "PATH does not exist.".
 */
bool file_read(const char *path, const char *what, struct buffer *content, struct error *error);
/* The same, but a file of more than limit bytes, whole MiB, is refused. */
bool file_read_up_to(const char *path, const char *what, size_t limit, struct buffer *content,
                     struct error *error);
/*
 * Writes the content to path, as a whole or not at all: a reader sees the old
 * file or the new one, and after a failure the old one stays.  mode: of a new file, whatever the
 * umask is; a file that is replaced keeps its own, and its owner where that may be; a link to one
 * stays a link, but one of another user (root's apart) is replaced: it may lead anywhere.  Into a
 * device or a pipe it is written as it comes.
 */
bool file_write(const char *path, unsigned mode, struct slice content, struct error *error);
/* Whether file_write could write there now, as far as that can be told without doing it. */
bool file_may_write(const char *path, struct error *error);

/* Whether path is a link that somebody else has made, root apart. */
bool file_is_foreign_link(const char *path);

/* The path as it is from everywhere, also when the directory changes; free it. */
char *file_absolute_path(const char *path);

#endif
