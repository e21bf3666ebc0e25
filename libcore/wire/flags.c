/*
 * flags - the bits of a negotiation by name.  Pure functions.
 */
#include "libcore/wire/flags.h"

#include "libcore/wire/protocol.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *what;
    uint32_t all;
    const char *(*name)(unsigned bit_number);
} kinds[] = {
    [FLAGS_ACTIONS] = {"action", ACTION_ALL, action_name},
    [FLAGS_STEPS] = {"step", STEP_ALL, step_name},
};

void flags_append(struct buffer *output, enum flags_kind kind, uint32_t flags)
{
    const char *separator = "";

    if (flags == 0 || flags == kinds[kind].all) {
        buffer_append_string(output, flags == 0 ? "none" : "all");
        return;
    }
    for (unsigned bit = 0; bit < 32; bit++) {
        const char *name = kinds[kind].name(bit);

        if ((flags >> bit & 1) == 0) {
            continue;
        }
        buffer_append_string(output, separator);
        if (name != NULL) {
            buffer_append_string(output, name);
        } else {
            buffer_append_format(output, "0x%lx", 1UL << bit);
        }
        separator = "|";
    }
}

static bool parse_number(struct slice text, uint32_t *flags)
{
    char number[16], *end;
    unsigned long value;

    if (text.length < 3 || text.length >= sizeof(number) || !slice_starts_with(text, "0x")) {
        return false;
    }
    memcpy(number, text.data, text.length);
    number[text.length] = '\0';
    value = strtoul(number, &end, 16);
    *flags |= (uint32_t)value;
    return *end == '\0' && value <= UINT32_MAX;
}

static bool parse_one(enum flags_kind kind, struct slice text, uint32_t *flags)
{
    if (slice_equal_string(text, "none")) {
        return true;
    }
    if (slice_equal_string(text, "all")) {
        *flags |= kinds[kind].all;
        return true;
    }
    for (unsigned bit = 0; bit < 32; bit++) {
        const char *name = kinds[kind].name(bit);

        if (name != NULL && slice_equal_string(text, name)) {
            *flags |= (uint32_t)1 << bit;
            return true;
        }
    }
    return parse_number(text, flags);
}

bool flags_parse(enum flags_kind kind, struct slice text, uint32_t *flags, struct error *error)
{
    *flags = 0;
    for (;;) {
        size_t length = 0;

        while (length < text.length && text.data[length] != '|' && text.data[length] != ',') {
            length++;
        }
        if (!parse_one(kind, slice_of(text.data, length), flags)) {
            error_set(error, ERROR_USAGE,
                      "unknown %s <%.*s>; names joined with |, all, none and 0x... are known",
                      kinds[kind].what, (int)length, text.data);
            return false;
        }
        if (length == text.length) {
            return true;
        }
        slice_skip(&text, length + 1);
    }
}
