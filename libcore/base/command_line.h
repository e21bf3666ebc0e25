/*
 * command_line - a command line cut into words by the rules of the shell, without
 * a shell.
 *
 *   blanks       between words: space, tab, line end
 *   'text'       as it stands
 *   "text"       as it stands, but for a backslash in front of $ ` " \ or a line end
 *   \c           that character; a backslash and a line end are nothing at all
 *
 * Adjacent parts make one word.  Nothing is expanded: $, `, *, ~, ; | & and # are
 * characters like any other.
 */
#ifndef LIBCORE_BASE_COMMAND_LINE_H
#define LIBCORE_BASE_COMMAND_LINE_H

#include "libcore/base/arena.h"
#include "libcore/base/error.h"

#include <stdbool.h>

/*
 * The words as a NULL-terminated array for execv, in the arena.  False with a
 * sentence (ERROR_USAGE) at a quote without its end or a backslash with nothing
 * behind it.
 */
bool command_line_split(const char *text, struct arena *arena, char ***words, unsigned *count,
                        struct error *error);

#endif
