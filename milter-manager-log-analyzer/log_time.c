/*
 * log_time - stamps to seconds since 1970.
 *
 * The C library is asked only what the local time's offset is, and only when a minute begins:
 * lines come in order, mostly, and many in a minute.
 */
#include "milter-manager-log-analyzer/log_time.h"

#include "milter-manager-log-analyzer/scan.h"

#include <time.h>

enum {
    DAY = 86400,
    YEARS = 9, /* back from the latest: one of them has a 29th of February, also about 2100 */
};

/* ---- the calendar */

/* Days from 1970-01-01 to that day of the Gregorian calendar; years begin in March here. */
static int64_t days_since_1970(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static bool day_exists(int64_t year, unsigned month, unsigned day)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] + (month == 2 && leap ? 1U : 0U);
}

/* ---- local time */

/* Seconds that local time is ahead of UTC then. */
static int64_t zone_offset(int64_t when)
{
    time_t seconds = (time_t)when;
    struct tm local;

    return localtime_r(&seconds, &local) != NULL ? local.tm_gmtoff : 0;
}

/*
 * first and second are the times of both passes of a repeated hour.  The second pass is known by
 * time that would go back otherwise, and lasts until it is over: a clock that is set back a little
 * then does not bring the first one back.  When the repeated time begins again the clock goes back
 * by more than half of it, half an hour on Lord Howe Island; a clock that is set goes back by less.
 */
static bool is_second_pass(int64_t previous, int64_t first, int64_t second, int64_t offset_after)
{
    if (previous <= first || previous > second + DAY) { /* or there was nothing before */
        return false;
    }
    return previous - first > (second - first) / 2 || zone_offset(previous) == offset_after;
}

/* wall: what a clock on the wall shows, in seconds since it showed 1970. */
static int64_t time_of_wall(int64_t wall, int64_t previous)
{
    int64_t before = zone_offset(wall - DAY), after = zone_offset(wall + DAY);
    int64_t first = wall - before, second = wall - after;

    if (before == after) {
        return first;
    }
    bool first_is = zone_offset(first) == before, second_is = zone_offset(second) == after;
    if (first_is && second_is) {
        return is_second_pass(previous, first, second, after) ? second : first;
    }
    /* In the hour that is left out in spring the clock has not been set yet. */
    return second_is ? second : first;
}

/* ---- stamps */

/* Exactly two digits, up to maximum. */
static bool take_two(struct slice *rest, unsigned maximum, unsigned *number)
{
    if (rest->length < 2 || !scan_is_digit(rest->data[0]) || !scan_is_digit(rest->data[1])) {
        return false;
    }
    *number = (unsigned)(rest->data[0] - '0') * 10 + (unsigned)(rest->data[1] - '0');
    scan_skip(rest, 2);
    return *number <= maximum;
}

/* ":SS", and a fraction of any length; 60 is a leap second. */
static bool take_seconds(struct slice *rest, int64_t *time)
{
    unsigned seconds;

    if (!scan_byte(rest, ':') || !take_two(rest, 60, &seconds)) {
        return false;
    }
    *time += seconds;
    if (scan_peek(rest) == '.' || scan_peek(rest) == ',') {
        size_t i = 1;

        while (i < rest->length && scan_is_digit(rest->data[i])) {
            i++;
        }
        scan_skip(rest, i);
    }
    return true;
}

/* The minute of the line before, most often. */
static bool take_remembered(const struct log_clock *clock, struct slice *rest, int64_t *time)
{
    if (clock->stamp_length == 0 || !scan_has(rest, clock->stamp, clock->stamp_length)) {
        return false;
    }
    *time = clock->stamp_time;
    scan_skip(rest, clock->stamp_length);
    return true;
}

static void remember(struct log_clock *clock, const char *stamp, size_t length, int64_t time)
{
    if (length <= sizeof(clock->stamp)) {
        memcpy(clock->stamp, stamp, length);
        clock->stamp_length = length;
        clock->stamp_time = time;
    }
}

static bool take_month(struct slice *rest, unsigned *month)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (*month = 1; *month <= 12; (*month)++) {
        if (scan_text(rest, names + ((size_t)*month - 1) * 3, 3)) {
            return scan_byte(rest, ' ');
        }
    }
    return false;
}

/* "1", " 1", "01", "31", and the blank behind it. */
static bool take_day(struct slice *rest, unsigned *day)
{
    uint64_t number;

    (void)scan_byte(rest, ' ');
    if (!scan_number(rest, &number) || number > 31) {
        return false;
    }
    *day = (unsigned)number;
    return scan_byte(rest, ' ');
}

static bool take_hour_and_minute(struct slice *rest, int64_t *seconds)
{
    unsigned hour, minute;

    if (!take_two(rest, 23, &hour) || !scan_byte(rest, ':') || !take_two(rest, 59, &minute)) {
        return false;
    }
    *seconds = hour * 3600 + minute * 60;
    return true;
}

/* No later than the clock allows. */
static bool find_year(const struct log_clock *clock, unsigned month, unsigned day,
                      int64_t time_of_day, int64_t *time)
{
    int64_t limit = clock->latest + DAY;
    time_t seconds = (time_t)limit;
    struct tm local;

    if (localtime_r(&seconds, &local) == NULL) {
        return false;
    }
    for (int64_t year = local.tm_year + 1900, last = year - YEARS; year > last; year--) {
        if (day_exists(year, month, day)) {
            *time = time_of_wall(days_since_1970(year, month, day) * DAY + time_of_day,
                                 clock->previous);
            if (*time <= limit) {
                return true;
            }
        }
    }
    return false;
}

bool log_time_traditional(struct log_clock *clock, struct slice *rest, int64_t *time)
{
    const char *stamp = rest->data;
    unsigned month, day;
    int64_t time_of_day;

    if (!take_remembered(clock, rest, time)) {
        if (!take_month(rest, &month) || !take_day(rest, &day) ||
            !take_hour_and_minute(rest, &time_of_day) ||
            !find_year(clock, month, day, time_of_day, time)) {
            return false;
        }
        remember(clock, stamp, (size_t)(rest->data - stamp), *time);
    }
    return take_seconds(rest, time);
}

/* "2024-05-01T10:00", as if it were UTC. */
static bool take_iso_minute(struct slice *rest, int64_t *time)
{
    unsigned century, year, month, day;
    int64_t time_of_day;

    if (!take_two(rest, 99, &century) || !take_two(rest, 99, &year) || !scan_byte(rest, '-') ||
        !take_two(rest, 12, &month) || !scan_byte(rest, '-') || !take_two(rest, 31, &day) ||
        !(scan_byte(rest, 'T') || scan_byte(rest, ' ')) ||
        !take_hour_and_minute(rest, &time_of_day) ||
        !day_exists((int64_t)century * 100 + year, month, day)) {
        return false;
    }
    *time = days_since_1970((int64_t)century * 100 + year, month, day) * DAY + time_of_day;
    return true;
}

/* "Z", "+02:00", "+0200", "+02", or nothing. */
static bool take_offset(const struct log_clock *clock, struct slice *rest, int64_t *time)
{
    char sign = scan_peek(rest);
    unsigned hours, minutes = 0;

    if (sign == 'Z') {
        scan_skip(rest, 1);
        return true;
    }
    if (sign != '+' && sign != '-') {
        *time = time_of_wall(*time, clock->previous);
        return true;
    }
    scan_skip(rest, 1);
    if (!take_two(rest, 23, &hours)) {
        return false;
    }
    if ((scan_byte(rest, ':') || scan_is_digit(scan_peek(rest))) && !take_two(rest, 59, &minutes)) {
        return false;
    }
    int64_t offset = hours * 3600 + minutes * 60;
    *time += sign == '+' ? -offset : offset;
    return true;
}

bool log_time_iso(struct log_clock *clock, struct slice *rest, int64_t *time)
{
    const char *stamp = rest->data;

    if (!take_remembered(clock, rest, time)) {
        if (!take_iso_minute(rest, time)) {
            return false;
        }
        remember(clock, stamp, (size_t)(rest->data - stamp), *time);
    }
    return take_seconds(rest, time) && take_offset(clock, rest, time);
}
