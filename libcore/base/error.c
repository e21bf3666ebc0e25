/*
 * error - what went wrong, as a value: a code and a sentence for the operator.
 *
 * Owns nothing: the sentence lives inside the struct, so an error can be made
 * when memory is short and copied by assignment.
 */
#include "libcore/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void error_set(struct error *error, enum error_code code, const char *format, ...)
{
    va_list arguments;

    if (error == NULL || error->code != ERROR_NONE) {
        return;
    }
    error->code = code;
    va_start(arguments, format);
    (void)vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
}

void error_set_errno(struct error *error, const char *format, ...)
{
    int saved = errno;
    va_list arguments;
    size_t used;

    if (error == NULL || error->code != ERROR_NONE) {
        return;
    }
    error->code = ERROR_SYSTEM;
    va_start(arguments, format);
    (void)vsnprintf(error->message, sizeof(error->message), format, arguments);
    va_end(arguments);
    used = strlen(error->message);
    (void)snprintf(error->message + used, sizeof(error->message) - used, ": %s", strerror(saved));
    errno = saved;
}

void error_clear(struct error *error)
{
    error->code = ERROR_NONE;
    error->message[0] = '\0';
}
