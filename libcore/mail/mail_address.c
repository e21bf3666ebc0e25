/*
 * mail_address - the envelope form of an address: text in angle brackets.
 *
 * Cuts bytes, checks no syntax: whether an address is acceptable is for the
 * MTA and its filters to say.
 */
#include "libcore/mail/mail_address.h"

#include <string.h>

static const char blanks[] = " \t\r\n";

static bool mail_address_is_blank(char byte)
{
    return byte != '\0' && strchr(blanks, byte) != NULL;
}

struct slice mail_address_add_brackets(struct arena *arena, struct slice address)
{
    bool open = address.length > 0 && address.data[0] == '<';
    bool closed = address.length > 0 && address.data[address.length - 1] == '>';
    size_t length = address.length + (open ? 0 : 1) + (closed ? 0 : 1);
    char *text = arena_new(arena, length + 1);
    char *end = text;

    if (!open) {
        *end++ = '<';
    }
    if (address.length > 0) {
        memcpy(end, address.data, address.length);
        end += address.length;
    }
    if (!closed) {
        *end = '>';
    }
    return slice_of(text, length);
}

static struct slice mail_address_first_word(struct slice value)
{
    size_t length = 0;

    while (value.length > 0 && mail_address_is_blank(value.data[0])) {
        slice_skip(&value, 1);
    }
    while (length < value.length && !mail_address_is_blank(value.data[length])) {
        length++;
    }
    return slice_of(value.data, length);
}

bool mail_address_from_header(struct arena *arena, struct slice value, struct slice *address,
                              struct error *error)
{
    const char *open = value.length == 0 ? NULL : memchr(value.data, '<', value.length);
    const char *closing;

    if (open == NULL) {
        *address = mail_address_add_brackets(arena, mail_address_first_word(value));
        return true;
    }
    closing = memchr(open, '>', value.length - (size_t)(open - value.data));
    if (closing == NULL) {
        error_set(error, ERROR_USAGE, "invalid mail address: %.*s",
                  (int)(value.length < 400 ? value.length : 400), value.data);
        return false;
    }
    *address = arena_copy(arena, slice_of(open, (size_t)(closing - open) + 1));
    return true;
}
