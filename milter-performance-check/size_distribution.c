/*
 * size_distribution - how large mails are: "2k:70,10k-100k:25,5m:5" (ranges
 * of sizes, and how often each is taken).
 */
#include "milter-performance-check/size_distribution.h"

#include "libcore/base/memory.h"
#include "milter-performance-check/chance.h"

#include <stdlib.h>
#include <string.h>

enum { WEIGHT_MAXIMUM = 1000000 };

/* Digits; false when there are none or the number is above maximum. */
static bool take_number(const char **text, uint64_t maximum, uint64_t *number)
{
    const char *start = *text;

    for (*number = 0; **text >= '0' && **text <= '9'; (*text)++) {
        *number = *number * 10 + (uint64_t)(**text - '0');
        if (*number > maximum) {
            return false;
        }
    }
    return *text > start;
}

static bool take_size(const char **text, uint64_t *size)
{
    if (!take_number(text, SIZE_DISTRIBUTION_MAXIMUM, size)) {
        return false;
    }
    if (**text == 'k' || **text == 'K') {
        *size *= 1024;
        (*text)++;
    } else if (**text == 'm' || **text == 'M') {
        *size *= (uint64_t)1024 * 1024;
        (*text)++;
    }
    return *size <= SIZE_DISTRIBUTION_MAXIMUM;
}

/* Takes "SIZE[-SIZE][:WEIGHT]"; NULL, or what is wrong with it. */
static const char *take_range(const char **text, struct size_range *range)
{
    if (!take_size(text, &range->minimum)) {
        return "a size is a number of bytes, or of KiB or MiB with k or m behind it, up to 1024m";
    }
    range->maximum = range->minimum;
    if (**text == '-') {
        (*text)++;
        if (!take_size(text, &range->maximum)) {
            return "behind the '-' belongs a size, such as 100k, up to 1024m";
        }
    }
    if (range->maximum < range->minimum) {
        return "the first size of a range is the smaller one";
    }
    range->weight = 1;
    if (**text == ':') {
        (*text)++;
        if (!take_number(text, WEIGHT_MAXIMUM, &range->weight)) {
            return "a weight is a number up to 1000000";
        }
    }
    return **text == '\0' || **text == ',' ? NULL : "it is SIZE, SIZE-SIZE or either with :WEIGHT";
}

static bool parse_ranges(struct size_distribution *distribution, const char *text,
                         struct error *error)
{
    for (;;) {
        struct size_range range;
        const char *start = text;
        const char *mistake = take_range(&text, &range);

        if (mistake != NULL) {
            error_set(error, ERROR_USAGE, "size not understood: %.*s: %s (an example: %s)",
                      (int)strcspn(start, ","), start, mistake, "2k:70,10k-100k:25,5m:5");
            return false;
        }
        distribution->ranges = memory_resize(distribution->ranges, distribution->count + 1,
                                             sizeof(*distribution->ranges));
        distribution->ranges[distribution->count++] = range;
        distribution->total_weight += range.weight;
        if (*text == '\0') {
            return true;
        }
        text++;
    }
}

bool size_distribution_parse(struct size_distribution *distribution, const char *text,
                             struct error *error)
{
    *distribution = (struct size_distribution){0};
    if (!parse_ranges(distribution, text, error)) {
        return false;
    }
    if (distribution->total_weight == 0) {
        error_set(error, ERROR_USAGE, "all weights are 0, so no size is ever taken: %s", text);
        return false;
    }
    return true;
}

void size_distribution_clear(struct size_distribution *distribution)
{
    free(distribution->ranges);
    *distribution = (struct size_distribution){0};
}

uint64_t size_distribution_largest(const struct size_distribution *distribution)
{
    uint64_t largest = 0;

    for (size_t i = 0; i < distribution->count; i++) {
        const struct size_range *range = &distribution->ranges[i];

        largest = range->weight > 0 && range->maximum > largest ? range->maximum : largest;
    }
    return largest;
}

uint64_t size_distribution_take(const struct size_distribution *distribution, uint64_t seed,
                                uint64_t number)
{
    struct chance chance = chance_begin(seed, number);
    uint64_t point = chance_below(&chance, distribution->total_weight);
    const struct size_range *range = distribution->ranges;

    while (point >= range->weight) {
        point -= range->weight;
        range++;
    }
    return range->minimum + chance_below(&chance, range->maximum - range->minimum + 1);
}
