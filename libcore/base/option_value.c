/*
 * option_value - numbers, times, modes and ids as users write them.
 *
 * Pure functions of their text; never asks the system whether an id exists.
 */
#include "libcore/base/option_value.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static const char DIGITS[] = "0123456789";

/* Digits only, in text + skip; says where they end. */
static bool check_digits(const char *text, size_t skip, struct error *error)
{
    size_t good = skip + strspn(text + skip, DIGITS);

    if (good > skip && text[good] == '\0') {
        return true;
    }
    int has_bad = text[good] != '\0' ? 1 : 0;
    error_set(error, ERROR_USAGE, "invalid integer value: <%s>(%.*s>%.*s<%s)", text, (int)good,
              text, has_bad, text + good, text + good + has_bad);
    return false;
}

bool option_parse_unsigned(const char *text, unsigned long maximum, unsigned long *value,
                           struct error *error)
{
    bool negative = text[0] == '-';

    if (!check_digits(text, negative || text[0] == '+' ? 1 : 0, error)) {
        return false;
    }
    if (negative && strspn(text + 1, "0") != strlen(text + 1)) {
        error_set(error, ERROR_USAGE, "must be larger than 0 or equal to 0: <%s>", text);
        return false;
    }
    errno = 0;
    unsigned long parsed = strtoul(text, NULL, 10);
    if (errno == ERANGE || parsed > maximum) {
        error_set(error, ERROR_USAGE, "too big: <%s>: parsed=<%lu>, max=<%lu>", text, parsed,
                  maximum);
        return false;
    }
    *value = parsed;
    return true;
}

bool option_parse_seconds(const char *text, double *seconds, struct error *error)
{
    char *end = NULL;
    /* strtod also takes hexadecimal numbers, blanks, "nan" and "inf". */
    bool plain = text[0] != '\0' && strspn(text, "+-.0123456789eE") == strlen(text);
    double parsed = plain ? strtod(text, &end) : 0;

    if (!plain || *end != '\0' || !isfinite(parsed)) {
        error_set(error, ERROR_USAGE, "invalid number of seconds: <%s>", text);
        return false;
    }
    if (parsed < 0) {
        error_set(error, ERROR_USAGE, "must be larger than 0 or equal to 0: <%s>", text);
        return false;
    }
    *seconds = parsed;
    return true;
}

/* Modes. */

static bool parse_octal_mode(const char *text, unsigned *mode, struct error *error)
{
    unsigned value = 0;

    for (const char *digit = text; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '7') {
            error_set(error, ERROR_USAGE, "must be 0-7: '%c': <%s>", *digit, text);
            return false;
        }
    }
    if (strlen(text + (text[0] == '0' ? 1 : 0)) > 3) {
        error_set(error, ERROR_USAGE, "must be at most 3 digits: <%s>", text);
        return false;
    }
    for (const char *digit = text; *digit != '\0'; digit++) {
        value = value * 8 + (unsigned)(*digit - '0');
    }
    *mode = value;
    return true;
}

struct letter_bits {
    char letter;
    unsigned bits;
};

static const struct letter_bits TARGETS[] = {{'u', 0700}, {'g', 0070}, {'o', 0007}, {'a', 0777}};
static const struct letter_bits PERMISSIONS[] = {{'r', 0444}, {'w', 0222}, {'x', 0111}};

/* Reads letters of the table off *text; returns the union of their bits. */
static unsigned take_letters(const char **text, const struct letter_bits *table, size_t count)
{
    unsigned bits = 0;

    for (;; (*text)++) {
        size_t i = 0;
        while (i < count && table[i].letter != **text) {
            i++;
        }
        if (i == count) {
            return bits;
        }
        bits |= table[i].bits;
    }
}

static bool parse_symbolic_mode(const char *text, unsigned *mode, struct error *error)
{
    const char *rest = text;
    unsigned targets = take_letters(&rest, TARGETS, sizeof(TARGETS) / sizeof(TARGETS[0]));

    if (*rest == '\0') {
        error_set(error, ERROR_USAGE, "set mode '=' is missing: <%s>", text);
    } else if (rest == text) {
        error_set(error, ERROR_USAGE, "invalid character: '%c': <%s>", *rest, text);
    } else if (*rest != '=') {
        error_set(error, ERROR_USAGE, "set mode must be '=': '%c': <%s>", *rest, text);
    } else {
        const char *letters = ++rest;
        unsigned bits =
            take_letters(&rest, PERMISSIONS, sizeof(PERMISSIONS) / sizeof(PERMISSIONS[0]));
        if (*rest != '\0') {
            error_set(error, ERROR_USAGE, "mode must be 'r', 'w' or 'x': '%c': <%s>", *rest, text);
        } else if (rest == letters) {
            error_set(error, ERROR_USAGE, "mode 'r', 'w' or 'x' is missing: <%s>", text);
        } else {
            *mode = targets & bits;
            return true;
        }
    }
    return false;
}

bool option_parse_mode(const char *text, unsigned *mode, struct error *error)
{
    if (text[0] >= '0' && text[0] <= '9') {
        return parse_octal_mode(text, mode, error);
    }
    return parse_symbolic_mode(text, mode, error);
}

/* Ids. */

bool option_check_id(const char *text, const char *type, struct error *error)
{
    bool negative = text[0] == '-';

    if (!check_digits(text, negative ? 1 : 0, error)) {
        return false;
    }
    errno = 0;
    long parsed = strtol(text, NULL, 10);
    /* The highest number means "unchanged" to the system. */
    if (errno == ERANGE || parsed < 0 || parsed >= (long)(id_t)-1) {
        error_set(error, ERROR_USAGE, "invalid %s: <%s>(%ld)", type, text, parsed);
        return false;
    }
    return true;
}
