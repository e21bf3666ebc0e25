/*
 * session - one SMTP connection at a time.
 *
 * Bytes go stream - TLS, when there is any - SMTP machine and back; the machine's wishes
 * are served here.  Time is read once for each piece of input: an answer is there when it
 * was read, however long it takes us to work through it.
 */
#include "milter-performance-check/session.h"

#include "libcore/base/base64.h"
#include "libcore/base/clock.h"
#include "libcore/base/memory.h"
#include "libcore/net/stream.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE = 65536, /* bytes of content in memory twice */
    SMTP_PORT = 25,
};

enum session_state {
    SESSION_IDLE, /* no connection */
    SESSION_CONNECTING,
    SESSION_WRAPPING, /* TLS before the greeting */
    SESSION_STARTING_TLS,
    SESSION_OPEN,
    SESSION_LEAVING, /* QUIT has been sent */
};

struct session {
    const struct session_context *context;
    const struct session_handlers *handlers;
    void *owner;
    enum session_state state;
    struct smtp_client *client;
    struct stream *stream;
    struct loop_timer *timer; /* no answer for too long */
    struct tls *tls;          /* NULL: clear text */
    struct sasl *sasl;        /* NULL: no login under way */
    struct buffer plain;      /* decrypted and not taken yet */
    struct server *server;
    size_t first_address;    /* of the server, tried first */
    size_t attempts;         /* addresses of the server that have been tried */
    const struct mail *mail; /* NULL: the owner has none at the moment */
    uint64_t connect_time, mail_time, tls_time;
    size_t taken;  /* bytes the server had taken when the timer was started */
    bool used;     /* a mail has got beyond the opening */
    bool measured; /* its first mail counts, so opening and leaving do */
    bool metered;  /* a mail of it counts, so bytes do, but for those of the warm-up: */
    uint64_t warm_up_read, warm_up_written;
};

static void session_finish(struct session *session, const struct error *error);
static void session_connect(struct session *session);

/* ---- ends */

static enum outcome outcome_of(unsigned code)
{
    return code >= 200 && code < 300   ? OUTCOME_SENT
           : code >= 400 && code < 500 ? OUTCOME_TEMPORARY_FAILURE
           : code >= 500               ? OUTCOME_REJECT
                                       : OUTCOME_ERROR;
}

/* text: why, unless the mail was sent. */
static void session_end_mail(struct session *session, enum outcome outcome, const char *text,
                             uint64_t now)
{
    const struct smtp_outcome *smtp = smtp_client_outcome(session->client);
    const struct mail *mail = session->mail;
    const struct mail_result result = {
        .started = session->mail_time,
        .ended = now,
        .outcome = outcome,
        .accepted = outcome == OUTCOME_SENT ? smtp->accepted : 0,
        .refused = smtp->refused,
        .file = mail->file,
        .size = mail->size,
        .text = outcome == OUTCOME_SENT ? NULL : text,
    };

    session->mail = NULL;
    session->handlers->mail_ended(session->owner, &result);
}

/* The server has refused us before it saw the mail; or something broke. */
static void session_lose_mail(struct session *session, const struct error *error, uint64_t now)
{
    const struct smtp_outcome *smtp = smtp_client_outcome(session->client);

    if (error->code == ERROR_PROTOCOL && smtp_client_error(session->client) != NULL &&
        smtp->code > 0) {
        session_end_mail(session, outcome_of(smtp->code), smtp->text, now);
    } else {
        session_end_mail(session, OUTCOME_ERROR, error->message, now);
    }
}

/* As far as the peer still listens. */
static void session_close_tls(struct session *session)
{
    if (session->tls != NULL && session->state == SESSION_LEAVING) {
        tls_close(session->tls, stream_output(session->stream));
        stream_flush(session->stream);
    }
}

static void session_measure_traffic(struct session *session)
{
    if (session->metered) {
        measurement_traffic(session->context->measurement,
                            stream_bytes_read(session->stream) - session->warm_up_read,
                            stream_bytes_written(session->stream) - session->warm_up_written,
                            clock_nanoseconds());
    }
}

static void session_disconnect(struct session *session)
{
    if (session->stream != NULL) {
        session_close_tls(session);
        session_measure_traffic(session);
        stream_free(session->stream);
        session->stream = NULL;
    }
    loop_timer_stop(session->timer);
    tls_free(session->tls);
    session->tls = NULL;
    sasl_free(session->sasl);
    session->sasl = NULL;
    buffer_reset(&session->plain);
}

/* error: NULL when all went well. */
static void session_finish(struct session *session, const struct error *error)
{
    uint64_t now = clock_nanoseconds();
    bool left = session->state == SESSION_LEAVING;

    if (session->state == SESSION_IDLE) {
        return;
    }
    session_disconnect(session);
    session->state = SESSION_IDLE;
    if (left && session->measured) {
        measurement_phase(session->context->measurement, MEASURED_SESSION,
                          now - session->connect_time, now);
    }
    if (session->measured) {
        measurement_connection(session->context->measurement, session->used, now);
    }
    if (session->mail != NULL && error != NULL) { /* without an error there is none left */
        session_lose_mail(session, error, now);
    }
    session->handlers->ended(session->owner, error);
}

static void session_fail(struct session *session, const struct error *error)
{
    struct error named = {0};

    if (strstr(error->message, session->server->name) != NULL) {
        session_finish(session, error);
        return;
    }
    error_set(&named, error->code, "%s: %s", session->server->name, error->message);
    session_finish(session, &named);
}

/* The peer is gone, or has said that it says no more. */
static void session_lose_peer(struct session *session, const struct error *error)
{
    struct error staged = {0};

    if (session->state == SESSION_LEAVING ||
        (session->state == SESSION_OPEN && session->mail == NULL)) {
        /* Nothing is lost when a server does not wait for the end of the ceremony. */
        session_finish(session, NULL);
        return;
    }
    error_set(&staged, error->code, "%s (waiting for the %s)", error->message,
              smtp_client_stage(session->client));
    session_fail(session, &staged);
}

/* ---- output */

/* A server that takes bytes is not silent.  taken: bytes that count as taken before. */
static void session_await(struct session *session, size_t taken)
{
    session->taken = taken;
    loop_timer_start(session->timer, session->context->plan->reading_timeout);
}

/* What the machine has said goes into the stream's output. False: the session has ended. */
static bool session_pass_on(struct session *session)
{
    struct buffer *output = smtp_client_output(session->client);
    struct error error = {0};

    if (buffer_length(output) == 0) {
        return true;
    }
    if (session->tls == NULL) {
        buffer_append_slice(stream_output(session->stream), buffer_slice(output));
    } else if (!tls_send(session->tls, buffer_slice(output), stream_output(session->stream),
                         &error)) {
        session_lose_peer(session, &error);
        return false;
    }
    buffer_reset(output);
    return true;
}

static void session_flush(struct session *session)
{
    if (session->state == SESSION_IDLE || !session_pass_on(session)) {
        return;
    }
    if (buffer_length(stream_output(session->stream)) < PIECE &&
        smtp_client_fill(session->client, PIECE) && !session_pass_on(session)) {
        return;
    }
    stream_flush(session->stream);
}

/* ---- the machine's wishes */

static void session_begin_tls(struct session *session, enum session_state state)
{
    struct error error = {0};

    session->tls = tls_new(session->context->tls, session->server->host, &error);
    if (session->tls == NULL) {
        smtp_client_fail(session->client, &error);
        return;
    }
    session->state = state;
    (void)tls_receive(session->tls, slice_of("", 0), stream_output(session->stream),
                      &session->plain, &error);
}

static void session_login(struct session *session, uint64_t now)
{
    const struct plan *plan = session->context->plan;
    struct error error = {0};
    struct buffer initial = {0};
    struct slice answer;
    const char *mechanism =
        sasl_choose(plan->auth_mechanism, smtp_client_mechanisms(session->client), &error);

    if (mechanism != NULL) {
        session->sasl = sasl_new(session->context->sasl, mechanism, &session->server->credentials,
                                 session->server->host, &error);
    }
    if (session->sasl == NULL) {
        smtp_client_fail(session->client, &error);
    } else if (!sasl_client_first(session->sasl)) {
        smtp_client_login(session->client, mechanism, NULL, now);
    } else if (sasl_step(session->sasl, slice_of("", 0), &initial, &error)) {
        answer = buffer_slice(&initial);
        smtp_client_login(session->client, mechanism, &answer, now);
    } else {
        smtp_client_fail(session->client, &error);
    }
    buffer_clear(&initial);
}

static void session_respond(struct session *session, const struct smtp_reply *challenge)
{
    struct slice lines = challenge->lines;
    struct slice text = {0};
    struct buffer decoded = {0};
    struct buffer response = {0};
    struct error error = {0};

    (void)smtp_reply_next_line(&lines, &text);
    if (base64_decode(text, &decoded, &error) &&
        sasl_step(session->sasl, buffer_slice(&decoded), &response, &error)) {
        struct slice answer = buffer_slice(&response);

        smtp_client_respond(session->client, &answer);
    } else {
        smtp_client_fail(session->client, &error);
    }
    buffer_clear(&decoded);
    buffer_clear(&response);
}

static void session_serve(struct session *session, const struct smtp_event *event, uint64_t now)
{
    switch (smtp_client_wish(session->client)) {
    case SMTP_WISH_HANDSHAKE:
        session_begin_tls(session, SESSION_STARTING_TLS);
        break;
    case SMTP_WISH_LOGIN:
        session_login(session, now);
        break;
    case SMTP_WISH_RESPONSE:
        session_respond(session, &event->reply);
        break;
    case SMTP_WISH_MAIL:
        if (session->mail != NULL) {
            session->used = true;
            smtp_client_send(session->client, &session->mail->smtp, now);
        }
        break;
    case SMTP_WISH_NOTHING:
    case SMTP_WISH_CLOSE:
        break;
    }
}

/* ---- input */

/* What belongs to a mail or a connection of the warm-up is not measured, however late it comes. */
static bool mail_counts(const struct session *session, const struct mail *mail)
{
    return mail->due >= session->context->measurement->begun;
}

static bool session_counts(const struct session *session)
{
    return session->mail != NULL ? mail_counts(session, session->mail) : session->measured;
}

static void session_measure(struct session *session, const struct smtp_event *event, uint64_t now)
{
    if (event->partial || !session_counts(session)) {
        return;
    }
    if (event->phase == SMTP_PHASE_TLS) {
        session->tls_time = now - event->elapsed; /* the phase ends with the handshake */
    }
    measurement_reply(session->context->measurement, event->phase, event->reply.code,
                      event->elapsed, now);
}

/* A server that lets us in without proof that it knows the password is somebody else's. */
static void session_check_login(struct session *session, const struct smtp_event *event)
{
    struct error error = {0};

    if (event->phase == SMTP_PHASE_AUTH && event->reply.code < 300 && session->sasl != NULL &&
        !sasl_accepted(session->sasl, &error)) {
        smtp_client_fail(session->client, &error);
    }
}

static void session_work(struct session *session, struct slice *input, uint64_t now)
{
    struct smtp_event event;

    while (session->state != SESSION_IDLE &&
           smtp_client_take(session->client, input, now, &event)) {
        session_measure(session, &event, now);
        session_check_login(session, &event);
        if (event.mail_ended && session->mail != NULL) {
            const struct smtp_outcome *outcome = smtp_client_outcome(session->client);

            session_end_mail(session, outcome_of(outcome->code), outcome->text, now);
        } else {
            session_serve(session, &event, now);
        }
    }
}

/* After input, or a wish served: writes, waits, or ends. */
static void session_settle(struct session *session)
{
    const struct error *error = smtp_client_error(session->client);

    if (session->state == SESSION_IDLE) {
        return;
    }
    if (smtp_client_wish(session->client) == SMTP_WISH_CLOSE) {
        if (error != NULL) {
            session_fail(session, error);
        } else {
            session_finish(session, NULL);
        }
        return;
    }
    session_flush(session);
    if (session->state == SESSION_IDLE) {
        return;
    }
    if (smtp_client_wish(session->client) == SMTP_WISH_MAIL) {
        loop_timer_stop(session->timer); /* nothing is to come until the owner has a mail */
    } else if (buffer_length(stream_output(session->stream)) > 0) {
        session_await(session, stream_bytes_taken(session->stream));
    } else {
        session_await(session,
                      stream_bytes_written(session->stream)); /* spares asking the system */
    }
}

static void session_handshaken(struct session *session, uint64_t now)
{
    bool wrapped = session->state == SESSION_WRAPPING;

    session->state = SESSION_OPEN;
    if (session_counts(session)) {
        measurement_tls(session->context->measurement, tls_description(session->tls),
                        now - session->tls_time, now);
    }
    if (!wrapped) {
        smtp_client_secured(session->client, now);
    }
}

static bool session_in_handshake(const struct session *session)
{
    return session->state == SESSION_WRAPPING || session->state == SESSION_STARTING_TLS;
}

static void session_decrypt(struct session *session, struct slice input, uint64_t now)
{
    struct error error = {0};
    bool handshake = session_in_handshake(session);
    enum tls_state state =
        tls_receive(session->tls, input, stream_output(session->stream), &session->plain, &error);
    struct slice plain;

    if (handshake && (state == TLS_OPEN || state == TLS_CLOSED)) {
        session_handshaken(session, now);
    }
    plain = buffer_slice(&session->plain);
    if (state == TLS_FAILED) {
        stream_flush(session->stream); /* the alert */
        smtp_client_fail(session->client, &error);
    } else if (session->state >= SESSION_OPEN) {
        session_work(session, &plain, now);
        if (session->state != SESSION_IDLE) {
            buffer_consume(&session->plain, buffer_length(&session->plain) - plain.length);
        }
    }
    if (state == TLS_CLOSED && session->state != SESSION_IDLE &&
        smtp_client_wish(session->client) != SMTP_WISH_CLOSE) {
        error_set(&error, ERROR_CLOSED, "TLS has been ended by the server");
        session_lose_peer(session, &error);
    }
}

static size_t on_received(void *owner, struct slice input)
{
    struct session *session = owner;
    uint64_t now = clock_nanoseconds();
    struct slice rest = input;
    bool handshake = session_in_handshake(session);

    if (session->tls != NULL) {
        session_decrypt(session, input, now);
        rest.length = 0;
    } else {
        session_work(session, &rest, now);
    }
    session_settle(session);
    if (handshake && session->state == SESSION_OPEN) {
        /* The server sends session tickets first: its answer must not wait for their sake. */
        stream_acknowledge(session->stream);
    }
    return input.length - rest.length;
}

static void on_drained(void *owner)
{
    struct session *session = owner;

    if (smtp_client_busy(session->client)) {
        session_await(session, stream_bytes_taken(session->stream));
        session_flush(session);
    }
}

/* ---- connecting */

static void set_port(struct socket_address *address, unsigned port)
{
    if (address->storage.ss_family == AF_INET) {
        ((struct sockaddr_in *)(void *)&address->storage)->sin_port = htons((uint16_t)port);
    } else {
        ((struct sockaddr_in6 *)(void *)&address->storage)->sin6_port = htons((uint16_t)port);
    }
}

static struct socket_address loopback(sa_family_t family, unsigned port)
{
    struct socket_address address = {.storage.ss_family = family};

    if (family == AF_INET) {
        ((struct sockaddr_in *)(void *)&address.storage)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else {
        ((struct sockaddr_in6 *)(void *)&address.storage)->sin6_addr = in6addr_loopback;
    }
    set_port(&address, port);
    return address;
}

/*
 * From whom we are said to be, with our own port when none was given.  The header has both ends
 * in one family; in which one a proxy reaches the server does not matter.
 */
static void session_pretend(const struct session *session, struct socket_address *source,
                            struct socket_address *destination)
{
    unsigned own_port = socket_address_port(source);
    unsigned port = socket_address_port(destination);

    *source = session->context->plan->proxy_source;
    if (socket_address_port(source) == 0) {
        set_port(source, own_port);
    }
    if (destination->storage.ss_family != source->storage.ss_family) {
        *destination = loopback(source->storage.ss_family, port > 0 ? port : SMTP_PORT);
    }
}

static void session_prepend_proxy(struct session *session)
{
    const struct plan *plan = session->context->plan;
    struct socket_address source, destination;

    if (plan->proxy_protocol == PROXY_PROTOCOL_NONE) {
        return;
    }
    stream_peer_address(session->stream, &destination);
    stream_own_address(session->stream, &source);
    if (plan->proxy_source.length > 0) {
        session_pretend(session, &source, &destination);
    }
    proxy_protocol_append(stream_output(session->stream), plan->proxy_protocol, &source.storage,
                          &destination.storage);
}

static void on_connected(void *owner)
{
    struct session *session = owner;
    const struct plan *plan = session->context->plan;
    struct server *server = session->server;

    server->preferred = (session->first_address + session->attempts - 1) % server->address_count;
    smtp_client_start(session->client, session->mail->helo, server->credentials.user != NULL,
                      session->connect_time);
    session_prepend_proxy(session);
    session->state = SESSION_OPEN;
    if (plan->client.secured) {
        session->tls_time = clock_nanoseconds();
        session_begin_tls(session, SESSION_WRAPPING);
    }
    session_settle(session);
}

/* Somebody else listening under the same name is as good. */
static bool session_connects_elsewhere(struct session *session)
{
    if (session->state != SESSION_CONNECTING ||
        session->attempts >= session->server->address_count) {
        return false;
    }
    stream_free(session->stream);
    session_connect(session);
    return true;
}

static void on_failed(void *owner, const struct error *error)
{
    struct session *session = owner;

    if (session_connects_elsewhere(session)) {
        return;
    }
    if (session->state == SESSION_CONNECTING) {
        session_fail(session, error);
    } else {
        session_lose_peer(session, error);
    }
}

static void on_silence(void *owner)
{
    struct session *session = owner;
    double timeout = session->context->plan->reading_timeout;
    size_t taken = stream_bytes_taken(session->stream);
    size_t left = stream_bytes_written(session->stream) - taken +
                  buffer_length(stream_output(session->stream));
    struct error error = {0};

    if (taken > session->taken) {
        session_await(session, taken);
        return;
    }
    if (left > 0) {
        error_set(&error, ERROR_TIMEOUT,
                  "%s: nothing was taken within %g seconds (--reading-timeout), %zu bytes or more "
                  "are left (waiting for the %s)",
                  session->server->name, timeout, left, smtp_client_stage(session->client));
    } else {
        error_set(&error, ERROR_TIMEOUT, "%s: no %s within %g seconds (--reading-timeout)",
                  session->server->name, smtp_client_stage(session->client), timeout);
    }
    session_fail(session, &error);
}

static const struct stream_handlers stream_handlers = {
    .connected = on_connected,
    .received = on_received,
    .failed = on_failed,
    .drained = on_drained,
};

static void session_connect(struct session *session)
{
    const struct server *server = session->server;
    size_t number = (session->first_address + session->attempts) % server->address_count;

    session->attempts++;
    session->stream =
        stream_connect(session->context->loop, server->addresses + number,
                       session->context->plan->reading_timeout, &stream_handlers, session);
}

/* ---- for the owner */

struct session *session_new(const struct session_context *context,
                            const struct session_handlers *handlers, void *owner)
{
    struct session *session = NEW(struct session);

    session->context = context;
    session->handlers = handlers;
    session->owner = owner;
    session->client = smtp_client_new(&context->plan->client);
    session->timer = loop_timer_new(context->loop, on_silence, session);
    return session;
}

void session_free(struct session *session)
{
    if (session != NULL) {
        session_disconnect(session);
        loop_timer_free(session->timer);
        smtp_client_free(session->client);
        buffer_clear(&session->plain);
        free(session);
    }
}

void session_start(struct session *session, struct server *server, const struct mail *mail)
{
    session->server = server;
    session->mail = mail;
    session->used = false;
    /* Others may change the preferred one meanwhile: each address gets its turn all the same. */
    session->first_address = server->preferred;
    session->measured = session->metered = mail_counts(session, mail);
    session->warm_up_read = session->warm_up_written = 0;
    session->attempts = 0;
    session->connect_time = session->mail_time = clock_nanoseconds();
    session->state = SESSION_CONNECTING;
    session_connect(session);
}

void session_send(struct session *session, const struct mail *mail)
{
    session->mail = mail;
    session->mail_time = clock_nanoseconds();
    if (!session->metered && mail_counts(session, mail)) {
        session->metered = true;
        session->warm_up_read = stream_bytes_read(session->stream);
        session->warm_up_written = stream_bytes_written(session->stream);
    }
    if (smtp_client_wish(session->client) == SMTP_WISH_MAIL) {
        smtp_client_send(session->client, &mail->smtp, session->mail_time);
        session_settle(session);
    }
}

void session_quit(struct session *session)
{
    session->state = SESSION_LEAVING;
    smtp_client_quit(session->client, clock_nanoseconds());
    session_settle(session);
}

bool session_open(const struct session *session)
{
    return session->state == SESSION_OPEN && session->mail == NULL &&
           smtp_client_wish(session->client) == SMTP_WISH_MAIL;
}

void session_cut_off(struct session *session)
{
    struct error error = {0};

    if (session->state != SESSION_IDLE) {
        error_set(&error, ERROR_CLOSED, "interrupted");
        session_finish(session, session->mail != NULL ? &error : NULL);
    }
}
