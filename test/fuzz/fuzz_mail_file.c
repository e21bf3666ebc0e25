/*
 * fuzz_mail_file - mail files and the edits of their headers.
 *
 * The input is parsed as a mail file.  What must hold for any input: chunks
 * add up to the body, envelope addresses are in brackets, and the counting
 * functions of the header list agree with each other through a series of edits
 * derived from the input.
 */
#include "libcore/mail/body_spool.h"
#include "libcore/mail/edit.h"
#include "libcore/mail/mail_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* assert() would go with NDEBUG. */
static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_address(struct slice address)
{
    require(address.length >= 2 && address.data[0] == '<');
    require(address.data[address.length - 1] == '>');
}

static void check_list(const struct header_list *list)
{
    for (size_t i = 0; i < list->count && i < 64; i++) {
        const struct header_field *field = header_list_at(list, i);
        size_t nth = header_list_nth(list, i);

        require(nth >= 1 && nth <= header_list_count(list, field->name));
        require(header_list_position(list, field->name, (uint32_t)nth) == i);
        require(header_list_find(list, field->name, (uint32_t)nth) == field);
    }
}

static void check_edits(struct mail_file *mail, const unsigned char *data, size_t size)
{
    static const enum edit_kind kinds[] = {EDIT_ADD_HEADER, EDIT_INSERT_HEADER, EDIT_CHANGE_HEADER,
                                           EDIT_CHANGE_HEADER};
    struct header_list copy;

    header_list_copy(&copy, &mail->arena, &mail->headers);
    for (size_t i = 0; i + 1 < size && i < 64; i += 2) {
        struct edit edit = {.kind = kinds[data[i] % 4], .origin = 1, .index = data[i + 1] % 8};
        size_t count = copy.count, named;
        bool changed;

        edit.name =
            copy.count > 0 ? copy.fields[data[i + 1] % copy.count].name : slice_from_string("X");
        edit.value = slice_from_string(data[i] % 4 == 3 ? "" : "value");
        named = header_list_count(&copy, edit.name);
        changed = header_list_apply(&copy, &edit);
        if (edit_deletes_header(&edit)) {
            require(changed == (named >= (edit.index > 0 ? edit.index : 1)));
            require(copy.count == count - (changed ? 1 : 0));
        } else if (edit.kind == EDIT_CHANGE_HEADER) {
            require(copy.count == count + (edit.index > named || named == 0 ? 1 : 0));
        } else {
            require(copy.count == count + 1);
        }
        check_list(&copy);
    }
}

static void check_body(struct slice body, size_t limit)
{
    struct slice rest = body;
    struct body_spool spool;
    struct body_reader reader;
    struct slice chunk;
    struct error error = {0};
    size_t total = 0;

    body_spool_init(&spool, SIZE_MAX);
    while (rest.length > 0) {
        chunk = mail_file_take_chunk(&rest, limit);
        require(chunk.length > 0 && chunk.length <= limit);
        require(chunk.data == body.data + total);
        require(body_spool_append(&spool, chunk, &error));
        total += chunk.length;
    }
    require(total == body.length && body_spool_size(&spool) == total);
    body_reader_init(&reader, &spool);
    require(body_reader_next(&reader, total + 1, &chunk, &error));
    require(slice_equal(chunk, body));
    require(body_reader_at_end(&reader));
    body_reader_clear(&reader);
    body_spool_clear(&spool);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct mail_file mail;
    struct error error = {0};

    if (!mail_file_parse(&mail, slice_of(data, size), &error)) {
        require(error.code == ERROR_USAGE && error.message[0] != '\0');
        return 0;
    }
    if (mail.sender.data != NULL) {
        check_address(mail.sender);
    }
    for (size_t i = 0; i < mail.recipient_count; i++) {
        check_address(mail.recipients[i]);
    }
    for (size_t i = 0; i < mail.headers.count; i++) {
        struct slice value = mail.headers.fields[i].value;

        require(value.length == 0 || memchr(value.data, '\0', value.length) == NULL);
    }
    check_list(&mail.headers);
    check_edits(&mail, data, size);
    check_body(mail.body, 1 + size % 50);
    check_body(mail.body, MAIL_FILE_CHUNK);
    mail_file_clear(&mail);
    return 0;
}
