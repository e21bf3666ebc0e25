/*
 * duration - lengths of time as users write them.  Pure functions; no locale.
 */
#include "libcore/base/duration.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    double seconds;
} units[] = {
    {"", 1},         {"us", 1e-6},   {"ms", 1e-3},   {"s", 1},        {"sec", 1},
    {"second", 1},   {"seconds", 1}, {"m", 60},      {"min", 60},     {"minute", 60},
    {"minutes", 60}, {"h", 3600},    {"hour", 3600}, {"hours", 3600},
};

static bool find_unit(const char *name, double *seconds)
{
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(units[i].name, name) == 0) {
            *seconds = units[i].seconds;
            return true;
        }
    }
    return false;
}

static bool is_decimal(const char *text, size_t length)
{
    size_t whole = strspn(text, "0123456789");
    size_t rest = text[whole] == '.' ? 1 + strspn(text + whole + 1, "0123456789") : 0;

    return whole + rest == length && whole + rest > (rest > 0 ? 1U : 0U);
}

bool duration_parse(struct slice text, double *seconds, struct error *error)
{
    char copy[64];
    size_t digits;
    double unit;

    (void)snprintf(copy, sizeof(copy), "%.*s", (int)(text.length < 60 ? text.length : 60),
                   text.data != NULL ? text.data : "");
    digits = strspn(copy, "0123456789.");
    if (strlen(copy) != text.length || !is_decimal(copy, digits) ||
        !find_unit(copy + digits, &unit)) {
        error_set(error, ERROR_USAGE,
                  "not a length of time: <%s>; a number and us, ms, s, m or h is one, e.g. 500ms",
                  copy);
        return false;
    }
    copy[digits] = '\0';
    *seconds = strtod(copy, NULL) * unit;
    return true;
}
