/*
 * client - the side that sends mail over SMTP and LMTP.
 *
 * What was asked and is not answered yet stands in a queue; answers belong to its
 * front.  A table says what each answer leads to.  A mail goes on whenever nothing is
 * owed: what was pipelined is judged when its last answer is there.
 */
#include "libcore/base/memory.h"
#include "libcore/smtp/client_state.h"

#include <stdio.h>
#include <stdlib.h>

enum { CLOSING = 421 };

/* ---- what the files of the client share */

void client_await(struct smtp_client *client, enum request request, uint64_t now)
{
    if (client->awaited_count == 0) {
        client->awaited_first = 0;
    }
    if (client->awaited_first + client->awaited_count == client->awaited_capacity) {
        client->awaited_capacity = client->awaited_capacity > 0 ? client->awaited_capacity * 2 : 8;
        client->awaited =
            memory_resize(client->awaited, client->awaited_capacity, sizeof(*client->awaited));
    }
    client->awaited[client->awaited_first + client->awaited_count++] =
        (struct awaited){request, now};
    client->wish = SMTP_WISH_NOTHING;
}

void client_ask(struct smtp_client *client, enum request request, const char *command,
                const char *argument, uint64_t now)
{
    buffer_append_string(&client->output, command);
    buffer_append_string(&client->output, argument);
    buffer_append_string(&client->output, "\r\n");
    client_await(client, request, now);
}

bool client_offered(const struct smtp_client *client, enum smtp_extension extension)
{
    return (client->extensions.offered & (unsigned)extension) != 0;
}

static void client_end(struct smtp_client *client)
{
    client->wish = SMTP_WISH_CLOSE;
    client->awaited_count = 0;
}

void client_break(struct smtp_client *client, enum error_code code, const char *sentence)
{
    error_set(&client->error, code, "%s", sentence);
    client->outcome.code = 0;
    client_end(client);
}

void client_note(struct smtp_client *client, const struct smtp_reply *reply)
{
    client->outcome.code = reply->code;
    (void)smtp_reply_text(reply, client->outcome.text, sizeof(client->outcome.text));
}

void client_refused(struct smtp_client *client, const struct smtp_reply *reply, const char *what)
{
    client_note(client, reply);
    error_set(&client->error, ERROR_PROTOCOL, "%s: %s", what, client->outcome.text);
    client_end(client);
}

bool reply_is_positive(const struct smtp_reply *reply)
{
    return reply->code < 300;
}

/* ---- answers */

static void answered_quit(struct smtp_client *client, struct smtp_event *event, uint64_t now)
{
    (void)event;
    (void)now;
    client_end(client);
}

static const struct {
    enum smtp_phase phase;
    const char *what;
    answered_fn *answered;
    unsigned intermediate; /* the only 3xx that makes sense */
} requests[REQUESTS] = {
    [REQUEST_GREETING] = {SMTP_PHASE_CONNECT, "greeting", answered_greeting, 0},
    [REQUEST_EHLO] = {SMTP_PHASE_HELO, "answer to EHLO", answered_ehlo, 0},
    [REQUEST_HELO] = {SMTP_PHASE_HELO, "answer to HELO", answered_helo, 0},
    [REQUEST_STARTTLS] = {SMTP_PHASE_TLS, "answer to STARTTLS", answered_starttls, 0},
    [REQUEST_XCLIENT] = {SMTP_PHASE_XCLIENT, "answer to XCLIENT", answered_xclient, 0},
    [REQUEST_AUTH] = {SMTP_PHASE_AUTH, "answer to AUTH", answered_auth, SMTP_CHALLENGE},
    [REQUEST_MAIL] = {SMTP_PHASE_MAIL, "answer to MAIL FROM", answered_mail, 0},
    [REQUEST_RCPT] = {SMTP_PHASE_RCPT, "answer to RCPT TO", answered_recipient, 0},
    [REQUEST_DATA] = {SMTP_PHASE_DATA, "answer to DATA", answered_data, SMTP_START_DATA},
    [REQUEST_CONTENT] = {SMTP_PHASE_CONTENT, "answer to the message", answered_content, 0},
    [REQUEST_CHUNK] = {SMTP_PHASE_CONTENT, "answer to BDAT", answered_chunk, 0},
    [REQUEST_RESET] = {SMTP_PHASE_RESET, "answer to RSET", answered_reset, 0},
    [REQUEST_QUIT] = {SMTP_PHASE_QUIT, "answer to QUIT", answered_quit, 0},
};

/* 421: whatever was asked, the server goes away (RFC 5321 section 3.8). */
static void client_closed(struct smtp_client *client, struct smtp_event *event)
{
    /* By LMTP those whose answer has come have got the mail (RFC 2033 section 4.2). */
    bool taken =
        client->options->lmtp && client->transaction.content_over && client->outcome.accepted > 0;
    struct smtp_outcome outcome = client->outcome;

    outcome.refused += client->awaited_count + 1;
    event->mail_ended = client->transaction.mail != NULL;
    client->transaction.mail = NULL;
    client->outcome.accepted = 0;
    client_refused(client, &event->reply, "the server closes the connection");
    if (taken) {
        client->outcome = outcome;
    }
}

/* The sentence, and what the server said. */
static void client_mistaken(struct smtp_client *client, const struct smtp_reply *reply,
                            const char *sentence)
{
    char text[160];
    struct error error = {0};

    error_set(&error, ERROR_PROTOCOL, "%s: %s", sentence,
              smtp_reply_text(reply, text, sizeof(text)));
    smtp_client_fail(client, &error);
}

/* An answer nobody asked for.  One that waits for nothing may be left, and loses nothing. */
static void client_surprised(struct smtp_client *client, struct smtp_event *event)
{
    event->phase = SMTP_PHASE_QUIT;
    event->partial = true;
    if (event->reply.code == CLOSING) {
        client_end(client);
    } else {
        client_mistaken(client, &event->reply, "the server answered what nobody had asked");
    }
}

static bool makes_sense(enum request request, unsigned code)
{
    if (code >= 300 && code < 400) {
        return code == requests[request].intermediate;
    }
    return request != REQUEST_DATA || code >= 400;
}

/* Nothing is asked because of the answer: it stands, whatever comes behind it. */
static bool closes(enum request request)
{
    return request == REQUEST_CONTENT || request == REQUEST_QUIT;
}

/*
 * True when the server says more although it owes nothing: with the next command its words would
 * be taken for the answer.  A farewell may come at any time.
 */
static bool speaks_out_of_turn(const struct smtp_client *client, struct slice rest)
{
    return rest.length > 0 && client->awaited_count == 0 && !slice_starts_with(rest, "421");
}

static void client_answered(struct smtp_client *client, struct slice rest, struct smtp_event *event,
                            uint64_t now)
{
    struct awaited awaited = client->awaited[client->awaited_first++];

    client->awaited_count--;
    event->phase = requests[awaited.request].phase;
    event->elapsed = now > awaited.since ? now - awaited.since : 0;
    if (event->reply.code == CLOSING && awaited.request != REQUEST_QUIT) {
        client_closed(client, event);
    } else if (!makes_sense(awaited.request, event->reply.code)) {
        char sentence[64];

        (void)snprintf(sentence, sizeof(sentence), "the %s makes no sense",
                       requests[awaited.request].what);
        client_mistaken(client, &event->reply, sentence);
    } else if (event->reply.code < 400 && !closes(awaited.request) &&
               speaks_out_of_turn(client, rest)) {
        client_break(client, ERROR_PROTOCOL,
                     awaited.request == REQUEST_STARTTLS
                         ? "the server went on in clear text behind its answer to STARTTLS"
                         : "the server went on speaking before it was asked");
    } else {
        requests[awaited.request].answered(client, event, now);
    }
    if (client->transaction.mail != NULL && client->awaited_count == 0 &&
        client->wish != SMTP_WISH_CLOSE) {
        transaction_go_on(client, event, now);
    }
}

bool smtp_client_take(struct smtp_client *client, struct slice *input, uint64_t now,
                      struct smtp_event *event)
{
    bool listens = client->wish == SMTP_WISH_NOTHING || client->wish == SMTP_WISH_MAIL;
    struct error error = {0};

    if (input->length == 0 || !listens) {
        return false;
    }
    *event = (struct smtp_event){0};
    switch (smtp_reply_take(input, &event->reply, &error)) {
    case SMTP_REPLY_WAIT:
        return false;
    case SMTP_REPLY_INVALID:
        smtp_client_fail(client, &error);
        return false;
    case SMTP_REPLY_TAKEN:
        break;
    }
    if (client->awaited_count > 0) {
        client_answered(client, *input, event, now);
    } else {
        client_surprised(client, event);
    }
    return true;
}

/* ---- the rest */

struct smtp_client *smtp_client_new(const struct smtp_client_options *options)
{
    struct smtp_client *client = NEW(struct smtp_client);

    client->options = options;
    client->wish = SMTP_WISH_CLOSE;
    return client;
}

void smtp_client_free(struct smtp_client *client)
{
    if (client != NULL) {
        smtp_extensions_clear(&client->extensions);
        buffer_clear(&client->output);
        buffer_clear(&client->late_response);
        free(client->awaited);
        free(client);
    }
}

void smtp_client_start(struct smtp_client *client, struct slice host_name, bool logs_in,
                       uint64_t now)
{
    (void)snprintf(client->host_name, sizeof(client->host_name), "%.*s", (int)host_name.length,
                   host_name.data);
    buffer_reset(&client->output);
    buffer_clear(&client->late_response);
    smtp_extensions_clear(&client->extensions);
    client->error = (struct error){0};
    client->outcome = (struct smtp_outcome){0};
    client->transaction = (struct transaction){0};
    client->awaited_count = 0;
    client->logs_in = logs_in;
    client->secured = client->options->secured;
    client->impersonated = client->authenticated = client->needs_reset = false;
    client_await(client, REQUEST_GREETING, now);
}

void smtp_client_quit(struct smtp_client *client, uint64_t now)
{
    client_ask(client, REQUEST_QUIT, "QUIT", "", now);
}

void smtp_client_fail(struct smtp_client *client, const struct error *error)
{
    client_break(client, error->code, error->message);
}

enum smtp_wish smtp_client_wish(const struct smtp_client *client)
{
    return client->wish;
}

struct buffer *smtp_client_output(struct smtp_client *client)
{
    return &client->output;
}

const struct error *smtp_client_error(const struct smtp_client *client)
{
    return client->error.code != ERROR_NONE ? &client->error : NULL;
}

const struct smtp_outcome *smtp_client_outcome(const struct smtp_client *client)
{
    return &client->outcome;
}

bool smtp_client_busy(const struct smtp_client *client)
{
    return client->transaction.mail != NULL;
}

const char *smtp_client_stage(const struct smtp_client *client)
{
    const struct transaction *transaction = &client->transaction;

    if (client->awaited_count == 0) {
        return client->wish == SMTP_WISH_HANDSHAKE ? "TLS handshake" : "next mail";
    }
    if (transaction->mail != NULL && transaction->content_begun && !transaction->content_over) {
        return "message";
    }
    return requests[client->awaited[client->awaited_first].request].what;
}
