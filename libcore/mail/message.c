/*
 * message - the message that is sent, and the copy of it that a filter has
 * edited.  Owns its bytes through the arena; knows neither options nor wire.
 */
#include "libcore/mail/message.h"

#include "libcore/base/buffer.h"
#include "libcore/mail/mail_address.h"
#include "libcore/mail/mail_file.h"

#include <string.h>

static const char default_sender[] = "sender@example.com";
static const char default_recipient[] = "receiver@example.org";
static const char default_body[] = "La de da de da 1.\nLa de da de da 2.\n"
                                   "La de da de da 3.\nLa de da de da 4.";

static void slice_list_append(struct slice_list *list, struct arena *arena, struct slice item)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? list->capacity * 2 : 8;
        struct slice *items = arena_new(arena, capacity * sizeof(*items));

        if (list->count > 0) {
            memcpy(items, list->items, list->count * sizeof(*items));
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
}

void message_init(struct message *message)
{
    *message = (struct message){.sender = {NULL, 0}};
    header_list_init(&message->headers, &message->arena);
}

void message_clear(struct message *message)
{
    arena_clear(&message->arena);
}

void message_set_sender(struct message *message, struct slice address)
{
    message->sender = mail_address_add_brackets(&message->arena, address);
}

void message_add_recipient(struct message *message, struct slice address)
{
    slice_list_append(&message->recipients, &message->arena,
                      mail_address_add_brackets(&message->arena, address));
}

void message_clear_recipients(struct message *message)
{
    message->recipients.count = 0;
}

/* The value with one blank in front. */
static struct slice message_spaced(struct message *message, struct slice value)
{
    char *text = arena_new(&message->arena, value.length + 1);

    text[0] = ' ';
    if (value.length > 0) {
        memcpy(text + 1, value.data, value.length);
    }
    return slice_of(text, value.length + 1);
}

void message_add_header(struct message *message, struct slice name, struct slice value)
{
    header_list_append(&message->headers, name, message_spaced(message, value), HEADER_ORIGIN_MTA);
}

void message_add_body(struct message *message, struct slice bytes)
{
    struct slice rest = arena_copy(&message->arena, bytes);

    message->body_given = true;
    while (rest.length > 0) {
        slice_list_append(&message->body, &message->arena,
                          mail_file_take_chunk(&rest, MAIL_FILE_CHUNK));
    }
}

void message_complete(struct message *message)
{
    if (message->sender.data == NULL) {
        message_set_sender(message, slice_from_string(default_sender));
    }
    if (message->recipients.count == 0) {
        message_add_recipient(message, slice_from_string(default_recipient));
    }
    if (header_list_count(&message->headers, slice_from_string("From")) == 0) {
        message_add_header(message, slice_from_string("From"), message->sender);
    }
    if (header_list_count(&message->headers, slice_from_string("To")) == 0) {
        message_add_header(message, slice_from_string("To"), message->recipients.items[0]);
    }
    if (!message->body_given) {
        message_add_body(message, slice_from_string(default_body));
    }
}

static void slice_list_copy(struct slice_list *copy, struct arena *arena,
                            const struct slice_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        slice_list_append(copy, arena, list->items[i]);
    }
}

void message_copy(struct message *copy, const struct message *message)
{
    message_init(copy);
    copy->sender = message->sender;
    slice_list_copy(&copy->recipients, &copy->arena, &message->recipients);
    header_list_copy(&copy->headers, &copy->arena, &message->headers);
    slice_list_copy(&copy->body, &copy->arena, &message->body);
    copy->body_given = message->body_given;
}

void message_drop_recipient(struct message *message, struct slice address)
{
    struct slice_list *recipients = &message->recipients;

    for (size_t i = 0; i < recipients->count; i++) {
        if (slice_equal(recipients->items[i], address)) {
            recipients->count--;
            memmove(recipients->items + i, recipients->items + i + 1,
                    (recipients->count - i) * sizeof(*recipients->items));
            return;
        }
    }
}

static void message_apply_header(struct message *message, const struct edit *edit,
                                 bool leading_space)
{
    struct header_list *headers = &message->headers;
    struct slice value = leading_space ? edit->value : message_spaced(message, edit->value);

    if (edit_deletes_header(edit)) {
        (void)header_list_delete(headers, edit->name, edit->index);
    } else if (edit->kind == EDIT_CHANGE_HEADER) {
        header_list_change(headers, edit->name, edit->index, value, edit->origin);
    } else if (edit->kind == EDIT_INSERT_HEADER) {
        header_list_insert(headers, edit->index, edit->name, value, edit->origin);
    } else {
        header_list_append(headers, edit->name, value, edit->origin);
    }
}

static void message_replace_body(struct message *message, struct slice body)
{
    message->body.count = 0;
    slice_list_append(&message->body, &message->arena, arena_copy(&message->arena, body));
}

void message_apply(struct message *message, const struct edit_list *edits, struct slice body,
                   bool leading_space)
{
    for (size_t i = 0; i < edits->count; i++) {
        const struct edit *edit = edit_list_at(edits, i);

        switch (edit->kind) {
        case EDIT_ADD_HEADER:
        case EDIT_INSERT_HEADER:
        case EDIT_CHANGE_HEADER:
            message_apply_header(message, edit, leading_space);
            break;
        case EDIT_CHANGE_SENDER:
            message->sender = arena_copy(&message->arena, edit->value);
            break;
        case EDIT_ADD_RECIPIENT:
        case EDIT_ADD_RECIPIENT_WITH_ARGUMENTS:
            slice_list_append(&message->recipients, &message->arena,
                              arena_copy(&message->arena, edit->value));
            break;
        case EDIT_DELETE_RECIPIENT:
            message_drop_recipient(message, edit->value);
            break;
        case EDIT_REPLACE_BODY:
            message_replace_body(message, body);
            break;
        case EDIT_QUARANTINE: /* changes the queue, not the message */
            break;
        }
    }
}
