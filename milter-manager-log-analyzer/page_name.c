/*
 * page_name - names of files and anchors.  Pure functions.
 */
#include "milter-manager-log-analyzer/page_name.h"

#include "libcore/base/buffer.h"
#include "libcore/base/hash.h"
#include "libcore/base/memory.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* File systems take 255 bytes; around it stand up to 40. */
enum { LONGEST = 180, KEPT = 120 };

static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static bool is_plain(char byte)
{
    return byte != '\0' && strchr(plain, byte) != NULL;
}

static char *take(struct buffer *text)
{
    char *copy = memory_copy_bytes(text->data + text->start, buffer_length(text));

    buffer_clear(text);
    return copy;
}

/* Not within "=2F", so that nothing else can end like this. */
static void shorten(struct buffer *text, const char *name)
{
    const char *data = buffer_slice(text).data;
    size_t kept = KEPT;

    while (data[kept - 1] == '=' || data[kept - 2] == '=') {
        kept--;
    }
    text->end = text->start + kept;
    buffer_append_format(text, "=~%016" PRIx64 "%016" PRIx64,
                         hash_bytes(HASH_SEED, slice_from_string(name)),
                         hash_bytes(UINT64_C(0x9e3779b97f4a7c15), slice_from_string(name)));
}

/*
 * A part of a file's name that stands for name and for no other: letters, digits, dot (not the
 * first), minus and underscore as they are, the rest as "=2F".  One that is too long for a file
 * system ends in "=~" and a hash.  Free it.
 */
static char *page_name_part(const char *name)
{
    struct buffer text = {0};

    for (const char *at = name; *at != '\0'; at++) {
        if (is_plain(*at) || (*at == '.' && at > name)) {
            buffer_append_byte(&text, *at);
        } else {
            buffer_append_format(&text, "=%02X", (unsigned char)*at);
        }
    }
    if (buffer_length(&text) > LONGEST) {
        shorten(&text, name);
    }
    buffer_append_byte(&text, '\0');
    return take(&text);
}

static char *around(const char *before, const char *name, const char *after)
{
    char *part = page_name_part(name);
    char *whole = memory_format("%s%s%s", before, part, after);

    free(part);
    return whole;
}

char *page_name_of_child(const char *name)
{
    return around("milter-", name, ".html");
}

char *page_name_of_picture(const char *file, const char *name, const char *tag)
{
    char *before = memory_format("%s%s", file, name[0] != '\0' ? "." : "");
    char *after = memory_format(".%s.png", tag);
    char *whole = around(before, name, after);

    free(before);
    free(after);
    return whole;
}

char *page_name_id(const char *range, const char *title)
{
    struct buffer id = {0};

    buffer_append_string(&id, range);
    buffer_append_byte(&id, '-');
    for (; *title != '\0'; title++) {
        char byte = *title >= 'A' && *title <= 'Z' ? (char)(*title - 'A' + 'a') : *title;

        buffer_append_byte(&id, is_plain(byte) || byte == '.' ? byte : '-');
    }
    buffer_append_byte(&id, '\0');
    return take(&id);
}
