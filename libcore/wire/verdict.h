/*
 * verdict - what a filter, or a whole session, has decided.
 */
#ifndef LIBCORE_WIRE_VERDICT_H
#define LIBCORE_WIRE_VERDICT_H

#include <stdbool.h>

/* In ascending strength (manager-semantics section 5.1). */
enum verdict {
    VERDICT_NONE, /* nothing decided yet */
    VERDICT_ACCEPT,
    VERDICT_SKIP,
    VERDICT_CONTINUE,
    VERDICT_TEMPORARY_FAILURE,
    VERDICT_REJECT,
    VERDICT_DISCARD,
};

/* "accept", "temporary-failure", ...; VERDICT_NONE is "default". */
const char *verdict_name(enum verdict verdict);
/*
 * accept, reject, temporary-failure or discard, any case, '_' same as '-': the
 * values of the fallback_status items (configuration section 3).
 */
bool verdict_parse_fallback(const char *name, enum verdict *verdict);

#endif
