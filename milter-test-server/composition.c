/*
 * composition - what the options say about the message.  Reads mail files, owns
 * nothing but the list.
 */
#include "milter-test-server/composition.h"

#include "libcore/base/memory.h"
#include "libcore/mail/mail_file.h"
#include "libcore/mail/mail_files.h"

#include <stdlib.h>
#include <string.h>

struct composition_item {
    enum composition_part part;
    const char *value;
};

/* One message in the making. */
struct composer {
    struct message *message;
    bool recipients_from_file;
};

void composition_add(struct composition *composition, enum composition_part part, const char *value)
{
    composition->items =
        memory_resize(composition->items, composition->count + 1, sizeof(*composition->items));
    composition->items[composition->count++] = (struct composition_item){part, value};
}

static void compose_recipient(struct composer *composer, const char *value)
{
    if (composer->recipients_from_file) {
        composer->recipients_from_file = false;
        message_clear_recipients(composer->message);
    }
    message_add_recipient(composer->message, slice_from_string(value));
}

static void compose_header(struct composer *composer, const char *value)
{
    const char *colon = strchr(value, ':');

    message_add_header(composer->message, slice_of(value, (size_t)(colon - value)),
                       slice_from_string(colon + 1));
}

static bool compose_mail(struct composer *composer, const char *path, struct error *error)
{
    struct message *message = composer->message;
    struct mail_file mail;

    if (!mail_file_read(&mail, path, error)) {
        return false;
    }
    if (mail.sender.data != NULL) {
        message_set_sender(message, mail.sender);
    }
    if (mail.recipient_count > 0) {
        composer->recipients_from_file = true;
        message_clear_recipients(message);
    }
    for (size_t i = 0; i < mail.recipient_count; i++) {
        message_add_recipient(message, mail.recipients[i]);
    }
    for (size_t i = 0; i < mail.headers.count; i++) {
        message_add_header(message, mail.headers.fields[i].name, mail.headers.fields[i].value);
    }
    message_add_body(message, mail.body);
    mail_file_clear(&mail);
    return true;
}

static bool compose(struct composer *composer, const struct composition_item *item,
                    struct error *error)
{
    switch (item->part) {
    case PART_SENDER:
        message_set_sender(composer->message, slice_from_string(item->value));
        break;
    case PART_RECIPIENT:
        compose_recipient(composer, item->value);
        break;
    case PART_HEADER:
        compose_header(composer, item->value);
        break;
    case PART_BODY:
        message_add_body(composer->message, slice_from_string(item->value));
        break;
    case PART_MAIL:
        return compose_mail(composer, item->value, error);
    }
    return true;
}

bool composition_build(const struct composition *composition, struct message *message,
                       struct error *error)
{
    struct composer composer = {.message = message};

    message_init(message);
    for (size_t i = 0; i < composition->count; i++) {
        const struct composition_item *item = composition->items + i;

        if (item->part == PART_MAIL && mail_files_is_directory(item->value)) {
            error_set(error, ERROR_USAGE,
                      "%s is a directory: its mails are sent with --n-sessions, --duration or "
                      "--rate",
                      item->value);
            return false;
        }
        if (!compose(&composer, item, error)) {
            return false;
        }
    }
    message_complete(message);
    return true;
}

/* The message with that mail in the place of its item, and no other mail. */
static bool build_with(const struct composition *composition, size_t place, const char *path,
                       struct message *message, struct error *error)
{
    struct composer composer = {.message = message};
    struct error cause = {0};

    message_init(message);
    for (size_t i = 0; i < composition->count; i++) {
        struct composition_item item = composition->items[i];

        if (item.part == PART_MAIL && i != place) {
            continue;
        }
        item.value = item.part == PART_MAIL ? path : item.value;
        if (!compose(&composer, &item, &cause)) {
            bool named = strstr(cause.message, path) != NULL;

            error_set(error, cause.code, "%s%s%s", named ? "" : path, named ? "" : ": ",
                      cause.message);
            message_clear(message);
            return false;
        }
    }
    message_complete(message);
    return true;
}

/* All mails, each with the number of the item that names it. */
struct sources {
    struct mail_files mails;
    size_t *places;
};

/* What is no directory is taken as it is: reading it tells what is wrong. */
static bool add_mails(struct mail_files *mails, const char *path, struct error *error)
{
    if (mail_files_is_directory(path)) {
        return mail_files_add_directory(mails, path, error);
    }
    mail_files_add(mails, path);
    return true;
}

static bool find_sources(const struct composition *composition, struct sources *sources,
                         struct error *error)
{
    for (size_t i = 0; i < composition->count; i++) {
        size_t known = sources->mails.count;

        if (composition->items[i].part != PART_MAIL) {
            continue;
        }
        if (!add_mails(&sources->mails, composition->items[i].value, error)) {
            return false;
        }
        sources->places =
            memory_resize(sources->places, sources->mails.count, sizeof(*sources->places));
        while (known < sources->mails.count) {
            sources->places[known++] = i;
        }
    }
    return true;
}

static bool build_all(const struct composition *composition, const struct sources *sources,
                      struct message **messages, size_t *count, struct error *error)
{
    size_t wanted = sources->mails.count > 0 ? sources->mails.count : 1;

    *messages = memory_new(wanted, sizeof(**messages));
    if (sources->mails.count == 0) {
        *count = 1;
        return composition_build(composition, *messages, error);
    }
    for (*count = 0; *count < wanted; (*count)++) {
        if (!build_with(composition, sources->places[*count], sources->mails.paths[*count],
                        *messages + *count, error)) {
            return false;
        }
    }
    return true;
}

bool composition_build_each(const struct composition *composition, struct message **messages,
                            size_t *count, struct error *error)
{
    struct sources sources = {0};
    bool ok;

    *messages = NULL;
    *count = 0;
    ok = find_sources(composition, &sources, error) &&
         build_all(composition, &sources, messages, count, error);
    mail_files_clear(&sources.mails);
    free(sources.places);
    return ok;
}

void composition_clear(struct composition *composition)
{
    free(composition->items);
    *composition = (struct composition){.count = 0};
}
