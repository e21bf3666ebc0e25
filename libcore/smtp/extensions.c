/*
 * extensions - what a server has announced in its answer to EHLO.
 */
#include "libcore/smtp/extensions.h"

static const struct {
    const char *keyword;
    enum smtp_extension extension;
} keywords[] = {
    {"PIPELINING", SMTP_PIPELINING},
    {"SIZE", SMTP_SIZE},
    {"8BITMIME", SMTP_8BITMIME},
    {"SMTPUTF8", SMTP_SMTPUTF8},
    {"CHUNKING", SMTP_CHUNKING},
    {"STARTTLS", SMTP_STARTTLS},
    {"AUTH", SMTP_AUTH},
    {"XCLIENT", SMTP_XCLIENT},
};

/* Up to the next blank; "AUTH=LOGIN" is how servers older than RFC 2554 write it. */
static struct slice take_keyword(struct slice *line)
{
    struct slice keyword = *line;
    size_t length = 0;

    while (length < line->length && line->data[length] != ' ' && line->data[length] != '=') {
        length++;
    }
    keyword.length = length;
    slice_skip(line, length + 1);
    return keyword;
}

static void read_line(struct smtp_extensions *extensions, struct slice line)
{
    struct slice keyword = take_keyword(&line);

    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        if (!slice_equal_ignoring_case(keyword, slice_from_string(keywords[i].keyword))) {
            continue;
        }
        extensions->offered |= (unsigned)keywords[i].extension;
        if (keywords[i].extension == SMTP_AUTH) {
            buffer_append_slice(&extensions->mechanisms, line);
            buffer_append_byte(&extensions->mechanisms, ' ');
        }
    }
}

void smtp_extensions_read(struct smtp_extensions *extensions, const struct smtp_reply *reply)
{
    struct slice lines = reply->lines;
    struct slice line;
    bool first = true;

    smtp_extensions_clear(extensions);
    while (smtp_reply_next_line(&lines, &line)) {
        /* The first is a greeting. */
        if (!first) {
            read_line(extensions, line);
        }
        first = false;
    }
}

void smtp_extensions_clear(struct smtp_extensions *extensions)
{
    extensions->offered = 0;
    buffer_clear(&extensions->mechanisms);
}
