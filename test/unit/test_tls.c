/*
 * TLS against a server in memory: what is carried, what of a certificate is
 * believed, and the sentences for what goes wrong.
 */
#include "milter-performance-check/tls.h"

#include "libcore/base/file.h"
#include "tls_server.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH = 96, LARGE = 100000 };

static char directory[PATH / 2], certificate_file[PATH], other_file[PATH];

/* Both ends, and what is on its way between them. */
struct pair {
    struct tls_server *server;
    struct tls_context *context;
    struct tls *tls;
    enum tls_state state;
    struct error error;
    struct buffer to_server, to_client, server_plain, client_plain;
};

static void make_pair(struct pair *pair, const struct tls_server_options *options, bool verify,
                      const char *ca, const char *host)
{
    struct error error = {0};

    memset(pair, 0, sizeof(*pair));
    pair->server = tls_server_new(options);
    tls_server_write_certificate(pair->server, certificate_file);
    pair->context = tls_context_new(verify, ca, &error);
    if (pair->context == NULL) {
        fail_msg("%s", error.message);
    }
    pair->tls = tls_new(pair->context, host, &error);
    assert_non_null(pair->tls);
}

static void end_pair(struct pair *pair)
{
    tls_free(pair->tls);
    tls_context_free(pair->context);
    tls_server_free(pair->server);
    buffer_clear(&pair->to_server);
    buffer_clear(&pair->to_client);
    buffer_clear(&pair->server_plain);
    buffer_clear(&pair->client_plain);
}

/* What is on its way to the client arrives, in pieces of that size. */
static void deliver(struct pair *pair, size_t piece)
{
    struct slice rest = buffer_slice(&pair->to_client);

    do {
        struct slice part = slice_of(rest.data, rest.length < piece ? rest.length : piece);
        pair->state =
            tls_receive(pair->tls, part, &pair->to_server, &pair->client_plain, &pair->error);
        slice_skip(&rest, part.length);
    } while (rest.length > 0);
    buffer_reset(&pair->to_client);
}

/* Until nobody has anything to say.  False: the server has failed. */
static bool talk(struct pair *pair, size_t piece)
{
    bool good = true;

    do {
        deliver(pair, piece);
        good = tls_server_receive(pair->server, buffer_slice(&pair->to_server), &pair->to_client,
                                  &pair->server_plain) &&
               good;
        buffer_reset(&pair->to_server);
    } while (buffer_length(&pair->to_client) > 0);
    return good;
}

static void large_data_go_both_ways(struct pair *pair, size_t piece)
{
    char *data = test_malloc(LARGE);
    struct slice all = slice_of(data, LARGE);

    for (size_t i = 0; i < LARGE; i++) {
        data[i] = (char)(i * 7 + i / 251);
    }
    assert_true(tls_send(pair->tls, all, &pair->to_server, &pair->error));
    tls_server_send(pair->server, all, &pair->to_client);
    assert_true(talk(pair, piece));
    assert_int_equal(pair->state, TLS_OPEN);
    assert_true(slice_equal(buffer_slice(&pair->server_plain), all));
    assert_true(slice_equal(buffer_slice(&pair->client_plain), all));
    test_free(data);
}

static void data_are_carried_whatever_the_pieces(void **state)
{
    static const struct {
        int version;
        size_t piece;
        const char *description;
    } CASES[] = {
        {TLS1_2_VERSION, 1, "TLSv1.2 "},
        {TLS1_2_VERSION, LARGE * 2, "TLSv1.2 "},
        {TLS1_3_VERSION, 1, "TLSv1.3 TLS_"}, /* and tickets, after the handshake */
        {TLS1_3_VERSION, 1000, "TLSv1.3 TLS_"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct tls_server_options options = {.version = CASES[i].version};
        struct pair pair;
        make_pair(&pair, &options, false, NULL, "mail.example.net");
        assert_string_equal(tls_description(pair.tls), "");
        assert_true(talk(&pair, CASES[i].piece));
        assert_int_equal(pair.state, TLS_OPEN);
        assert_int_equal(buffer_length(&pair.client_plain), 0);
        assert_int_equal(
            strncmp(tls_description(pair.tls), CASES[i].description, strlen(CASES[i].description)),
            0);
        assert_string_equal(tls_server_asked_for(pair.server), "mail.example.net");
        large_data_go_both_ways(&pair, CASES[i].piece);
        end_pair(&pair);
    }
}

static void both_sides_can_take_their_leave(void **state)
{
    static const int VERSIONS[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct tls_server_options options = {.version = VERSIONS[i]};
        struct pair pair;
        make_pair(&pair, &options, false, NULL, "mx");
        assert_true(talk(&pair, LARGE));
        tls_server_send(pair.server, slice_from_string("221 bye\r\n"), &pair.to_client);
        tls_server_close(pair.server, &pair.to_client);
        assert_true(talk(&pair, LARGE));
        assert_int_equal(pair.state, TLS_CLOSED);
        assert_true(slice_equal_string(buffer_slice(&pair.client_plain), "221 bye\r\n"));
        assert_true(tls_server_was_left(pair.server));
        assert_false(tls_send(pair.tls, slice_from_string("x"), &pair.to_server, &pair.error));
        assert_int_equal(pair.error.code, ERROR_CLOSED);
        assert_int_equal(buffer_length(&pair.to_server), 0);
        end_pair(&pair);

        make_pair(&pair, &options, false, NULL, "mx");
        tls_close(pair.tls, &pair.to_server);
        assert_int_equal(buffer_length(&pair.to_server), 0);
        assert_true(talk(&pair, LARGE));
        tls_close(pair.tls, &pair.to_server);
        assert_true(talk(&pair, LARGE));
        assert_true(tls_server_was_left(pair.server));
        end_pair(&pair);
    }
}

static void right_certificates_are_believed(void **state)
{
    static const struct {
        const char *names, *host, *asked_for;
    } CASES[] = {
        {"DNS:mail.example.net", "mail.example.net", "mail.example.net"},
        {"DNS:mail.example.net", "MAIL.example.net.", "MAIL.example.net"},
        {"DNS:a.test,DNS:*.example.net", "mx.example.net", "mx.example.net"},
        {"DNS:a.test,IP:127.0.0.1", "127.0.0.1", ""},
        {"IP:::1", "0::1", ""},
        {"IP:fe80::1", "fe80::1%lo", ""},
        {NULL, "test", "test"}, /* the common name */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct tls_server_options options = {.names = CASES[i].names};
        struct pair pair;
        make_pair(&pair, &options, true, certificate_file, CASES[i].host);
        if (!talk(&pair, LARGE) || pair.state != TLS_OPEN) {
            fail_msg("%s: %s", CASES[i].host, pair.error.message);
        }
        const char *asked_for = tls_server_asked_for(pair.server);
        assert_string_equal(asked_for == NULL ? "" : asked_for, CASES[i].asked_for);
        end_pair(&pair);
    }
}

static void wrong_certificates_are_not(void **state)
{
    enum { DAY = 86400 };
    static const struct {
        struct tls_server_options options;
        bool other; /* an authority that has nothing to do with it */
        const char *host, *message;
    } CASES[] = {
        {{.names = "DNS:mail.example.net"},
         true,
         "mail.example.net",
         "certificate verify failed: self-signed certificate (issued by CN=test; --tls-ca names "
         "authorities to trust)"},
        {{.names = "DNS:mail.example.net", .common_name = "\033[2Jm\xc3\xbcller"},
         true,
         "mail.example.net",
         "certificate verify failed: self-signed certificate (issued by "
         "CN=\\1B[2Jm\xc3\xbcller; --tls-ca names authorities to trust)"},
        {{.names = "DNS:mail.example.net"},
         false,
         "127.0.0.1",
         "certificate is for mail.example.net, not 127.0.0.1"},
        {{.names = "DNS:mail.example.net,IP:192.0.2.1,IP:2001:db8::7"},
         false,
         "mx.example.net",
         "certificate is for mail.example.net, 192.0.2.1, 2001:db8::7, not mx.example.net"},
        {{.names = "DNS:a,DNS:b,DNS:c,DNS:d,DNS:e,DNS:f,DNS:g"},
         false,
         "h",
         "certificate is for a, b, c, d, e, ..., not h"},
        {{.common_name = "mail\033.example.net"},
         false,
         "mx.example.net",
         "certificate is for mail?.example.net, not mx.example.net"},
        {{.names = "DNS:m*.example.net"},
         false,
         "mx.example.net",
         "certificate is for m*.example.net, not mx.example.net"},
        {{.names = "email:a@example.net", .common_name = ""},
         false,
         "mx.example.net",
         "certificate names no host, mx.example.net was expected"},
        {{.names = "DNS:mx", .valid_from = -3 * DAY, .valid_to = -2 * DAY},
         false,
         "mx",
         "certificate verify failed: certificate has expired ("},
        {{.names = "DNS:mx", .valid_from = 2 * DAY, .valid_to = 3 * DAY},
         false,
         "mx",
         "certificate verify failed: certificate is not yet valid ("},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        struct pair pair;
        make_pair(&pair, &CASES[i].options, true, CASES[i].other ? other_file : certificate_file,
                  CASES[i].host);
        assert_false(talk(&pair, LARGE)); /* the server is told, by an alert */
        assert_int_equal(pair.state, TLS_FAILED);
        assert_int_equal(pair.error.code, ERROR_PROTOCOL);
        size_t length = strlen(CASES[i].message);
        if (CASES[i].message[length - 1] == '(') {
            assert_string_equal(pair.error.message + strlen(pair.error.message) - 5, " GMT)");
            pair.error.message[length] = '\0';
        }
        assert_string_equal(pair.error.message, CASES[i].message);
        end_pair(&pair);

        /* Any will do when nobody asks. */
        make_pair(&pair, &CASES[i].options, false, NULL, CASES[i].host);
        assert_true(talk(&pair, LARGE));
        assert_int_equal(pair.state, TLS_OPEN);
        end_pair(&pair);
    }
}

static void a_weak_key_will_do_when_nobody_asks(void **state)
{
    const struct tls_server_options options = {.names = "DNS:mx", .weak = true};
    struct pair pair;

    (void)state;
    make_pair(&pair, &options, false, NULL, "mx");
    if (!talk(&pair, LARGE) || pair.state != TLS_OPEN) {
        fail_msg("%s", pair.error.message);
    }
    end_pair(&pair);
}

/* ---- what is no TLS, or none of ours */

static void assert_fails(const char *name, struct slice answer, const char *message)
{
    struct error error = {0};
    struct buffer output = {0}, plain = {0};
    struct tls_context *context = tls_context_new(false, NULL, &error);
    struct tls *tls = tls_new(context, name, &error);

    assert_int_equal(tls_receive(tls, slice_of(NULL, 0), &output, &plain, &error), TLS_HANDSHAKE);
    assert_true(buffer_length(&output) > 0);
    assert_int_equal(tls_receive(tls, answer, &output, &plain, &error), TLS_FAILED);
    assert_string_equal(error.message, message);
    assert_int_equal(buffer_length(&plain), 0);

    /* It stays so. */
    error_clear(&error);
    buffer_reset(&output);
    assert_int_equal(tls_receive(tls, answer, &output, &plain, &error), TLS_FAILED);
    assert_string_equal(error.message, message);
    error_clear(&error);
    assert_false(tls_send(tls, slice_from_string("x"), &output, &error));
    assert_string_equal(error.message, message);
    tls_close(tls, &output);
    assert_int_equal(buffer_length(&output), 0);
    assert_string_equal(tls_description(tls), "");
    buffer_clear(&output);
    tls_free(tls);
    tls_context_free(context);
}

static void what_is_no_tls_is_named(void **state)
{
#define BYTES(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    static const struct {
        struct slice answer;
        const char *message;
    } CASES[] = {
        {BYTES("220 mx.example.net ESMTP\r\n250 x\r\n"),
         "the server does not speak TLS here, but says \"220 mx.example.net ESMTP\""},
        {BYTES("2"), "the server does not speak TLS here, but says \"2\""},
        {BYTES("\033[2J\0\n"), "the server does not speak TLS here, but says \"?[2J?\""},
        {BYTES("\n"), "the server does not speak TLS here, but says \"\""},
        {BYTES("\x16garbage that is no record"), "TLS handshake failed: wrong version number"},
        {BYTES("\x16\x03\x03\xff\xffxx"), "TLS handshake failed: packet length too long"},
        {BYTES("\x16\x03\x03\x00\x04\x0e\x00\x00\x00"), "TLS handshake failed: unexpected message"},
        {BYTES("\x15\x03\x03\x00\x02\x02\x46"),
         "TLS handshake failed: the server speaks neither TLS 1.2 nor 1.3, only other versions "
         "(tlsv1 alert protocol version)"},
        {BYTES("\x15\x03\x03\x00\x02\x02\x28"),
         "TLS handshake failed: the server has no cipher that both sides know, or wants a "
         "certificate of its clients "
         "(sslv3 alert handshake failure)"},
        {BYTES("\x15\x03\x03\x00\x02\x02\x50"),
         "TLS handshake failed: the server has ended it (tlsv1 alert internal error)"},
        {BYTES("\x15\x03\x03\x00\x02\x01\x00"), "the server has ended TLS before it had begun"},
        /* A ServerHello of TLS 1.0. */
        {BYTES("\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01"
               "0123456789abcdef0123456789abcdef\x00\x00\x2f\x00"),
         "TLS handshake failed: the server speaks only versions of TLS before 1.2 (unsupported "
         "protocol)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
        assert_fails("mx.example.net", CASES[i].answer, CASES[i].message);
    }
}

static void an_old_server_is_named(void **state)
{
    const struct tls_server_options options = {.version = TLS1_1_VERSION};
    struct pair pair;

    (void)state;
    make_pair(&pair, &options, false, NULL, "mx");
    assert_false(talk(&pair, LARGE));
    assert_int_equal(pair.state, TLS_FAILED);
    assert_string_equal(pair.error.message,
                        "TLS handshake failed: the server speaks neither TLS 1.2 nor 1.3, only "
                        "other versions (tlsv1 alert protocol version)");
    end_pair(&pair);
}

static void the_wish_for_our_certificate_is_named(void **state)
{
    const struct tls_server_options options = {.wants_certificate = true};
    struct pair pair;

    (void)state;
    make_pair(&pair, &options, false, NULL, "mx");
    assert_false(talk(&pair, LARGE));
    assert_int_equal(pair.state, TLS_FAILED);
    /* Of TLS 1.3 the client's handshake is over before the server has looked. */
    assert_string_equal(
        pair.error.message,
        "TLS failed: the server wants a certificate of its clients (tlsv13 alert certificate "
        "required)");
    end_pair(&pair);
}

static void a_changed_record_is_noticed(void **state)
{
    const struct tls_server_options options = {.version = TLS1_2_VERSION};
    struct pair pair;

    (void)state;
    make_pair(&pair, &options, false, NULL, "mx");
    assert_true(talk(&pair, LARGE));
    tls_server_send(pair.server, slice_from_string("250 first\r\n"), &pair.to_client);
    size_t first = buffer_length(&pair.to_client);
    tls_server_send(pair.server, slice_from_string("250 second\r\n"), &pair.to_client);
    pair.to_client.data[pair.to_client.start + first + 20] ^= 1;
    deliver(&pair, LARGE);
    assert_int_equal(pair.state, TLS_FAILED);
    assert_string_equal(pair.error.message, "TLS failed: decryption failed or bad record mac");
    /* What was said before is not lost. */
    assert_true(slice_equal_string(buffer_slice(&pair.client_plain), "250 first\r\n"));
    end_pair(&pair);
}

/* ---- authorities */

static void authorities_can_be_a_directory(void **state)
{
    const struct tls_server_options options = {.names = "DNS:mx"};
    char path[PATH], name[16];
    struct pair pair;

    (void)state;
    make_pair(&pair, &options, true, certificate_file, "mx");
    tls_server_hashed_name(pair.server, name);
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    tls_server_write_certificate(pair.server, path);
    tls_free(pair.tls);
    tls_context_free(pair.context);
    pair.context = tls_context_new(true, directory, &pair.error);
    assert_non_null(pair.context);
    pair.tls = tls_new(pair.context, "mx", &pair.error);
    assert_true(talk(&pair, LARGE));
    assert_int_equal(pair.state, TLS_OPEN);
    end_pair(&pair);
    assert_int_equal(unlink(path), 0);
}

static void wrong_authorities_are_named(void **state)
{
    struct error error = {0};
    char path[PATH], wanted[3 * PATH];

    (void)state;
    assert_null(tls_context_new(true, directory, &error));
    snprintf(wanted, sizeof(wanted),
             "no hashed certificate is in the directory %s: \"openssl rehash %s\" makes them",
             directory, directory);
    assert_string_equal(error.message, wanted);

    error_clear(&error);
    snprintf(path, sizeof(path), "%s/nothing", directory);
    assert_null(tls_context_new(true, path, &error));
    snprintf(wanted, sizeof(wanted),
             "cannot open the file of certificates %s: No such file or directory", path);
    assert_string_equal(error.message, wanted);

    error_clear(&error);
    snprintf(path, sizeof(path), "%s/text", directory);
    assert_true(file_write(path, 0600, slice_from_string("no certificate\n"), &error));
    assert_null(tls_context_new(false, path, &error));
    snprintf(
        wanted, sizeof(wanted),
        "%s is not a file of certificates in the form PEM (-----BEGIN CERTIFICATE-----): ", path);
    assert_int_equal(strncmp(error.message, wanted, strlen(wanted)), 0);
    assert_int_equal(unlink(path), 0);
}

static void a_name_that_cannot_be_is_refused(void **state)
{
    char name[300];
    struct error error = {0};
    struct tls_context *context = tls_context_new(true, NULL, &error);

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_non_null(context);
    assert_null(tls_new(context, name, &error));
    assert_int_equal(error.code, ERROR_USAGE);
    error_clear(&error);
    assert_null(tls_new(context, "", &error));
    assert_string_equal(error.message, "TLS cannot be spoken with a host of the name <>");
    tls_context_free(context);
}

static int make_directory(void **state)
{
    const struct tls_server_options options = {.common_name = "another"};
    struct tls_server *server = tls_server_new(&options);

    (void)state;
    snprintf(directory, sizeof(directory), "/tmp/test-tls-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(certificate_file, sizeof(certificate_file), "%s/certificate", directory);
    snprintf(other_file, sizeof(other_file), "%s/other", directory);
    tls_server_write_certificate(server, other_file);
    tls_server_free(server);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    (void)unlink(certificate_file);
    (void)unlink(other_file);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_are_carried_whatever_the_pieces),
        cmocka_unit_test(both_sides_can_take_their_leave),
        cmocka_unit_test(right_certificates_are_believed),
        cmocka_unit_test(wrong_certificates_are_not),
        cmocka_unit_test(a_weak_key_will_do_when_nobody_asks),
        cmocka_unit_test(what_is_no_tls_is_named),
        cmocka_unit_test(an_old_server_is_named),
        cmocka_unit_test(the_wish_for_our_certificate_is_named),
        cmocka_unit_test(a_changed_record_is_noticed),
        cmocka_unit_test(authorities_can_be_a_directory),
        cmocka_unit_test(wrong_authorities_are_named),
        cmocka_unit_test(a_name_that_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
