/*
 * given_address - an address of the command line, with or without angle
 * brackets and a display name: "joe@example.com", "Joe <joe@example.com>".
 *
 * More severe than the parser of mails: what was typed is what is sent, so
 * nothing may have been left out of the address.
 */
#include "milter-performance-check/given_address.h"

#include "libcore/base/word.h"
#include "libcore/mail/address_list.h"

#include <string.h>

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

/* NULL, or what is wrong. */
static const char *check(const char *text, const struct address_list *list, bool understood)
{
    struct slice address;

    if (has_control(text)) {
        return "an address has no line breaks and control characters";
    }
    if (!understood || list->count == 0) {
        return "this is no address; an address is joe@example.com or \"Joe <joe@example.com>\", "
               "with blanks in quotes only";
    }
    if (list->count > 1) {
        return "these are several addresses; give the option once for each";
    }
    address = list->items[0];
    if (memmem(text, strlen(text), address.data, address.length) == NULL) {
        return "an address has blanks in quotes only, and no comments";
    }
    return NULL;
}

bool given_address_parse(const char *option, const char *text, bool null_sender,
                         struct arena *arena, struct slice *address, struct error *error)
{
    struct address_list list;
    struct buffer quoted = {0};
    const char *mistake;
    bool understood;

    if (text[0] == '\0' || strcmp(text, "<>") == 0) {
        *address = slice_of("", 0);
        if (!null_sender) {
            error_set(error, ERROR_USAGE, "%s: the address is empty", option);
        }
        return null_sender;
    }
    address_list_init(&list, arena);
    understood = address_list_parse(&list, slice_from_string(text));
    mistake = check(text, &list, understood);
    if (mistake != NULL) {
        word_append_quoted(&quoted, slice_from_string(text));
        buffer_append_byte(&quoted, '\0');
        error_set(error, ERROR_USAGE, "%s %.200s: %s", option, buffer_slice(&quoted).data, mistake);
        buffer_clear(&quoted);
        return false;
    }
    *address = list.items[0];
    return true;
}
