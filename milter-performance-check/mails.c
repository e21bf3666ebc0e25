/*
 * mails - what is sent: mail files, or mails made up on the fly (tools.md
 * section 3), as an endless list that begins again behind its last mail.
 *
 * A file is in memory once, as it travels.  Everything about a mail follows
 * from its number; only the order of a shuffled pass is kept, until the next pass.
 */
#include "milter-performance-check/mails.h"

#include "libcore/base/file.h"
#include "libcore/base/memory.h"
#include "libcore/base/word.h"
#include "libcore/mail/mail_files.h"
#include "libcore/mail/outgoing_mail.h"
#include "milter-performance-check/chance.h"
#include "milter-performance-check/given_address.h"
#include "milter-performance-check/made_up.h"

#include <stdlib.h>
#include <string.h>

#define MAIL_FILE_MAXIMUM ((size_t)1 << 30) /* bytes */
#define NO_PASS           UINT64_MAX

enum { HELO_MAXIMUM = 255 }; /* RFC 5321 section 4.5.3.1.2 */

struct addresses {
    struct slice *items;
    size_t count;
    bool forced; /* instead of those of the mails */
};

struct mails {
    struct arena arena;
    struct addresses senders, recipients;
    struct slice helo;
    uint64_t count; /* of one pass */

    struct mail_files files;
    struct outgoing_mail *stored; /* of each file */
    size_t *sender_turns;         /* of each file without a sender: which one of them it is */
    size_t without_sender;        /* files */
    bool shuffle;
    uint64_t seed;
    size_t *order; /* of the files, in ordered_pass */
    uint64_t ordered_pass;
    char *warning;

    struct made_up *made_up; /* NULL: there are files */
};

/* ---- reading the options */

static bool read_addresses(struct mails *mails, struct addresses *addresses, const char *option,
                           const struct option_strings *given, bool null_sender,
                           struct error *error)
{
    addresses->items = arena_new(&mails->arena, given->count * sizeof(*addresses->items));
    addresses->count = given->count;
    for (size_t i = 0; i < given->count; i++) {
        if (!given_address_parse(option, given->items[i], null_sender, &mails->arena,
                                 &addresses->items[i], error)) {
            return false;
        }
    }
    return true;
}

/* The forced ones, else the others, else the default. */
static bool read_either(struct mails *mails, struct addresses *addresses,
                        const struct option_strings *forced, const char *forced_option,
                        const struct option_strings *given, const char *option, bool null_sender,
                        struct error *error)
{
    const char *fallback = null_sender ? "from@example.com" : "to@example.com";
    const struct option_strings alone = {&fallback, 1};
    struct addresses others = {0};

    if (!read_addresses(mails, addresses, forced_option, forced, null_sender, error) ||
        !read_addresses(mails, &others, option, given, null_sender, error)) {
        return false;
    }
    if (addresses->count > 0) {
        addresses->forced = true;
        return true;
    }
    *addresses = others;
    return others.count > 0 || read_addresses(mails, addresses, option, &alone, null_sender, error);
}

static bool read_helo(struct mails *mails, const char *helo, struct error *error)
{
    mails->helo =
        arena_copy(&mails->arena, slice_from_string(helo != NULL ? helo : "localhost.localdomain"));
    for (size_t i = 0; i < mails->helo.length; i++) {
        if ((unsigned char)mails->helo.data[i] <= 0x20 || mails->helo.data[i] == 0x7f) {
            error_set(error, ERROR_USAGE,
                      "--helo-fqdn: a host name has no blanks and control characters");
            return false;
        }
    }
    if (mails->helo.length == 0 || mails->helo.length > HELO_MAXIMUM) {
        error_set(error, ERROR_USAGE, "--helo-fqdn: a host name has 1 to %d bytes, not %zu",
                  (int)HELO_MAXIMUM, mails->helo.length);
        return false;
    }
    return true;
}

static bool read_envelope(struct mails *mails, const struct mails_options *options,
                          struct error *error)
{
    const char *forced = options->forced_sender;
    const struct option_strings forced_sender = {&forced, forced != NULL ? 1 : 0};

    return read_either(mails, &mails->senders, &forced_sender, "--force-from", &options->senders,
                       "--from", true, error) &&
           read_either(mails, &mails->recipients, &options->forced_recipients, "--force-recipient",
                       &options->recipients, "--recipient", false, error) &&
           read_helo(mails, options->helo, error);
}

/* ---- reading the files */

static void warn(struct mails *mails, size_t file, size_t files)
{
    enum { SHOWN = 120 };
    struct slice text = mails->stored[file].not_understood;
    struct buffer quoted = {0};

    word_append_quoted(&quoted,
                       slice_of(text.data, text.length < SHOWN ? text.length : (size_t)SHOWN));
    buffer_append_string(&quoted, text.length > SHOWN ? "..." : "");
    buffer_append_byte(&quoted, '\0');
    mails->warning = memory_format(
        "%zu of %zu mail files have an address that is not understood and is left out, the first "
        "is in %s: %s",
        files, mails->files.count, mails->files.paths[file], buffer_slice(&quoted).data);
    buffer_clear(&quoted);
}

static void note_doubts(struct mails *mails)
{
    size_t first = 0, count = 0;

    for (size_t i = mails->files.count; i-- > 0;) {
        if (mails->stored[i].not_understood.data != NULL) {
            first = i;
            count++;
        }
    }
    if (count > 0) {
        warn(mails, first, count);
    }
}

static bool read_files(struct mails *mails, struct error *error)
{
    size_t count = mails->files.count;
    struct buffer text = {0};
    bool ok = true;

    mails->stored = memory_new(count, sizeof(*mails->stored));
    mails->sender_turns = memory_new(count, sizeof(*mails->sender_turns));
    mails->order = memory_new(count, sizeof(*mails->order));
    for (size_t i = 0; ok && i < count; i++) {
        buffer_reset(&text);
        ok = file_read_up_to(mails->files.paths[i], "mail file", MAIL_FILE_MAXIMUM, &text, error);
        if (ok) {
            outgoing_mail_parse(&mails->stored[i], &mails->arena, buffer_slice(&text));
            mails->sender_turns[i] = mails->without_sender;
            mails->without_sender += mails->stored[i].sender.length == 0 ? 1 : 0;
        }
    }
    buffer_clear(&text);
    if (ok) {
        note_doubts(mails);
    }
    return ok;
}

static bool make_up(struct mails *mails, const struct mails_options *options, struct error *error)
{
    const struct made_up_options made_up = {
        .helo = mails->helo,
        .recipients = mails->recipients.items,
        .recipient_count = mails->recipients.count,
        .additional_lines = options->additional_lines,
        .size_distribution = options->size_distribution,
        .seed = options->seed,
    };

    mails->made_up = made_up_new(&made_up, error);
    return mails->made_up != NULL;
}

/* No option is taken that would do nothing. */
static bool check_options(const struct mails_options *options, struct error *error)
{
    const char *option = options->size_distribution != NULL ? "--size-distribution"
                         : options->additional_lines > 0    ? "--n-additional-lines"
                                                            : NULL;

    if (options->paths.count > 0 && option != NULL) {
        error_set(error, ERROR_USAGE, "%s is for generated mails, but mail files are given: %s",
                  option, options->paths.items[0]);
        return false;
    }
    if (options->size_distribution != NULL && options->additional_lines > 0) {
        error_set(error, ERROR_USAGE,
                  "--size-distribution and --n-additional-lines both say how long mails are; "
                  "give one of them");
        return false;
    }
    return true;
}

static bool read_all(struct mails *mails, const struct mails_options *options, struct error *error)
{
    mails->shuffle = options->shuffle;
    mails->seed = options->seed;
    mails->ordered_pass = NO_PASS;
    if (!check_options(options, error) || !read_envelope(mails, options, error) ||
        !mail_files_collect(&mails->files, &options->paths, error)) {
        return false;
    }
    mails->count = mails->files.count < 2 ? options->count : mails->files.count;
    return mails->files.count == 0 ? make_up(mails, options, error) : read_files(mails, error);
}

struct mails *mails_new(const struct mails_options *options, struct error *error)
{
    struct mails *mails = NEW(struct mails);

    if (!read_all(mails, options, error)) {
        mails_free(mails);
        return NULL;
    }
    return mails;
}

void mails_free(struct mails *mails)
{
    if (mails != NULL) {
        made_up_free(mails->made_up);
        mail_files_clear(&mails->files);
        free(mails->stored);
        free(mails->sender_turns);
        free(mails->order);
        free(mails->warning);
        arena_clear(&mails->arena);
        free(mails);
    }
}

uint64_t mails_count(const struct mails *mails)
{
    return mails->count;
}

size_t mails_file_count(const struct mails *mails)
{
    return mails->files.count;
}

const char *mails_file_name(const struct mails *mails, size_t file)
{
    return mails->files.paths[file];
}

const char *mails_warning(const struct mails *mails)
{
    return mails->warning;
}

/* ---- one mail */

static void shuffle(struct mails *mails, uint64_t pass)
{
    struct chance chance = chance_begin(mails->seed, pass);

    for (size_t i = 0; i < mails->files.count; i++) {
        size_t other = (size_t)chance_below(&chance, i + 1);

        mails->order[i] = mails->order[other];
        mails->order[other] = i;
    }
    mails->ordered_pass = pass;
}

static size_t file_at(struct mails *mails, uint64_t pass, size_t position)
{
    if (!mails->shuffle) {
        return position;
    }
    if (pass != mails->ordered_pass) {
        shuffle(mails, pass);
    }
    return mails->order[position];
}

static bool has_eight_bit(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] > 127) {
            return true;
        }
    }
    return false;
}

static void take_file(struct mails *mails, uint64_t number, struct mail *mail)
{
    uint64_t pass = number / mails->files.count;
    size_t file = file_at(mails, pass, (size_t)(number % mails->files.count));
    const struct outgoing_mail *stored = &mails->stored[file];

    mail->file = file;
    mail->helo = stored->helo.length > 0 ? stored->helo : mails->helo;
    mail->smtp.body = stored->content;
    mail->smtp.dots = stored->dots;
    mail->smtp.eight_bit = stored->eight_bit;
    if (mails->senders.forced || stored->sender.length == 0) {
        /* Round-robin among the mails that have none, whatever comes between them. */
        uint64_t turn = pass * mails->without_sender + mails->sender_turns[file];

        mail->smtp.sender = mails->senders.items[turn % mails->senders.count];
    } else {
        mail->smtp.sender = stored->sender;
    }
    if (!mails->recipients.forced && stored->recipient_count > 0) {
        mail->smtp.recipients = stored->recipients;
        mail->smtp.recipient_count = stored->recipient_count;
    }
}

static void take_made_up(struct mails *mails, uint64_t number, struct mail *mail)
{
    struct slice sender = mails->senders.items[number % mails->senders.count];

    mail->file = MAILS_NO_FILE;
    mail->helo = mails->helo;
    mail->smtp.sender = sender;
    mail->smtp.body = made_up_take(mails->made_up, number, sender, &mail->memory);
    mail->smtp.head = buffer_slice(&mail->memory);
    mail->smtp.dots = mail->smtp.body.length > 0 && mail->smtp.body.data[0] == '.';
    mail->smtp.eight_bit = has_eight_bit(mail->smtp.head);
}

void mails_take(struct mails *mails, uint64_t number, struct mail *mail)
{
    mail->smtp = (struct smtp_mail){
        .recipients = mails->recipients.items,
        .recipient_count = mails->recipients.count,
    };
    if (mails->made_up != NULL) {
        take_made_up(mails, number, mail);
    } else {
        take_file(mails, number, mail);
    }
    mail->size = mail->smtp.head.length + mail->smtp.body.length;
}

void mail_clear(struct mail *mail)
{
    buffer_clear(&mail->memory);
    *mail = (struct mail){0};
}
