/* Conversations of the SMTP client: what the server says, what we say to it, what becomes of it. */
#include "libcore/smtp/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct slice recipients[] = {SLICE_LITERAL("r1@example.org"),
                                          SLICE_LITERAL("r2@example.org")};

static const struct smtp_mail one = {
    .sender = SLICE_LITERAL("s@example.com"),
    .recipients = recipients,
    .recipient_count = 1,
    .head = SLICE_LITERAL("Subject: x\r\n\r\n"),
    .body = SLICE_LITERAL("body\r\n"),
};
static const struct smtp_mail two = {
    .sender = SLICE_LITERAL("s@example.com"),
    .recipients = recipients,
    .recipient_count = 2,
    .body = SLICE_LITERAL(".dot\r\nno.dot\r\n..\r\n"),
    .dots = true,
    .eight_bit = true,
};

struct talk {
    struct smtp_client *client;
    struct smtp_client_options options;
    const struct smtp_mail
        *mail; /* sent as often as mails says, whenever the client has the wish */
    unsigned mails;
    bool logs_in;
    uint64_t now;
    unsigned ended; /* mails */
    struct smtp_event last;
};

static void talk_begin(struct talk *talk)
{
    talk->options.chunk_size = talk->options.chunk_size > 0 ? talk->options.chunk_size : 8;
    talk->client = smtp_client_new(&talk->options);
    talk->now = 1000;
    smtp_client_start(talk->client, slice_from_string("me.example"), talk->logs_in, talk->now);
}

static void serve(struct talk *talk)
{
    if (smtp_client_wish(talk->client) == SMTP_WISH_MAIL && talk->mails > 0) {
        talk->mails--;
        smtp_client_send(talk->client, talk->mail, talk->now);
    }
    while (smtp_client_fill(talk->client, 5)) {
    }
}

/* The server says text; then we have said expected. */
static void says(struct talk *talk, const char *text, const char *expected)
{
    struct slice input = slice_from_string(text);
    struct buffer *output = smtp_client_output(talk->client);

    talk->now += 10;
    while (smtp_client_take(talk->client, &input, talk->now, &talk->last)) {
        talk->ended += talk->last.mail_ended ? 1 : 0;
        serve(talk);
    }
    assert_int_equal(input.length, 0);
    buffer_append_byte(output, '\0');
    assert_string_equal(buffer_slice(output).data, expected);
    buffer_reset(output);
}

static void talk_end(struct talk *talk)
{
    smtp_client_free(talk->client);
}

static void wants(const struct talk *talk, enum smtp_wish wish)
{
    assert_int_equal(smtp_client_wish(talk->client), wish);
}

static void failed(const struct talk *talk, const char *sentence)
{
    wants(talk, SMTP_WISH_CLOSE);
    assert_non_null(smtp_client_error(talk->client));
    assert_string_equal(smtp_client_error(talk->client)->message, sentence);
}

static void outcome(const struct talk *talk, unsigned code, size_t accepted, size_t refused)
{
    const struct smtp_outcome *found = smtp_client_outcome(talk->client);

    assert_int_equal(found->code, code);
    assert_int_equal(found->accepted, accepted);
    assert_int_equal(found->refused, refused);
}

static void a_mail_step_by_step(void **state)
{
    struct talk talk = {.mail = &one, .mails = 1};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220-hello\r\n220 there\r\n", "EHLO me.example\r\n");
    assert_int_equal(talk.last.phase, SMTP_PHASE_CONNECT);
    assert_int_equal(talk.last.elapsed, 10);
    says(&talk, "250-mx\r\n250 SIZE 1000\r\n", "MAIL FROM:<s@example.com> SIZE=20\r\n");
    says(&talk, "250 ok\r\n", "RCPT TO:<r1@example.org>\r\n");
    says(&talk, "250 ok\r\n", "DATA\r\n");
    says(&talk, "354 go\r\n", "Subject: x\r\n\r\nbody\r\n.\r\n");
    says(&talk, "250 2.0.0 queued\r\n", "");
    assert_int_equal(talk.ended, 1);
    outcome(&talk, 250, 1, 0);
    assert_string_equal(smtp_client_outcome(talk.client)->text, "250 2.0.0 queued");
    wants(&talk, SMTP_WISH_MAIL);
    smtp_client_quit(talk.client, talk.now);
    says(&talk, "221 bye\r\n", "QUIT\r\n");
    wants(&talk, SMTP_WISH_CLOSE);
    assert_null(smtp_client_error(talk.client));
    talk_end(&talk);
}

static void an_old_server_gets_helo(void **state)
{
    struct talk talk = {.mail = &one, .mails = 1};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "502 what?\r\n", "HELO me.example\r\n");
    says(&talk, "250 x\r\n", "MAIL FROM:<s@example.com>\r\n");
    talk_end(&talk);
}

static void pipelining_sends_all_at_once(void **state)
{
    struct talk talk = {.mail = &two, .mails = 1, .options = {.pipelining = true}};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250-PIPELINING\r\n250 8bitmime\r\n",
         "MAIL FROM:<s@example.com> BODY=8BITMIME\r\nRCPT TO:<r1@example.org>\r\n"
         "RCPT TO:<r2@example.org>\r\nDATA\r\n");
    says(&talk, "250 ok\r\n250 ok\r\n550 5.1.1 who?\r\n", "");
    says(&talk, "354 go\r\n", "..dot\r\nno.dot\r\n...\r\n.\r\n");
    says(&talk, "250 ok\r\n", "");
    outcome(&talk, 250, 1, 1);
    talk_end(&talk);
}

static void a_pipelined_mail_nobody_gets_is_empty(void **state)
{
    struct talk talk = {.mail = &one, .mails = 1, .options = {.pipelining = true}};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250 PIPELINING\r\n",
         "MAIL FROM:<s@example.com>\r\nRCPT TO:<r1@example.org>\r\nDATA\r\n");
    says(&talk, "250 ok\r\n450 later\r\n354 go\r\n", ".\r\n");
    assert_int_equal(talk.ended, 0);
    says(&talk, "250 taken all the same\r\n", "");
    assert_int_equal(talk.ended, 1);
    outcome(&talk, 450, 0, 1);
    talk_end(&talk);
}

static void the_first_refusal_counts(void **state)
{
    struct talk talk = {.mail = &one, .mails = 1, .options = {.pipelining = true}};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250 PIPELINING\r\n",
         "MAIL FROM:<s@example.com>\r\nRCPT TO:<r1@example.org>\r\nDATA\r\n");
    says(&talk, "451 4.7.1 not now\r\n503 no mail\r\n", "");
    says(&talk, "503 no mail\r\n", "");
    assert_int_equal(talk.ended, 1);
    outcome(&talk, 451, 0, 0);
    assert_string_equal(smtp_client_outcome(talk.client)->text, "451 4.7.1 not now");
    /* Who knows what the server makes of the rest. */
    talk.mails = 1;
    serve(&talk);
    says(&talk, "", "RSET\r\nMAIL FROM:<s@example.com>\r\nRCPT TO:<r1@example.org>\r\nDATA\r\n");
    talk_end(&talk);
}

static void a_refused_recipient_is_reset(void **state)
{
    struct talk talk = {.mail = &one, .mails = 1};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250 x\r\n", "MAIL FROM:<s@example.com>\r\n");
    says(&talk, "250 ok\r\n", "RCPT TO:<r1@example.org>\r\n");
    says(&talk, "550 no\r\n", "");
    outcome(&talk, 550, 0, 1);
    talk.mails = 1;
    serve(&talk);
    says(&talk, "", "RSET\r\n");
    says(&talk, "250 ok\r\n", "MAIL FROM:<s@example.com>\r\n");
    assert_int_equal(talk.last.phase, SMTP_PHASE_RESET);
    talk_end(&talk);
}

static void chunks_need_no_dots(void **state)
{
    struct talk talk = {.mail = &two, .mails = 1, .options = {.chunking = true}};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250 CHUNKING\r\n", "MAIL FROM:<s@example.com>\r\n");
    says(&talk, "250 ok\r\n", "RCPT TO:<r1@example.org>\r\n");
    says(&talk, "250 ok\r\n", "RCPT TO:<r2@example.org>\r\n");
    says(&talk, "250 ok\r\n", "BDAT 8\r\n.dot\r\nno");
    says(&talk, "250 8 bytes\r\n", "BDAT 8\r\n.dot\r\n..");
    assert_true(talk.last.partial);
    says(&talk, "250 8 bytes\r\n", "BDAT 2 LAST\r\n\r\n");
    says(&talk, "250 queued\r\n", "");
    assert_false(talk.last.partial);
    assert_int_equal(talk.last.elapsed, 30); /* from the first chunk on */
    outcome(&talk, 250, 2, 0);
    talk_end(&talk);
}

static void a_refused_chunk_ends_the_mail(void **state)
{
    struct talk talk = {.mail = &two, .mails = 1, .options = {.chunking = true}};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250 CHUNKING\r\n", "MAIL FROM:<s@example.com>\r\n");
    says(&talk, "250 ok\r\n", "RCPT TO:<r1@example.org>\r\n");
    says(&talk, "250 ok\r\n", "RCPT TO:<r2@example.org>\r\n");
    says(&talk, "250 ok\r\n", "BDAT 8\r\n.dot\r\nno");
    says(&talk, "552 too much\r\n", "");
    assert_int_equal(talk.ended, 1);
    outcome(&talk, 552, 0, 0);
    wants(&talk, SMTP_WISH_MAIL);
    talk_end(&talk);
}

static void lmtp_answers_for_each_recipient(void **state)
{
    struct talk talk = {.mail = &two, .mails = 1, .options = {.lmtp = true}};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "LHLO me.example\r\n");
    says(&talk, "250 x\r\n", "MAIL FROM:<s@example.com>\r\n");
    says(&talk, "250 ok\r\n", "RCPT TO:<r1@example.org>\r\n");
    says(&talk, "250 ok\r\n", "RCPT TO:<r2@example.org>\r\n");
    says(&talk, "250 ok\r\n", "DATA\r\n");
    says(&talk, "354 go\r\n", "..dot\r\nno.dot\r\n...\r\n.\r\n");
    says(&talk, "452 full\r\n", "");
    assert_int_equal(talk.ended, 0);
    says(&talk, "250 ok\r\n", "");
    assert_int_equal(talk.ended, 1);
    outcome(&talk, 250, 1, 1);
    talk_end(&talk);
}

static void lmtp_keeps_its_answers_when_the_server_leaves(void **state)
{
    struct talk talk = {.mail = &two, .mails = 1, .options = {.lmtp = true}};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "LHLO me.example\r\n");
    says(&talk, "250 x\r\n", "MAIL FROM:<s@example.com>\r\n");
    says(&talk, "250 ok\r\n", "RCPT TO:<r1@example.org>\r\n");
    says(&talk, "250 ok\r\n", "RCPT TO:<r2@example.org>\r\n");
    says(&talk, "250 ok\r\n", "DATA\r\n");
    says(&talk, "354 go\r\n", "..dot\r\nno.dot\r\n...\r\n.\r\n");
    says(&talk, "250 r1 has it\r\n421 and away\r\n", "");
    assert_int_equal(talk.ended, 1);
    outcome(&talk, 250, 1, 1);
    failed(&talk, "the server closes the connection: 421 and away");
    talk_end(&talk);
}

static void lmtp_refuses_all(void **state)
{
    struct talk talk = {.mail = &two, .mails = 1, .options = {.lmtp = true}};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "LHLO me.example\r\n");
    says(&talk, "250 x\r\n", "MAIL FROM:<s@example.com>\r\n");
    says(&talk, "250 ok\r\n", "RCPT TO:<r1@example.org>\r\n");
    says(&talk, "250 ok\r\n", "RCPT TO:<r2@example.org>\r\n");
    says(&talk, "250 ok\r\n", "DATA\r\n");
    says(&talk, "354 go\r\n", "..dot\r\nno.dot\r\n...\r\n.\r\n");
    says(&talk, "452 full\r\n550 gone\r\n", "");
    assert_int_equal(talk.ended, 1);
    outcome(&talk, 550, 0, 2);
    talk_end(&talk);
}

static void tls_begins_between_the_lines(void **state)
{
    struct talk talk = {.mail = &one, .mails = 1};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n", "STARTTLS\r\n");
    says(&talk, "220 go\r\n", "");
    wants(&talk, SMTP_WISH_HANDSHAKE);
    assert_string_equal(smtp_client_stage(talk.client), "TLS handshake");
    smtp_client_secured(talk.client, talk.now);
    assert_int_equal(smtp_client_mechanisms(talk.client).length, 0);
    says(&talk, "", "EHLO me.example\r\n");
    says(&talk, "250 x\r\n", "MAIL FROM:<s@example.com>\r\n");
    talk_end(&talk);
}

static void clear_text_behind_starttls_is_refused(void **state)
{
    struct talk talk = {.mail = &one, .mails = 1};
    struct slice input = SLICE_LITERAL("220 go\r\n250 injected\r\n");

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250 STARTTLS\r\n", "STARTTLS\r\n");
    assert_true(smtp_client_take(talk.client, &input, 1, &talk.last));
    failed(&talk, "the server went on in clear text behind its answer to STARTTLS");
    talk_end(&talk);
}

static void tls_that_fails_is_done_without_unless_it_must_be(void **state)
{
    struct talk talk = {.mail = &one, .mails = 1};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250 STARTTLS\r\n", "STARTTLS\r\n");
    says(&talk, "454 no key\r\n", "MAIL FROM:<s@example.com>\r\n");
    talk_end(&talk);

    talk = (struct talk){.options = {.starttls = SMTP_STARTTLS_ALWAYS}};
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250 STARTTLS\r\n", "STARTTLS\r\n");
    says(&talk, "454 no key\r\n", "");
    failed(&talk, "STARTTLS: 454 no key");
    outcome(&talk, 454, 0, 0);
    talk_end(&talk);

    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250 x\r\n", "");
    failed(&talk, "the server offers no STARTTLS (--starttls=always)");
    outcome(&talk, 0, 0, 0);
    talk_end(&talk);
}

static void logging_in(void **state)
{
    struct talk talk = {.mail = &one, .mails = 1, .logs_in = true};
    const struct slice first = SLICE_LITERAL("user");
    const struct slice second = SLICE_LITERAL("secret");

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250-AUTH=LOGIN\r\n250 AUTH PLAIN\r\n", "");
    wants(&talk, SMTP_WISH_LOGIN);
    assert_true(slice_equal_string(smtp_client_mechanisms(talk.client), "LOGIN PLAIN "));
    smtp_client_login(talk.client, "LOGIN", NULL, talk.now);
    says(&talk, "", "AUTH LOGIN\r\n");
    says(&talk, "334 VXNlcm5hbWU6\r\n", "");
    assert_true(talk.last.partial);
    wants(&talk, SMTP_WISH_RESPONSE);
    smtp_client_respond(talk.client, &first);
    says(&talk, "334 UGFzc3dvcmQ6\r\n", "dXNlcg==\r\n");
    smtp_client_respond(talk.client, &second);
    says(&talk, "235 welcome\r\n", "c2VjcmV0\r\nMAIL FROM:<s@example.com>\r\n");
    /* From AUTH to the last answer. */
    assert_int_equal(talk.last.elapsed, 40);
    talk_end(&talk);

    talk.mails = 1;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250 AUTH PLAIN\r\n", "");
    smtp_client_login(talk.client, "PLAIN", &(const struct slice){"", 0}, talk.now);
    says(&talk, "535 no\r\n", "AUTH PLAIN =\r\n");
    failed(&talk, "AUTH: 535 no");
    talk_end(&talk);
}

static void a_first_response_too_long_for_the_command_waits(void **state)
{
    struct talk talk = {.logs_in = true};
    const char password[366] = ""; /* AAAA in base64 */
    char said[520];
    struct slice initial = slice_of(password, 363);

    (void)state;
    memset(said, 'A', sizeof(said));
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250 AUTH PLAIN\r\n", "");
    smtp_client_login(talk.client, "PLAIN", &initial, talk.now);
    memcpy(said, "AUTH PLAIN ", 11);
    memcpy(said + 11 + 484, "\r\n", 3);
    says(&talk, "235 welcome\r\n", said);
    wants(&talk, SMTP_WISH_MAIL);
    talk_end(&talk);

    initial.length = 366;
    memset(said, 'A', sizeof(said));
    memcpy(said + 488, "\r\n", 3);
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250 AUTH PLAIN\r\n", "");
    smtp_client_login(talk.client, "PLAIN", &initial, talk.now);
    says(&talk, "", "AUTH PLAIN\r\n");
    says(&talk, "334 \r\n", said);
    assert_true(talk.last.partial);
    wants(&talk, SMTP_WISH_NOTHING);
    says(&talk, "235 welcome\r\n", "");
    wants(&talk, SMTP_WISH_MAIL);
    talk_end(&talk);
}

static void pretending_to_be_another_client(void **state)
{
    struct talk talk = {
        .mail = &one, .mails = 1, .options = {.xclient = SLICE_LITERAL(" NAME=a ADDR=1.2.3.4")}};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250 XCLIENT NAME ADDR\r\n", "XCLIENT NAME=a ADDR=1.2.3.4\r\n");
    says(&talk, "220 again\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250 XCLIENT NAME ADDR\r\n", "MAIL FROM:<s@example.com>\r\n");
    talk_end(&talk);

    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250 x\r\n", "");
    failed(&talk, "the server offers no XCLIENT to this client (with Postfix see "
                  "smtpd_authorized_xclient_hosts)");
    talk_end(&talk);
}

static void a_server_that_goes_away(void **state)
{
    struct talk talk = {.mail = &one, .mails = 1};

    (void)state;
    talk_begin(&talk);
    says(&talk, "554 5.7.1 not you\r\n", "");
    failed(&talk, "greeting: 554 5.7.1 not you");
    outcome(&talk, 554, 0, 0);
    talk_end(&talk);

    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250 x\r\n", "MAIL FROM:<s@example.com>\r\n");
    says(&talk, "421 4.3.2 shutting down\r\n", "");
    assert_int_equal(talk.ended, 1);
    outcome(&talk, 421, 0, 0);
    failed(&talk, "the server closes the connection: 421 4.3.2 shutting down");
    talk_end(&talk);

    talk.mails = 0;
    talk.ended = 0;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250 x\r\n", "");
    says(&talk, "421 idle\r\n", "");
    assert_int_equal(talk.ended, 0);
    wants(&talk, SMTP_WISH_CLOSE);
    assert_null(smtp_client_error(talk.client));
    talk_end(&talk);
}

static void mistakes_of_the_server(void **state)
{
    struct talk talk = {.mail = &one};
    struct slice early = SLICE_LITERAL("220 x\r\n250 y\r\n");
    struct slice garbage = SLICE_LITERAL("HTTP/1.1 400 Bad Request\r\n");

    (void)state;
    talk_begin(&talk);
    assert_false(smtp_client_take(talk.client, &garbage, 1, &talk.last));
    failed(&talk, "not an SMTP answer: \"HTTP/1.1 400 Bad Request\"");
    talk_end(&talk);

    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250 x\r\n", "");
    says(&talk, "250 once more\r\n", "");
    failed(&talk, "the server answered what nobody had asked: 250 once more");
    talk_end(&talk);

    talk_begin(&talk);
    assert_true(smtp_client_take(talk.client, &early, 1, &talk.last));
    failed(&talk, "the server went on speaking before it was asked");
    talk_end(&talk);

    talk.mails = 1;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250 x\r\n", "MAIL FROM:<s@example.com>\r\n");
    says(&talk, "354 go on\r\n", "");
    failed(&talk, "the answer to MAIL FROM makes no sense: 354 go on");
    outcome(&talk, 0, 0, 0);
    talk_end(&talk);

    talk.mails = 1;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250 x\r\n", "MAIL FROM:<s@example.com>\r\n");
    says(&talk, "250 ok\r\n", "RCPT TO:<r1@example.org>\r\n");
    says(&talk, "250 ok\r\n", "DATA\r\n");
    says(&talk, "250 thanks\r\n", "");
    failed(&talk, "the answer to DATA makes no sense: 250 thanks");
    talk_end(&talk);
}

/* Five bytes of the message are out, then the server says text. */
static void answers_early(struct talk *talk, const char *text)
{
    struct slice input = SLICE_LITERAL("354 go\r\n");

    talk_begin(talk);
    says(talk, "220 x\r\n", "EHLO me.example\r\n");
    says(talk, "250 x\r\n", "MAIL FROM:<s@example.com>\r\n");
    says(talk, "250 ok\r\n", "RCPT TO:<r1@example.org>\r\n");
    says(talk, "250 ok\r\n", "DATA\r\n");
    assert_true(smtp_client_take(talk->client, &input, 1, &talk->last));
    assert_true(smtp_client_fill(talk->client, 5));
    buffer_reset(smtp_client_output(talk->client));
    assert_string_equal(smtp_client_stage(talk->client), "message");
    says(talk, text, "");
    failed(talk, "the server answered before it had the whole message");
}

static void an_answer_that_comes_too_early(void **state)
{
    struct talk refused = {.mail = &one, .mails = 1}, taken = refused;

    (void)state;
    answers_early(&refused, "552 too large\r\n");
    assert_int_equal(refused.ended, 1);
    outcome(&refused, 552, 0, 0);
    talk_end(&refused);
    /* What it has not got it cannot have taken. */
    answers_early(&taken, "250 queued\r\n");
    assert_int_equal(taken.ended, 0);
    outcome(&taken, 0, 0, 0);
    talk_end(&taken);
}

static void words_behind_a_verdict_do_not_change_it(void **state)
{
    struct talk talk = {.mail = &one, .mails = 1};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250 x\r\n", "MAIL FROM:<s@example.com>\r\n");
    says(&talk, "250 ok\r\n", "RCPT TO:<r1@example.org>\r\n");
    says(&talk, "250 ok\r\n", "DATA\r\n");
    says(&talk, "354 go\r\n", "Subject: x\r\n\r\nbody\r\n.\r\n");
    says(&talk, "250 queued\r\n221 and away\r\n", "");
    assert_int_equal(talk.ended, 1);
    failed(&talk, "the server answered what nobody had asked: 221 and away");
    talk_end(&talk);
}

static void addresses_beyond_ascii(void **state)
{
    static const struct slice utf8[] = {SLICE_LITERAL("jos\xc3\xa9@example.org")};
    static const struct smtp_mail mail = {.recipients = utf8, .recipient_count = 1};
    struct talk talk = {.mail = &mail, .mails = 1};

    (void)state;
    talk_begin(&talk);
    says(&talk, "220 x\r\n", "EHLO me.example\r\n");
    says(&talk, "250-x\r\n250 SMTPUTF8\r\n", "MAIL FROM:<> SMTPUTF8\r\n");
    says(&talk, "250 ok\r\n", "RCPT TO:<jos\xc3\xa9@example.org>\r\n");
    says(&talk, "250 ok\r\n", "DATA\r\n");
    says(&talk, "354 go\r\n", ".\r\n");
    talk_end(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_step_by_step),
        cmocka_unit_test(an_old_server_gets_helo),
        cmocka_unit_test(pipelining_sends_all_at_once),
        cmocka_unit_test(a_pipelined_mail_nobody_gets_is_empty),
        cmocka_unit_test(the_first_refusal_counts),
        cmocka_unit_test(a_refused_recipient_is_reset),
        cmocka_unit_test(chunks_need_no_dots),
        cmocka_unit_test(a_refused_chunk_ends_the_mail),
        cmocka_unit_test(lmtp_answers_for_each_recipient),
        cmocka_unit_test(lmtp_keeps_its_answers_when_the_server_leaves),
        cmocka_unit_test(lmtp_refuses_all),
        cmocka_unit_test(tls_begins_between_the_lines),
        cmocka_unit_test(clear_text_behind_starttls_is_refused),
        cmocka_unit_test(tls_that_fails_is_done_without_unless_it_must_be),
        cmocka_unit_test(logging_in),
        cmocka_unit_test(a_first_response_too_long_for_the_command_waits),
        cmocka_unit_test(pretending_to_be_another_client),
        cmocka_unit_test(a_server_that_goes_away),
        cmocka_unit_test(mistakes_of_the_server),
        cmocka_unit_test(an_answer_that_comes_too_early),
        cmocka_unit_test(words_behind_a_verdict_do_not_change_it),
        cmocka_unit_test(addresses_beyond_ascii),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
