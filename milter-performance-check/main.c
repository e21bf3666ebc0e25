/*
 * milter-performance-check - sends mails to an SMTP server, many at a time or at given
 * times, and reports how long everything took.
 *
 * Reports go to standard output, everything that went wrong to standard error.
 */
#include "libcore/net/process.h"
#include "milter-performance-check/arguments.h"
#include "milter-performance-check/run.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
    static struct plan plan;
    enum option_outcome outcome = arguments_parse(&plan, argc, argv);
    int status = outcome == OPTIONS_EXIT_SUCCESS ? EXIT_SUCCESS : RUN_IMPOSSIBLE;

    if (outcome == OPTIONS_RUN) {
        process_ignore_broken_pipes();
        process_learn_of_deaths();
        status = (int)run(&plan);
    }
    arguments_clear(&plan);
    return status;
}
