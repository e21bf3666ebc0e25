/*
 * terminal - whether colours make sense on standard output.  Reads the
 * environment, changes nothing.
 */
#include "milter-test-server/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool terminal_has_colours(void)
{
    static const char *const capable[] = {"term", "color", "linux", "screen",
                                          "tmux", "ansi",  "cygwin"};
    const char *term = getenv("TERM");
    const char *emacs = getenv("EMACS");

    if (isatty(STDOUT_FILENO) == 0) {
        return false;
    }
    for (size_t i = 0; term != NULL && i < sizeof(capable) / sizeof(capable[0]); i++) {
        if (strstr(term, capable[i]) != NULL) {
            return true;
        }
    }
    return emacs != NULL && strcmp(emacs, "t") == 0;
}
