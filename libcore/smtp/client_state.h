/*
 * client_state - what the files of the SMTP client share: private to libcore/smtp.
 */
#ifndef LIBCORE_SMTP_CLIENT_STATE_H
#define LIBCORE_SMTP_CLIENT_STATE_H

#include "libcore/smtp/client.h"
#include "libcore/smtp/content.h"

enum { HOST_NAME = 256, SMTP_CHALLENGE = 334, SMTP_START_DATA = 354 };

/* What an answer may be to. */
enum request {
    REQUEST_GREETING,
    REQUEST_EHLO,
    REQUEST_HELO,
    REQUEST_STARTTLS,
    REQUEST_XCLIENT,
    REQUEST_AUTH,
    REQUEST_MAIL,
    REQUEST_RCPT,
    REQUEST_DATA,
    REQUEST_CONTENT,
    REQUEST_CHUNK, /* BDAT that is not the last */
    REQUEST_RESET,
    REQUEST_QUIT,
    REQUESTS,
};

struct awaited {
    enum request request;
    uint64_t since;
};

/* The mail on its way. */
struct transaction {
    const struct smtp_mail *mail; /* NULL: none */
    size_t next_recipient;
    bool mail_refused; /* by the answer to MAIL */
    bool data_accepted, data_refused;
    bool unwanted; /* nobody is to get it, but the server has asked for a message */
    bool content_begun;
    bool content_over; /* all of it is in the output */
    uint64_t content_since;
    struct smtp_content content;
    size_t chunk_left; /* bytes of the BDAT under way */
};

struct smtp_client {
    const struct smtp_client_options *options;
    char host_name[HOST_NAME];
    struct buffer output;
    enum smtp_wish wish;
    struct error error;

    struct awaited *awaited; /* awaited_count from awaited_first on */
    size_t awaited_first, awaited_count, awaited_capacity;
    uint64_t login_since;
    struct buffer
        late_response; /* base64: to the first challenge of AUTH, not the owner's matter */

    struct smtp_extensions extensions;
    bool logs_in;
    bool secured, impersonated, authenticated;

    struct transaction transaction;
    struct smtp_outcome outcome;
    bool needs_reset; /* the server still holds the last, refused mail */
};

/* An answer to the request is to come. */
void client_await(struct smtp_client *client, enum request request, uint64_t now);
/* Writes the command with its argument, whose answer is to come. */
void client_ask(struct smtp_client *client, enum request request, const char *command,
                const char *argument, uint64_t now);
bool client_offered(const struct smtp_client *client, enum smtp_extension extension);
/* The session is over, for this reason. */
void client_break(struct smtp_client *client, enum error_code code, const char *sentence);
/* The answer decides over the mail. */
void client_note(struct smtp_client *client, const struct smtp_reply *reply);
/* The session is over: the answer to what is what the mail in hand gets. */
void client_refused(struct smtp_client *client, const struct smtp_reply *reply, const char *what);
bool reply_is_positive(const struct smtp_reply *reply);

/* What an answer leads to. */
typedef void answered_fn(struct smtp_client *client, struct smtp_event *event, uint64_t now);

/* opening.c: up to the first mail */
answered_fn answered_greeting, answered_ehlo, answered_helo, answered_starttls, answered_xclient,
    answered_auth;
/* transaction.c: a mail */
answered_fn answered_reset, answered_mail, answered_recipient, answered_data, answered_content,
    answered_chunk;
/* Nothing is owed: the next step of the mail. */
void transaction_go_on(struct smtp_client *client, struct smtp_event *event, uint64_t now);

#endif
