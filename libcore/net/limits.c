/*
 * limits - descriptors for many sessions at once.
 */
#include "libcore/net/limits.h"

#include "libcore/net/process.h"

enum { OTHER_DESCRIPTORS = 32 }; /* standard streams, the loop, the log, and some to spare */

unsigned long limits_sessions(void)
{
    struct error ignored = {0}; /* what there is has to do */
    unsigned long limit;

    (void)process_set_descriptor_limit(0, &ignored);
    limit = process_descriptor_limit();
    return limit > OTHER_DESCRIPTORS ? limit - OTHER_DESCRIPTORS : 1;
}

bool limits_raise(unsigned sessions, struct error *error)
{
    unsigned long possible = limits_sessions();

    if (sessions <= possible) {
        return true;
    }
    error_set(error, ERROR_USAGE,
              "%u sessions at a time need %lu open files, the limit is %lu (see ulimit -n)",
              sessions, (unsigned long)sessions + OTHER_DESCRIPTORS, process_descriptor_limit());
    return false;
}
