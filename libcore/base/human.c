/*
 * human - figures as people read them.  Pure formatting; never fails.
 */
#include "libcore/base/human.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define UNKNOWN "\xe2\x80\x93"

static bool human_unknown(double figure)
{
    return !(figure >= 0) || isinf(figure);
}

static struct human human_string(const char *text)
{
    struct human human = {{0}};

    snprintf(human.text, sizeof(human.text), "%s", text);
    return human;
}

struct human human_duration(double seconds)
{
    static const struct {
        double seconds, part;
        const char *unit, *part_unit;
    } units[] = {{86400, 3600, "d", "h"}, {3600, 60, "h", "min"}, {60, 1, "min", "s"}};
    struct human human = {{0}};

    if (human_unknown(seconds)) {
        return human_string(UNKNOWN);
    }
    if (seconds >= 1e11) {
        return human_string("for ages");
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        double whole = floor(seconds / units[i].seconds);
        double part = floor((seconds - whole * units[i].seconds) / units[i].part);

        if (whole < 1) {
            continue;
        }
        if (part > 0) {
            snprintf(human.text, sizeof(human.text), "%.0f %s %.0f %s", whole, units[i].unit, part,
                     units[i].part_unit);
        } else {
            snprintf(human.text, sizeof(human.text), "%.0f %s", whole, units[i].unit);
        }
        return human;
    }
    snprintf(human.text, sizeof(human.text), seconds < 9.95 ? "%.1f s" : "%.0f s",
             seconds < 9.95 ? seconds : floor(seconds));
    return human;
}

/* Three digits: "1.25", "12.5", "125". */
static void human_digits(struct human *human, double figure, const char *unit)
{
    int decimals = figure < 9.995 ? 2 : figure < 99.95 ? 1 : 0;

    snprintf(human->text, sizeof(human->text), "%.*f %s", decimals, figure, unit);
}

struct human human_latency(double seconds)
{
    struct human human = {{0}};

    if (human_unknown(seconds)) {
        return human_string(UNKNOWN);
    }
    if (seconds >= 120) {
        return human_duration(seconds);
    }
    if (seconds < 0.9995) {
        human_digits(&human, seconds * 1000, "ms");
    } else {
        human_digits(&human, seconds, "s");
    }
    return human;
}

struct human human_bytes(double bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    struct human human = {{0}};
    size_t unit = 0;

    if (human_unknown(bytes)) {
        return human_string(UNKNOWN);
    }
    if (bytes < 1000) {
        snprintf(human.text, sizeof(human.text), "%.0f B", bytes);
        return human;
    }
    for (bytes /= 1000; bytes >= 999.5 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++) {
        bytes /= 1000;
    }
    if (bytes >= 1e6) {
        return human_string("very many");
    }
    human_digits(&human, bytes, units[unit]);
    return human;
}

struct human human_count(double count)
{
    char digits[32];
    struct human human = {{0}};
    size_t length, written = 0;

    if (human_unknown(count)) {
        return human_string(UNKNOWN);
    }
    if (count >= 1e15) {
        snprintf(human.text, sizeof(human.text), "%.3g", count);
        return human;
    }
    snprintf(digits, sizeof(digits), "%.0f", count);
    length = strlen(digits);
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            human.text[written++] = ',';
        }
        human.text[written++] = digits[i];
    }
    return human;
}

struct human human_short_count(double count)
{
    static const struct {
        double from, divisor;
        const char *unit;
    } units[] = {{1e12, 1e12, "T"}, {1e9, 1e9, "G"}, {1e6, 1e6, "M"}, {1e3, 1e3, "k"}};
    struct human human = {{0}};

    if (human_unknown(count)) {
        return human_string(UNKNOWN);
    }
    if (count >= 1e15) {
        return human_string("many");
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (count >= units[i].from) {
            snprintf(human.text, sizeof(human.text), "%.3g%s", count / units[i].divisor,
                     units[i].unit);
            return human;
        }
    }
    snprintf(human.text, sizeof(human.text), "%.3g", count);
    return human;
}

struct human human_share(double part, double whole)
{
    double share = 100 * part / whole;
    struct human human = {{0}};

    if (human_unknown(part) || !(whole > 0) || human_unknown(share) || share > 100) {
        return human_string(UNKNOWN);
    }
    if (share == 0 || share == 100) {
        snprintf(human.text, sizeof(human.text), "%.0f %%", share);
    } else if (share < 0.1) {
        return human_string("< 0.1 %");
    } else if (share > 99.9) {
        return human_string("> 99.9 %");
    } else {
        snprintf(human.text, sizeof(human.text), "%.1f %%", share);
    }
    return human;
}

/* The number that length digits make, or -1 when there are others among them. */
static int human_parse_digits(const char *text, size_t length)
{
    int number = 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

/* What may follow the seconds: a fraction, and the letter for UTC. */
static bool human_ends_in_utc(struct slice rest)
{
    if (slice_starts_with(rest, ".")) {
        do {
            slice_skip(&rest, 1);
        } while (rest.length > 0 && human_parse_digits(rest.data, 1) >= 0);
    }
    return slice_equal_string(rest, "Z");
}

bool human_parse_time(struct slice text, time_t *time)
{
    enum { PARTS = 6, LENGTH = 19 };
    static const struct {
        size_t at, length;
        int least, most;
        char after;
    } shape[PARTS] = {
        {0, 4, 0, 9999, '-'}, {5, 2, 1, 12, '-'},  {8, 2, 1, 31, 'T'},
        {11, 2, 0, 23, ':'},  {14, 2, 0, 59, ':'}, {17, 2, 0, 60, '\0'},
    };
    int parts[PARTS];

    if (text.length < LENGTH) {
        return false;
    }
    for (unsigned i = 0; i < PARTS; i++) {
        parts[i] = human_parse_digits(text.data + shape[i].at, shape[i].length);
        if (parts[i] < shape[i].least || parts[i] > shape[i].most ||
            (shape[i].after != '\0' &&
             text.data[shape[i].at + shape[i].length] != shape[i].after)) {
            return false;
        }
    }
    slice_skip(&text, LENGTH);
    if (!human_ends_in_utc(text)) {
        return false;
    }
    *time = timegm(&(struct tm){.tm_year = parts[0] - 1900,
                                .tm_mon = parts[1] - 1,
                                .tm_mday = parts[2],
                                .tm_hour = parts[3],
                                .tm_min = parts[4],
                                .tm_sec = parts[5]});
    return true;
}

struct human human_time(time_t time, time_t now)
{
    struct tm parts = {0}, today = {0};
    struct human human = {{0}};

    if (gmtime_r(&time, &parts) == NULL || gmtime_r(&now, &today) == NULL) {
        return human_string(UNKNOWN);
    }
    strftime(human.text, sizeof(human.text),
             parts.tm_year == today.tm_year && parts.tm_yday == today.tm_yday ? "%H:%M:%S UTC"
                                                                              : "%F %H:%M UTC",
             &parts);
    return human;
}

struct human human_ago(time_t time, time_t now)
{
    static const struct {
        double seconds;
        const char *unit;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    double age = difftime(now, time), distance = fabs(age);
    struct human human = {{0}};

    if (distance < 2) {
        return human_string("just now");
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (distance >= units[i].seconds) {
            snprintf(human.text, sizeof(human.text), age < 0 ? "in %.0f %s" : "%.0f %s ago",
                     floor(distance / units[i].seconds), units[i].unit);
            break;
        }
    }
    return human;
}
