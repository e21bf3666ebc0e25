/*
 * fuzz_address_list - the addresses in a field, and the mail whose header the
 * input is.
 *
 * What must hold for any input: an address is one line of valid UTF-8 without
 * blanks or brackets outside of quotes, reading it again gives the same
 * address, what was not understood is part of the input.
 */
#include "libcore/base/utf8.h"
#include "libcore/mail/address_list.h"
#include "libcore/mail/outgoing_mail.h"

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
    struct slice rest = address;
    bool quoted = false;

    require(address.length > 0);
    while (rest.length > 0) {
        size_t length = utf8_length(rest);
        char byte = rest.data[0];

        require(length > 0);
        require((unsigned char)byte >= 0x20 && byte != 0x7f);
        if (byte == '"') {
            quoted = !quoted;
        } else if (quoted && byte == '\\') {
            slice_skip(&rest, 1);
            length = utf8_length(rest);
        } else if (!quoted) {
            require(strchr(" <>(),;\\", byte) == NULL);
        }
        slice_skip(&rest, length);
    }
    require(!quoted);
}

static void check_same_again(struct slice address)
{
    struct arena arena = {0};
    struct address_list list;

    address_list_init(&list, &arena);
    require(address_list_parse(&list, address));
    require(list.count == 1 && slice_equal(list.items[0], address));
    arena_clear(&arena);
}

static void check_list(struct slice value)
{
    struct arena arena = {0};
    struct address_list list;
    bool understood;

    address_list_init(&list, &arena);
    understood = address_list_parse(&list, value);
    require(understood == (list.not_understood.data == NULL));
    if (!understood) {
        require(list.not_understood.data >= value.data);
        require(list.not_understood.data + list.not_understood.length <= value.data + value.length);
    }
    for (size_t i = 0; i < list.count; i++) {
        check_address(list.items[i]);
        if (i < 16) {
            check_same_again(list.items[i]);
        }
    }
    arena_clear(&arena);
}

static void check_content(const struct outgoing_mail *mail)
{
    struct slice content = mail->content;
    bool dots = false;

    require(content.length == 0 ||
            (content.length >= 2 && memcmp(content.data + content.length - 2, "\r\n", 2) == 0));
    for (size_t i = 0; i < content.length; i++) {
        require(content.data[i] != '\n' || (i > 0 && content.data[i - 1] == '\r'));
        dots |= content.data[i] == '.' && (i == 0 || content.data[i - 1] == '\n');
    }
    require(dots == mail->dots);
}

static void check_mail(struct slice text)
{
    struct arena arena = {0};
    struct outgoing_mail mail;

    outgoing_mail_parse(&mail, &arena, text);
    check_content(&mail);
    require(mail.helo.length == 0 || outgoing_mail_is_host(mail.helo));
    if (mail.sender.length > 0) {
        check_address(mail.sender);
    }
    for (size_t i = 0; i < mail.recipient_count; i++) {
        check_address(mail.recipients[i]);
    }
    arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    check_list(slice_of(data, size));
    check_mail(slice_of(data, size));
    return 0;
}
