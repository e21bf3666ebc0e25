/*
 * verdict - names of verdicts.  Pure functions.
 */
#include "libcore/wire/verdict.h"

#include <ctype.h>
#include <stddef.h>

static const char *const verdict_names[] = {
    [VERDICT_NONE] = "default",
    [VERDICT_ACCEPT] = "accept",
    [VERDICT_SKIP] = "skip",
    [VERDICT_CONTINUE] = "continue",
    [VERDICT_TEMPORARY_FAILURE] = "temporary-failure",
    [VERDICT_REJECT] = "reject",
    [VERDICT_DISCARD] = "discard",
};

const char *verdict_name(enum verdict verdict)
{
    return verdict_names[verdict];
}

static bool verdict_name_matches(const char *name, const char *wanted)
{
    for (; *wanted != '\0'; name++, wanted++) {
        char c = *name == '_' ? '-' : (char)tolower((unsigned char)*name);

        if (c != *wanted) {
            return false;
        }
    }
    return *name == '\0';
}

bool verdict_parse_fallback(const char *name, enum verdict *verdict)
{
    static const enum verdict allowed[] = {VERDICT_ACCEPT, VERDICT_REJECT,
                                           VERDICT_TEMPORARY_FAILURE, VERDICT_DISCARD};

    for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
        if (verdict_name_matches(name, verdict_names[allowed[i]])) {
            *verdict = allowed[i];
            return true;
        }
    }
    return false;
}
