/*
 * mails - what is sent: mail files, or mails made up on the fly (tools.md
 * section 3), as an endless list that begins again behind its last mail.
 *
 * Everything is read, parsed and checked before the first connection.
 */
#ifndef MILTER_PERFORMANCE_CHECK_MAILS_H
#define MILTER_PERFORMANCE_CHECK_MAILS_H

#include "libcore/base/options.h"
#include "libcore/smtp/client.h"

/*
 * Addresses are written as users do, with or without brackets; "" and "<>" are
 * the null sender.  additional_lines and size_distribution exclude each other, and paths.
 */
struct mails_options {
    struct option_strings paths;      /* files, directories, "-"; none: mails are made up */
    struct option_strings senders;    /* round-robin; none: from@example.com */
    const char *forced_sender;        /* NULL, or instead of the mail's own */
    struct option_strings recipients; /* none: to@example.com */
    struct option_strings forced_recipients;
    const char *helo;              /* when the mail names none */
    unsigned count;                /* mails of one pass with 0 or 1 file */
    unsigned additional_lines;     /* of made up mails */
    const char *size_distribution; /* NULL, or sizes of made up mails: "2k:70,10k-100k:25,5m:5" */
    bool shuffle;                  /* each pass in another order */
    uint64_t seed;                 /* of shuffle, sizes and Message-Ids */
};

struct mails;

/* One mail, ready to be sent; {0} before the first mails_take. */
struct mail {
    struct smtp_mail smtp;
    struct slice helo;
    size_t file;          /* number of its file; MAILS_NO_FILE for one made up */
    uint64_t due;         /* clock_nanoseconds: when it is to start; set by who sends it */
    uint64_t size;        /* bytes of the content */
    struct buffer memory; /* of the head, kept from mail to mail */
};

#define MAILS_NO_FILE SIZE_MAX

/* Reads and checks everything; NULL with *error, one sentence naming the file or the option. */
struct mails *mails_new(const struct mails_options *options, struct error *error);
void mails_free(struct mails *mails);
/* Mails of one pass. */
uint64_t mails_count(const struct mails *mails);
size_t mails_file_count(const struct mails *mails);
const char *mails_file_name(const struct mails *mails, size_t file);
/*
 * NULL, or a sentence for the operator: files in which an address was not
 * understood and is left out.
 */
const char *mails_warning(const struct mails *mails);
/*
 * The mail of that number, from 0 without end; mail may have been used before.
 * What it refers to stays until the next call for it, mail_clear or mails_free.
 */
void mails_take(struct mails *mails, uint64_t number, struct mail *mail);
void mail_clear(struct mail *mail);

#endif
