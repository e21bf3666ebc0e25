/*
 * content - the bytes of a mail as DATA and BDAT carry them.  Copies each byte once,
 * into the output.
 */
#include "libcore/smtp/content.h"

#include <string.h>

void smtp_content_begin(struct smtp_content *content, struct slice head, struct slice body)
{
    content->parts[0] = head;
    content->parts[1] = body;
    content->line_begins = true;
}

size_t smtp_content_left(const struct smtp_content *content)
{
    return content->parts[0].length + content->parts[1].length;
}

size_t smtp_content_take(struct smtp_content *content, size_t limit, struct buffer *output)
{
    size_t taken = 0;

    for (size_t i = 0; i < 2; i++) {
        struct slice *part = content->parts + i;
        size_t count = part->length < limit - taken ? part->length : limit - taken;

        buffer_append(output, part->data, count);
        slice_skip(part, count);
        taken += count;
    }
    return taken;
}

/* One line of the part or what fits of it. */
static size_t take_line(struct smtp_content *content, struct slice *part, size_t limit,
                        struct buffer *output)
{
    size_t room = part->length < limit ? part->length : limit;
    const char *end = memchr(part->data, '\n', room);
    size_t count = end != NULL ? (size_t)(end - part->data) + 1 : room;

    if (content->line_begins && part->data[0] == '.') {
        buffer_append_byte(output, '.');
    }
    content->line_begins = end != NULL;
    buffer_append(output, part->data, count);
    slice_skip(part, count);
    return count;
}

size_t smtp_content_take_doubled(struct smtp_content *content, size_t limit, struct buffer *output)
{
    size_t taken = 0;

    for (size_t i = 0; i < 2; i++) {
        while (content->parts[i].length > 0 && taken < limit) {
            taken += take_line(content, content->parts + i, limit - taken, output);
        }
    }
    return taken;
}
