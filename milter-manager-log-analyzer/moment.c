/*
 * moment - a time as users write it, and as programs read it.
 */
#include "milter-manager-log-analyzer/moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool fail(const char *text, struct error *error)
{
    error_set(error, ERROR_USAGE,
              "no time: <%s>; right would be 2024-05-01, 2024-05-01T10:00, 2024-05-01T10:00:00Z, "
              "2024-05-01T10:00+02:00, or so long ago: -30m, -1h, -2d, -1w",
              text);
    return false;
}

/* Takes up to count digits; false: there are fewer. */
static bool take_number(const char **text, int count, int least, int most, int *number)
{
    *number = 0;
    for (int i = 0; i < count; i++) {
        if (**text < '0' || **text > '9') {
            return false;
        }
        *number = *number * 10 + (*(*text)++ - '0');
    }
    return *number >= least && *number <= most;
}

static bool take_sign(const char **text, char sign)
{
    if (**text != sign) {
        return false;
    }
    (*text)++;
    return true;
}

/* "-2d", behind the dash. */
static bool parse_ago(const char *text, int64_t now, int64_t *time)
{
    static const struct {
        const char *name;
        int64_t seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400}};
    const char *unit = text + strspn(text, "0123456789");
    long number;

    if (unit == text || unit - text > 6) {
        return false;
    }
    number = strtol(text, NULL, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i].name) == 0) {
            *time = now - number * units[i].seconds;
            return *time > 0;
        }
    }
    return false;
}

static bool take_date(const char **text, struct tm *tm)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    bool leap;

    if (!take_number(text, 4, 1971, 9998, &year) || !take_sign(text, '-') ||
        !take_number(text, 2, 1, 12, &month) || !take_sign(text, '-') ||
        !take_number(text, 2, 1, 31, &day)) {
        return false;
    }
    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    tm->tm_year = year - 1900;
    tm->tm_mon = month - 1;
    tm->tm_mday = day;
    return day <= lengths[month - 1] + (month == 2 && leap);
}

static bool take_clock(const char **text, struct tm *tm)
{
    if (!take_sign(text, 'T') && !take_sign(text, ' ')) {
        return false;
    }
    if (!take_number(text, 2, 0, 24, &tm->tm_hour) || !take_sign(text, ':') ||
        !take_number(text, 2, 0, 59, &tm->tm_min)) {
        return false;
    }
    if (take_sign(text, ':') && !take_number(text, 2, 0, 60, &tm->tm_sec)) {
        return false;
    }
    if (take_sign(text, '.')) {
        *text += strspn(*text, "0123456789");
    }
    return true;
}

/* What follows the time; false: something else does. */
static bool take_offset(const char **text, int *seconds)
{
    int sign = **text == '-' ? -1 : 1;
    int hours, minutes;

    *seconds = 0;
    if (take_sign(text, 'Z')) {
        return true;
    }
    if (!take_sign(text, '+') && !take_sign(text, '-')) {
        return false;
    }
    if (!take_number(text, 2, 0, 18, &hours)) {
        return false;
    }
    (void)take_sign(text, ':');
    if (!take_number(text, 2, 0, 59, &minutes)) {
        return false;
    }
    *seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool moment_parse(const char *text, int64_t now, int64_t *time, struct error *error)
{
    const char *rest = text;
    struct tm tm = {.tm_isdst = -1};
    int offset = 0;

    if (text[0] == '-') {
        return parse_ago(text + 1, now, time) || fail(text, error);
    }
    if (!take_date(&rest, &tm) || (*rest != '\0' && !take_clock(&rest, &tm))) {
        return fail(text, error);
    }
    if (*rest == '\0') {
        *time = mktime(&tm);
    } else if (take_offset(&rest, &offset) && *rest == '\0') {
        *time = timegm(&tm) - offset;
    } else {
        return fail(text, error);
    }
    return true;
}

const char *moment_text(int64_t time, char text[MOMENT_TEXT])
{
    time_t seconds = time;
    struct tm tm;

    if (gmtime_r(&seconds, &tm) == NULL ||
        strftime(text, MOMENT_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) {
        snprintf(text, MOMENT_TEXT, "-");
    }
    return text;
}
