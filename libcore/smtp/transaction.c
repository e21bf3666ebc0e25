/*
 * transaction - the SMTP client and one mail: MAIL, RCPT, DATA or BDAT, the message.
 *
 * Step by step, or with everything up to DATA in one go where pipelining is wanted and
 * offered (RFC 2920).  BDAT waits for the answers to RCPT and to each chunk, so that
 * nothing is sent that nobody wants.
 */
#include "libcore/smtp/client_state.h"

static bool ascii(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if ((unsigned char)text.data[i] > 127) {
            return false;
        }
    }
    return true;
}

static bool addresses_are_ascii(const struct smtp_mail *mail)
{
    for (size_t i = 0; i < mail->recipient_count; i++) {
        if (!ascii(mail->recipients[i])) {
            return false;
        }
    }
    return ascii(mail->sender);
}

static bool client_chunks(const struct smtp_client *client)
{
    return client->options->chunking && client_offered(client, SMTP_CHUNKING);
}

/* ---- commands */

static void ask_mail(struct smtp_client *client, uint64_t now)
{
    const struct smtp_mail *mail = client->transaction.mail;
    struct buffer *output = &client->output;

    buffer_append_string(output, "MAIL FROM:<");
    buffer_append_slice(output, mail->sender);
    buffer_append_byte(output, '>');
    if (client_offered(client, SMTP_SIZE)) {
        buffer_append_format(output, " SIZE=%zu", mail->head.length + mail->body.length);
    }
    if (mail->eight_bit && client_offered(client, SMTP_8BITMIME)) {
        buffer_append_string(output, " BODY=8BITMIME");
    }
    if (client_offered(client, SMTP_SMTPUTF8) && !addresses_are_ascii(mail)) {
        buffer_append_string(output, " SMTPUTF8");
    }
    client_ask(client, REQUEST_MAIL, "", "", now);
}

static void ask_recipient(struct smtp_client *client, uint64_t now)
{
    struct transaction *transaction = &client->transaction;

    buffer_append_string(&client->output, "RCPT TO:<");
    buffer_append_slice(&client->output,
                        transaction->mail->recipients[transaction->next_recipient++]);
    client_ask(client, REQUEST_RCPT, ">", "", now);
}

static void ask_data(struct smtp_client *client, uint64_t now)
{
    client_ask(client, REQUEST_DATA, "DATA", "", now);
}

void smtp_client_send(struct smtp_client *client, const struct smtp_mail *mail, uint64_t now)
{
    bool pipelining = client->options->pipelining && client_offered(client, SMTP_PIPELINING);
    bool reset = client->needs_reset;

    client->transaction = (struct transaction){.mail = mail};
    client->outcome = (struct smtp_outcome){0};
    client->needs_reset = false;
    if (reset) {
        client_ask(client, REQUEST_RESET, "RSET", "", now);
    }
    if (!reset || pipelining) {
        ask_mail(client, now);
    }
    if (pipelining) {
        while (client->transaction.next_recipient < mail->recipient_count) {
            ask_recipient(client, now);
        }
        if (!client_chunks(client)) {
            ask_data(client, now);
        }
    }
}

/* An answer for each recipient that is left comes from LMTP (RFC 2033 section 4.2), else one. */
static void await_verdict(struct smtp_client *client)
{
    size_t count = 1;

    if (client->options->lmtp && !client->transaction.unwanted) {
        count = client->outcome.accepted;
        client->outcome.accepted = 0;
    }
    while (count-- > 0) {
        client_await(client, REQUEST_CONTENT, client->transaction.content_since);
    }
}

static void begin_content(struct smtp_client *client, uint64_t now)
{
    struct transaction *transaction = &client->transaction;
    struct slice nothing = slice_of("", 0);
    bool wanted = !transaction->mail_refused && client->outcome.accepted > 0;

    transaction->content_begun = true;
    transaction->content_since = now;
    /* A server that wants a message for nobody gets an empty one. */
    transaction->unwanted = !wanted;
    smtp_content_begin(&transaction->content, wanted ? transaction->mail->head : nothing,
                       wanted ? transaction->mail->body : nothing);
}

/* The head of the next BDAT; its bytes follow by smtp_client_fill. */
static void begin_chunk(struct smtp_client *client, uint64_t now)
{
    struct transaction *transaction = &client->transaction;
    size_t left = smtp_content_left(&transaction->content);
    bool last = left <= client->options->chunk_size;

    transaction->chunk_left = last ? left : client->options->chunk_size;
    buffer_append_format(&client->output, "BDAT %zu%s\r\n", transaction->chunk_left,
                         last ? " LAST" : "");
    if (last) {
        transaction->content_over = left == 0;
        await_verdict(client);
    } else {
        client_await(client, REQUEST_CHUNK, now);
    }
}

static void end_mail(struct smtp_client *client, struct smtp_event *event, bool needs_reset)
{
    client->transaction.mail = NULL;
    client->needs_reset = needs_reset;
    client->wish = SMTP_WISH_MAIL;
    event->mail_ended = true;
}

void transaction_go_on(struct smtp_client *client, struct smtp_event *event, uint64_t now)
{
    struct transaction *transaction = &client->transaction;

    if (transaction->content_begun) {
        begin_chunk(client, now); /* the message of DATA has no further steps */
    } else if (transaction->data_accepted) {
        begin_content(client, now);
        await_verdict(client);
    } else if (transaction->data_refused || transaction->mail_refused) {
        end_mail(client, event, transaction->data_refused);
    } else if (transaction->next_recipient < transaction->mail->recipient_count) {
        ask_recipient(client, now);
    } else if (client->outcome.accepted == 0) {
        end_mail(client, event, true);
    } else if (client_chunks(client)) {
        begin_content(client, now);
        begin_chunk(client, now);
    } else {
        ask_data(client, now);
    }
}

/* ---- answers */

void answered_reset(struct smtp_client *client, struct smtp_event *event, uint64_t now)
{
    if (!reply_is_positive(&event->reply)) {
        client_refused(client, &event->reply, "RSET");
    } else if (client->awaited_count == 0) {
        ask_mail(client, now);
    }
}

void answered_mail(struct smtp_client *client, struct smtp_event *event, uint64_t now)
{
    (void)now;
    if (!reply_is_positive(&event->reply)) {
        client->transaction.mail_refused = true;
        client_note(client, &event->reply);
    }
}

void answered_recipient(struct smtp_client *client, struct smtp_event *event, uint64_t now)
{
    (void)now;
    if (reply_is_positive(&event->reply)) {
        client->outcome.accepted++;
    } else if (!client->transaction.mail_refused) {
        client->outcome.refused++;
        client_note(client, &event->reply);
    }
}

void answered_data(struct smtp_client *client, struct smtp_event *event, uint64_t now)
{
    struct transaction *transaction = &client->transaction;

    (void)now;
    if (event->reply.code == SMTP_START_DATA) {
        transaction->data_accepted = true;
        return;
    }
    transaction->data_refused = true;
    /* What is pipelined behind a refusal is refused because of it. */
    if (!transaction->mail_refused && client->outcome.accepted > 0) {
        client_note(client, &event->reply);
    }
    client->outcome.accepted = 0;
}

/* Nobody can know how much of the message the server will read as commands. */
static void answered_too_early(struct smtp_client *client, struct smtp_event *event)
{
    client_break(client, ERROR_PROTOCOL, "the server answered before it had the whole message");
    client->outcome.accepted = 0;
    if (reply_is_positive(&event->reply)) {
        return; /* it cannot have taken what it has not got: no verdict, the session has failed */
    }
    client_note(client, &event->reply);
    client->transaction.mail = NULL;
    event->mail_ended = true;
}

static void judge_content(struct smtp_client *client, const struct smtp_reply *reply)
{
    bool lmtp = client->options->lmtp;

    if (reply_is_positive(reply)) {
        client->outcome.accepted += lmtp ? 1 : 0;
    } else {
        client->outcome.refused += lmtp ? 1 : 0;
        client->outcome.accepted = lmtp ? client->outcome.accepted : 0;
    }
    /* One recipient that gets it outweighs those that do not. */
    if (reply_is_positive(reply) || client->outcome.accepted == 0) {
        client_note(client, reply);
    }
}

void answered_content(struct smtp_client *client, struct smtp_event *event, uint64_t now)
{
    struct transaction *transaction = &client->transaction;

    (void)now;
    if (!transaction->content_over) {
        answered_too_early(client, event);
        return;
    }
    if (transaction->unwanted) {
        client->outcome.accepted = 0; /* the refusal before it stands */
    } else {
        judge_content(client, &event->reply);
    }
    if (client->awaited_count == 0) {
        end_mail(client, event, false);
    }
}

void answered_chunk(struct smtp_client *client, struct smtp_event *event, uint64_t now)
{
    (void)now;
    if (client->transaction.chunk_left > 0) {
        answered_too_early(client, event);
    } else if (reply_is_positive(&event->reply)) {
        event->partial = true;
    } else {
        client_note(client, &event->reply);
        client->outcome.accepted = 0;
        end_mail(client, event, true);
    }
}

/* ---- content */

bool smtp_client_fill(struct smtp_client *client, size_t limit)
{
    struct transaction *transaction = &client->transaction;
    struct smtp_content *content = &transaction->content;

    if (transaction->mail == NULL || !transaction->content_begun || transaction->content_over ||
        client->wish == SMTP_WISH_CLOSE) {
        return false;
    }
    if (!transaction->data_accepted) {
        size_t room = transaction->chunk_left < limit ? transaction->chunk_left : limit;
        size_t count = smtp_content_take(content, room, &client->output);

        transaction->chunk_left -= count;
        transaction->content_over = smtp_content_left(content) == 0;
        return count > 0;
    }
    (void)(transaction->mail->dots ? smtp_content_take_doubled(content, limit, &client->output)
                                   : smtp_content_take(content, limit, &client->output));
    if (smtp_content_left(content) == 0) {
        buffer_append_string(&client->output, ".\r\n");
        transaction->content_over = true;
    }
    return true;
}
