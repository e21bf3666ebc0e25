/*
 * mail_file - reads a message from a file, from standard input or from memory
 * (tools.md section 1.4).
 *
 * Owns the bytes read and the parsed fields.  The body stays where it was
 * read; NULs in it are ordinary bytes.  A NUL in a header line is refused,
 * since no header packet can carry it.  Never writes to the terminal and never
 * looks at command-line options.
 */
#include "libcore/mail/mail_file.h"

#include "libcore/base/file.h"
#include "libcore/base/memory.h"
#include "libcore/mail/mail_address.h"

#include <string.h>

enum { MAIL_FILE_ERROR_TEXT = 400 }; /* of an offending line, the error struct is small */

/* A header field whose lines are still being collected. */
struct mail_field {
    bool open;
    struct slice name; /* in the content */
    struct buffer value;
};

/* A line without its LF and CR. */
struct mail_line {
    struct slice text;
    bool had_carriage_return;
};

static bool mail_file_take_line(struct slice *rest, struct mail_line *line)
{
    const char *end = rest->length == 0 ? NULL : memchr(rest->data, '\n', rest->length);
    struct slice text = *rest;

    if (rest->length == 0) {
        return false;
    }
    if (end != NULL) {
        text.length = (size_t)(end - rest->data);
    }
    slice_skip(rest, text.length + 1);
    line->had_carriage_return = text.length > 0 && text.data[text.length - 1] == '\r';
    if (line->had_carriage_return) {
        text.length--;
    }
    line->text = text;
    return true;
}

static bool mail_file_is_alphanumeric(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

static bool mail_file_is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

static void mail_file_add_recipient(struct mail_file *mail, struct slice recipient)
{
    if (mail->recipient_count == mail->recipient_capacity) {
        size_t capacity = mail->recipient_capacity > 0 ? mail->recipient_capacity * 2 : 8;
        struct slice *recipients = arena_new(&mail->arena, capacity * sizeof(*recipients));

        if (mail->recipient_count > 0) {
            memcpy(recipients, mail->recipients, mail->recipient_count * sizeof(*recipients));
        }
        mail->recipients = recipients;
        mail->recipient_capacity = capacity;
    }
    mail->recipients[mail->recipient_count++] = recipient;
}

/* Puts the field collected so far, if any, into the list and the envelope. */
static bool mail_file_end_field(struct mail_file *mail, struct mail_field *field,
                                struct error *error)
{
    struct slice value = buffer_slice(&field->value);
    struct slice address;

    if (!field->open) {
        return true;
    }
    field->open = false;
    header_list_append(&mail->headers, field->name, value, HEADER_ORIGIN_MTA);
    if (slice_equal_string(field->name, "From")) {
        return mail_address_from_header(&mail->arena, value, &mail->sender, error);
    }
    if (slice_equal_string(field->name, "To")) {
        if (!mail_address_from_header(&mail->arena, value, &address, error)) {
            return false;
        }
        mail_file_add_recipient(mail, address);
    }
    return true;
}

static bool mail_file_header_line(struct mail_file *mail, struct mail_field *field,
                                  const struct mail_line *line, struct error *error)
{
    struct slice text = line->text;
    const char *colon = memchr(text.data, ':', text.length);
    bool valid = memchr(text.data, '\0', text.length) == NULL;

    if (valid && mail_file_is_blank(text.data[0]) && field->open) {
        buffer_append_string(&field->value, line->had_carriage_return ? "\r\n" : "\n");
        buffer_append_slice(&field->value, text);
        return true;
    }
    if (!valid || colon == NULL || !mail_file_is_alphanumeric(text.data[0])) {
        error_set(error, ERROR_USAGE, "invalid header: %.*s",
                  (int)(text.length < MAIL_FILE_ERROR_TEXT ? text.length : MAIL_FILE_ERROR_TEXT),
                  text.data);
        return false;
    }
    if (!mail_file_end_field(mail, field, error)) {
        return false;
    }
    field->open = true;
    field->name = slice_of(text.data, (size_t)(colon - text.data));
    slice_skip(&text, field->name.length + 1);
    while (text.length > 0 && mail_file_is_blank(text.data[0])) {
        slice_skip(&text, 1);
    }
    buffer_reset(&field->value);
    buffer_append_slice(&field->value, text);
    return true;
}

static bool mail_file_parse_headers(struct mail_file *mail, struct slice *rest, struct error *error)
{
    struct mail_field field = {0};
    struct mail_line line;
    bool ok = true;

    if (slice_starts_with(*rest, "From ")) {
        (void)mail_file_take_line(rest, &line); /* mbox separator */
    }
    while (ok && mail_file_take_line(rest, &line) && line.text.length > 0) {
        ok = mail_file_header_line(mail, &field, &line, error);
    }
    ok = ok && mail_file_end_field(mail, &field, error);
    buffer_clear(&field.value);
    return ok;
}

static bool mail_file_parse_content(struct mail_file *mail, struct error *error)
{
    struct slice rest = buffer_slice(&mail->content);

    header_list_init(&mail->headers, &mail->arena);
    if (!mail_file_parse_headers(mail, &rest, error)) {
        mail_file_clear(mail);
        return false;
    }
    if (rest.length > 0 && rest.data[rest.length - 1] == '\n') {
        rest.length--;
    }
    mail->body = rest;
    return true;
}

bool mail_file_read(struct mail_file *mail, const char *path, struct error *error)
{
    *mail = (struct mail_file){0};
    if (!file_read(path, "mail file", &mail->content, error)) {
        mail_file_clear(mail);
        return false;
    }
    return mail_file_parse_content(mail, error);
}

bool mail_file_parse(struct mail_file *mail, struct slice content, struct error *error)
{
    *mail = (struct mail_file){0};
    buffer_append_slice(&mail->content, content);
    return mail_file_parse_content(mail, error);
}

void mail_file_clear(struct mail_file *mail)
{
    arena_clear(&mail->arena);
    buffer_clear(&mail->content);
    *mail = (struct mail_file){0};
}

struct slice mail_file_take_chunk(struct slice *body, size_t limit)
{
    struct slice chunk = *body;

    if (chunk.length > limit) {
        const char *end = memrchr(chunk.data, '\n', limit);

        chunk.length = end != NULL ? (size_t)(end - chunk.data) + 1 : limit;
    }
    slice_skip(body, chunk.length);
    return chunk;
}
