/*
 * opening - the SMTP client up to its first mail: greeting, EHLO or HELO, STARTTLS,
 * XCLIENT, AUTH, in this order.
 */
#include "libcore/base/base64.h"
#include "libcore/smtp/client_state.h"

enum {
    /* Bytes that in base64 leave room for AUTH and a name of 20 letters (RFC 4422 section 3.1) in a
     * command of 512 bytes (RFC 5321 section 4.5.3.1.4). */
    INITIAL_MAXIMUM = (512 - (int)sizeof("AUTH  \r\n") + 1 - 20) / 4 * 3,
};

static void client_introduce(struct smtp_client *client, uint64_t now)
{
    client_ask(client, REQUEST_EHLO, client->options->lmtp ? "LHLO " : "EHLO ", client->host_name,
               now);
}

static void client_impersonate(struct smtp_client *client, uint64_t now)
{
    buffer_append_string(&client->output, "XCLIENT");
    buffer_append_slice(&client->output, client->options->xclient);
    client_ask(client, REQUEST_XCLIENT, "", "", now);
}

static void client_lacks(struct smtp_client *client, const char *sentence)
{
    client_break(client, ERROR_PROTOCOL, sentence);
}

/* The server knows us: what is left to do before mail. */
static void client_prepare(struct smtp_client *client, uint64_t now)
{
    const struct smtp_client_options *options = client->options;
    bool tls_wanted = !client->secured && options->starttls != SMTP_STARTTLS_NEVER;

    if (tls_wanted && client_offered(client, SMTP_STARTTLS)) {
        client_ask(client, REQUEST_STARTTLS, "STARTTLS", "", now);
    } else if (tls_wanted && options->starttls == SMTP_STARTTLS_ALWAYS) {
        client_lacks(client, "the server offers no STARTTLS (--starttls=always)");
    } else if (options->xclient.length > 0 && !client->impersonated) {
        if (client_offered(client, SMTP_XCLIENT)) {
            client_impersonate(client, now);
        } else {
            client_lacks(client, "the server offers no XCLIENT to this client (with Postfix see "
                                 "smtpd_authorized_xclient_hosts)");
        }
    } else if (client->logs_in && !client->authenticated) {
        if (client_offered(client, SMTP_AUTH)) {
            client->wish = SMTP_WISH_LOGIN;
        } else {
            client_lacks(client, client->secured
                                     ? "the server offers no AUTH"
                                     : "the server offers no AUTH, perhaps because TLS is not in "
                                       "use");
        }
    } else {
        client->wish = SMTP_WISH_MAIL;
    }
}

void answered_greeting(struct smtp_client *client, struct smtp_event *event, uint64_t now)
{
    if (reply_is_positive(&event->reply)) {
        client_introduce(client, now);
    } else {
        client_refused(client, &event->reply, "greeting");
    }
}

void answered_ehlo(struct smtp_client *client, struct smtp_event *event, uint64_t now)
{
    if (reply_is_positive(&event->reply)) {
        smtp_extensions_read(&client->extensions, &event->reply);
        client_prepare(client, now);
    } else if (event->reply.code >= 500 && !client->options->lmtp) {
        /* RFC 5321 section 3.2: a server that knows no EHLO. */
        smtp_extensions_clear(&client->extensions);
        client_ask(client, REQUEST_HELO, "HELO ", client->host_name, now);
    } else {
        client_refused(client, &event->reply, client->options->lmtp ? "LHLO" : "EHLO");
    }
}

void answered_helo(struct smtp_client *client, struct smtp_event *event, uint64_t now)
{
    if (reply_is_positive(&event->reply)) {
        client_prepare(client, now);
    } else {
        client_refused(client, &event->reply, "HELO");
    }
}

void answered_starttls(struct smtp_client *client, struct smtp_event *event, uint64_t now)
{
    if (reply_is_positive(&event->reply)) {
        client->wish = SMTP_WISH_HANDSHAKE;
    } else if (client->options->starttls == SMTP_STARTTLS_ALWAYS) {
        client_refused(client, &event->reply, "STARTTLS");
    } else {
        /* As if it had not been offered. */
        client->extensions.offered &= ~(unsigned)SMTP_STARTTLS;
        client_prepare(client, now);
    }
}

void answered_xclient(struct smtp_client *client, struct smtp_event *event, uint64_t now)
{
    if (reply_is_positive(&event->reply)) {
        /* It has greeted somebody else and forgotten us. */
        client->impersonated = true;
        client_introduce(client, now);
    } else {
        client_refused(client, &event->reply, "XCLIENT");
    }
}

void answered_auth(struct smtp_client *client, struct smtp_event *event, uint64_t now)
{
    if (event->reply.code == SMTP_CHALLENGE && buffer_length(&client->late_response) > 0) {
        event->partial = true;
        buffer_append_slice(&client->output, buffer_slice(&client->late_response));
        buffer_clear(&client->late_response);
        client_ask(client, REQUEST_AUTH, "", "", client->login_since);
    } else if (event->reply.code == SMTP_CHALLENGE) {
        event->partial = true;
        client->wish = SMTP_WISH_RESPONSE;
    } else if (reply_is_positive(&event->reply)) {
        client->authenticated = true;
        client_prepare(client, now);
    } else {
        client_refused(client, &event->reply, "AUTH");
    }
}

/* ---- what the owner does in between */

void smtp_client_secured(struct smtp_client *client, uint64_t now)
{
    client->secured = true;
    smtp_extensions_clear(&client->extensions);
    client_introduce(client, now);
}

struct slice smtp_client_mechanisms(const struct smtp_client *client)
{
    return buffer_slice(&client->extensions.mechanisms);
}

void smtp_client_login(struct smtp_client *client, const char *mechanism,
                       const struct slice *initial, uint64_t now)
{
    buffer_append_format(&client->output, "AUTH %s", mechanism);
    if (initial != NULL && initial->length > INITIAL_MAXIMUM) {
        /* RFC 4954 section 4: one that makes the command too long waits for a challenge. */
        base64_append(&client->late_response, *initial);
    } else if (initial != NULL) {
        /* RFC 4954 section 4: "=" is an answer without a byte. */
        buffer_append_string(&client->output, initial->length > 0 ? " " : " =");
        base64_append(&client->output, *initial);
    }
    client->login_since = now;
    client_ask(client, REQUEST_AUTH, "", "", now);
}

void smtp_client_respond(struct smtp_client *client, const struct slice *response)
{
    if (response != NULL) {
        base64_append(&client->output, *response);
    } else {
        buffer_append_byte(&client->output, '*');
    }
    client_ask(client, REQUEST_AUTH, "", "", client->login_since);
}
