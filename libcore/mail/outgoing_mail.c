/*
 * outgoing_mail - a mail file made ready for SMTP: its content in the form in
 * which it travels (RFC 5321 section 2.3.8), and an envelope taken from its header.
 *
 * The header is read from the finished content, where a line ends in CRLF
 * and nothing else.  A line that is no field is passed over; a content that
 * does not begin with a field has no header.
 */
#include "libcore/mail/outgoing_mail.h"

#include "libcore/base/memory.h"
#include "libcore/mail/address_list.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_MAXIMUM = 255 }; /* RFC 5321 section 4.5.3.1.2 */

/* ---- the content */

/* Bytes up to the LF, which are all when there is none. */
static size_t line_length(struct slice text)
{
    const char *end = text.length == 0 ? NULL : memchr(text.data, '\n', text.length);

    return end == NULL ? text.length : (size_t)(end - text.data);
}

static bool ends_in_cr(struct slice text, size_t line)
{
    return line > 0 && line < text.length && text.data[line - 1] == '\r';
}

/* How long text becomes: a CR for each LF without one, CRLF at the end. */
static size_t wire_length(struct slice text)
{
    size_t length = 0;

    while (text.length > 0) {
        size_t line = line_length(text);

        length += line + (ends_in_cr(text, line) ? 1 : 2);
        slice_skip(&text, line + 1);
    }
    return length;
}

static void write_content(struct outgoing_mail *mail, struct arena *arena, struct slice text)
{
    size_t length = wire_length(text);
    char *content = arena_new(arena, length + 1);
    char *end = content;

    mail->content = slice_of(content, length);
    while (text.length > 0) {
        size_t line = line_length(text);

        mail->dots = mail->dots || text.data[0] == '.';
        memcpy(end, text.data, line);
        end += line;
        if (!ends_in_cr(text, line)) {
            *end++ = '\r';
        }
        *end++ = '\n';
        slice_skip(&text, line + 1);
    }
    for (size_t i = 0; i < length && !mail->eight_bit; i++) {
        mail->eight_bit = (unsigned char)content[i] > 127;
    }
}

/* ---- the header */

/* Length of the field name (RFC 5322 section 3.6.8) that line begins with, 0 when it has none. */
static size_t name_length(struct slice line)
{
    size_t length = 0, end;

    while (length < line.length && line.data[length] > 32 && line.data[length] < 127 &&
           line.data[length] != ':') {
        length++;
    }
    for (end = length; end < line.length && (line.data[end] == ' ' || line.data[end] == '\t');) {
        end++; /* obsolete, but seen */
    }
    return end < line.length && line.data[end] == ':' ? length : 0;
}

/* Takes a line with its CRLF and those that continue it. */
static struct slice take_lines(struct slice *rest)
{
    struct slice taken = slice_of(rest->data, 0);

    do {
        size_t length = line_length(*rest) + 1;

        taken.length += length;
        slice_skip(rest, length);
    } while (rest->length > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t'));
    return taken;
}

/* The next field; false at the end of the header. */
static bool next_field(struct slice *rest, bool first, struct slice *name, struct slice *value)
{
    while (rest->length > 0 && !slice_starts_with(*rest, "\r\n")) {
        struct slice field = take_lines(rest);

        *name = slice_of(field.data, name_length(field));
        if (name->length > 0) {
            const char *colon = memchr(field.data, ':', field.length);

            slice_skip(&field, (size_t)(colon - field.data) + 1);
            *value = field;
            return true;
        }
        if (first) {
            return false; /* text without a header */
        }
    }
    return false;
}

/* ---- whom it came from */

static bool is_letter_or_digit(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
           (byte >= 'A' && byte <= 'Z');
}

static bool is_host_name(struct slice host)
{
    bool after_dot = true;

    for (size_t i = 0; i < host.length; i++) {
        char byte = host.data[i];

        if (!is_letter_or_digit(byte) && (after_dot || (byte != '-' && byte != '.'))) {
            return false;
        }
        after_dot = byte == '.';
    }
    return !after_dot && host.data[host.length - 1] != '-';
}

static bool is_address_literal(struct slice host)
{
    if (host.length < 3 || host.data[0] != '[' || host.data[host.length - 1] != ']') {
        return false;
    }
    for (size_t i = 1; i + 1 < host.length; i++) {
        if (!is_letter_or_digit(host.data[i]) && memchr(".:-", host.data[i], 3) == NULL) {
            return false;
        }
    }
    return true;
}

bool outgoing_mail_is_host(struct slice host)
{
    return host.length <= HOST_MAXIMUM && (is_host_name(host) || is_address_literal(host));
}

static void skip_blanks(struct slice *text)
{
    while (text->length > 0 && slice_blank_byte(text->data[0])) {
        slice_skip(text, 1);
    }
}

/* "from NAME ..." (RFC 5321 section 4.4); others say who has got the mail, not from whom. */
static struct slice host_in_received(struct slice value)
{
    struct slice host;

    skip_blanks(&value);
    if (value.length < 5 || !slice_blank_byte(value.data[4]) ||
        !slice_equal_ignoring_case(slice_of(value.data, 4), slice_from_string("from"))) {
        return slice_of(NULL, 0);
    }
    slice_skip(&value, 4);
    skip_blanks(&value);
    host = slice_of(value.data, 0);
    while (host.length < value.length && !slice_blank_byte(value.data[host.length]) &&
           value.data[host.length] != '(' && value.data[host.length] != ';') {
        host.length++;
    }
    return outgoing_mail_is_host(host) ? host : slice_of(NULL, 0);
}

/* ---- recipients */

static char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

static size_t hash_ignoring_case(struct slice text)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */

    for (size_t i = 0; i < text.length; i++) {
        hash = (hash ^ (unsigned char)lower(text.data[i])) * 1099511628211U;
    }
    return (size_t)(hash ^ hash >> 32);
}

/* The case of a domain says nothing, that of a local part may. */
static bool same_address(struct slice a, struct slice b)
{
    const char *at = a.length == 0 ? NULL : memrchr(a.data, '@', a.length);
    size_t local = at == NULL ? a.length : (size_t)(at - a.data);

    return a.length == b.length && memcmp(a.data, b.data, local) == 0 &&
           slice_equal_ignoring_case(a, b);
}

/* Leaves the first of each address; a header may have very many. */
static size_t remove_duplicates(struct slice *addresses, size_t count)
{
    size_t capacity = 16, kept = 0;
    size_t *table; /* position + 1 of the addresses kept, by hash */

    while (capacity < count * 2) {
        capacity *= 2;
    }
    table = memory_new(capacity, sizeof(*table));
    for (size_t i = 0; i < count; i++) {
        size_t slot = hash_ignoring_case(addresses[i]) % capacity;

        while (table[slot] != 0 && !same_address(addresses[table[slot] - 1], addresses[i])) {
            slot = (slot + 1) % capacity;
        }
        if (table[slot] == 0) {
            addresses[kept] = addresses[i];
            table[slot] = ++kept;
        }
    }
    free(table);
    return kept;
}

static bool is_called(struct slice name, const char *wanted)
{
    return slice_equal_ignoring_case(name, slice_from_string(wanted));
}

static void read_envelope(struct outgoing_mail *mail, struct arena *arena)
{
    struct slice rest = mail->content, name, value;
    struct address_list from, recipients;
    bool first = true, received = false;

    address_list_init(&from, arena);
    address_list_init(&recipients, arena);
    for (; next_field(&rest, first, &name, &value); first = false) {
        if (is_called(name, "Received") && !received) {
            mail->helo = host_in_received(value);
            received = true;
        } else if (is_called(name, "From") && from.count == 0) {
            (void)address_list_parse(&from, value);
        } else if (is_called(name, "To") || is_called(name, "Cc")) {
            (void)address_list_parse(&recipients, value);
        }
    }
    mail->sender = from.count > 0 ? from.items[0] : slice_of(NULL, 0);
    mail->recipients = recipients.items;
    mail->recipient_count = remove_duplicates(recipients.items, recipients.count);
    mail->not_understood =
        from.not_understood.data != NULL ? from.not_understood : recipients.not_understood;
}

void outgoing_mail_parse(struct outgoing_mail *mail, struct arena *arena, struct slice text)
{
    *mail = (struct outgoing_mail){0};
    if (slice_starts_with(text, "From ") && name_length(text) == 0) {
        slice_skip(&text, line_length(text) + 1);
    }
    write_content(mail, arena, text);
    read_envelope(mail, arena);
}
