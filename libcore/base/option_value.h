/*
 * option_value - numbers, times, modes and ids as users write them.
 *
 * The sentences are those of milter-manager-cli.md sections 1.2 and 1.3; the
 * caller puts the name of the option or the configuration item in front.
 */
#ifndef LIBCORE_BASE_OPTION_VALUE_H
#define LIBCORE_BASE_OPTION_VALUE_H

#include "libcore/base/error.h"

#include <stdbool.h>

/* Decimal digits, 0 to maximum. */
bool option_parse_unsigned(const char *text, unsigned long maximum, unsigned long *value,
                           struct error *error);
/* A finite decimal number of seconds, 0 or more. */
bool option_parse_seconds(const char *text, double *seconds, struct error *error);
/* "660", "0660" or one clause such as "ug=rw". */
bool option_parse_mode(const char *text, unsigned *mode, struct error *error);
/* type: "UID" or "GID", for the message.  The number need not belong to anybody. */
bool option_check_id(const char *text, const char *type, struct error *error);

#endif
