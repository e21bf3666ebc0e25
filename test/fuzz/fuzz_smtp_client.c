/*
 * fuzz_smtp_client - bytes of a server into the SMTP client.
 *
 * The first byte chooses the options, the second how large the pieces are in which the
 * rest arrives.  What must hold for any server: every wish can be served, a mail ends
 * at most once, nothing is said behind the end, and what is said are whole lines of
 * commands unless it is content or a response.
 */
#include "libcore/smtp/client.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

enum { MAILS = 4, CHUNK = 16 };

static const struct slice recipients[] = {SLICE_LITERAL("a@example.org"),
                                          SLICE_LITERAL("\xc3\xa9@example.org")};

static const struct smtp_mail mail = {
    .sender = SLICE_LITERAL("s@example.com"),
    .recipients = recipients,
    .recipient_count = 2,
    .head = SLICE_LITERAL("Subject: x\r\n.head\r\n\r\n"),
    .body = SLICE_LITERAL(".\r\n..\r\nbody \xff\r\n"),
    .dots = true,
    .eight_bit = true,
};

struct run {
    struct smtp_client *client;
    unsigned sent, ended;
    uint64_t now;
};

/* assert() would go with NDEBUG. */
static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void serve(struct run *run)
{
    static const struct slice answer = SLICE_LITERAL("answer");

    switch (smtp_client_wish(run->client)) {
    case SMTP_WISH_HANDSHAKE:
        smtp_client_secured(run->client, run->now);
        break;
    case SMTP_WISH_LOGIN:
        smtp_client_login(run->client, "PLAIN", run->now % 2 == 0 ? &answer : NULL, run->now);
        break;
    case SMTP_WISH_RESPONSE:
        smtp_client_respond(run->client, &answer);
        break;
    case SMTP_WISH_MAIL:
        require(!smtp_client_busy(run->client));
        if (run->sent < MAILS) {
            run->sent++;
            smtp_client_send(run->client, &mail, run->now);
        } else {
            smtp_client_quit(run->client, run->now);
        }
        break;
    case SMTP_WISH_NOTHING:
    case SMTP_WISH_CLOSE:
        break;
    }
}

static void check(const struct run *run, const struct smtp_event *event)
{
    const struct smtp_outcome *outcome = smtp_client_outcome(run->client);

    require(event->phase < SMTP_PHASES);
    require(event->reply.code >= 200 && event->reply.code < 600);
    require(event->elapsed <= run->now);
    require(run->ended <= run->sent);
    require(outcome->accepted + outcome->refused <= 2 * mail.recipient_count);
    require(!event->mail_ended || !smtp_client_busy(run->client));
    require(!event->mail_ended || outcome->code > 0);
    require(smtp_client_stage(run->client) != NULL);
}

static void step(struct run *run, struct slice *input)
{
    struct smtp_event event;

    run->now += 7;
    while (smtp_client_take(run->client, input, run->now, &event)) {
        run->ended += event.mail_ended ? 1 : 0;
        check(run, &event);
        serve(run);
        while (smtp_client_fill(run->client, 9)) {
        }
        buffer_reset(smtp_client_output(run->client));
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    unsigned flags = size > 0 ? data[0] : 0;
    size_t piece = size > 1 ? (size_t)data[1] + 1 : 1;
    const struct smtp_client_options options = {
        .lmtp = (flags & 1) != 0,
        .starttls = (flags & 2) != 0 ? SMTP_STARTTLS_AUTO : SMTP_STARTTLS_NEVER,
        .pipelining = (flags & 4) != 0,
        .chunking = (flags & 8) != 0,
        .xclient = (flags & 16) != 0 ? slice_from_string(" NAME=x") : slice_of("", 0),
        .chunk_size = CHUNK,
    };
    struct run run = {.client = smtp_client_new(&options)};
    size_t start = size < 2 ? size : 2;
    size_t end = start;

    smtp_client_start(run.client, slice_from_string("me"), (flags & 32) != 0, 0);
    while (end < size && smtp_client_wish(run.client) != SMTP_WISH_CLOSE) {
        struct slice input;

        end = end + piece < size ? end + piece : size;
        input = slice_of(data + start, end - start);
        step(&run, &input);
        start = end - input.length;
    }
    require(smtp_client_wish(run.client) != SMTP_WISH_CLOSE || !smtp_client_fill(run.client, 1));
    smtp_client_free(run.client);
    return 0;
}
