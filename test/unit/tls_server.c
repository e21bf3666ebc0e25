/*
 * tls_server - a server that speaks TLS in memory.  Any failure of the library that
 * the client is not to blame for fails the test.
 */
#include "tls_server.h"

#include "libcore/base/memory.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HOUR = 3600, WEAK_BITS = 1024, BLOCK = 16384 };

struct tls_server {
    X509 *certificate;
    SSL_CTX *context;
    SSL *library;
    BIO *input, *output;
    char asked_for[256];
};

static void add_names(X509 *certificate, const char *names)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, names);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *make_certificate(EVP_PKEY *key, const struct tls_server_options *options)
{
    const char *common_name = options->common_name == NULL ? "test" : options->common_name;
    bool usual = options->valid_from == 0 && options->valid_to == 0;
    X509 *certificate = X509_new();

    assert_non_null(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), usual ? -HOUR : options->valid_from);
    X509_gmtime_adj(X509_getm_notAfter(certificate), usual ? HOUR : options->valid_to);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1,
                               -1, 0);
    X509_set_issuer_name(certificate, name);
    if (options->names != NULL) {
        add_names(certificate, options->names);
    }
    assert_int_not_equal(X509_sign(certificate, key, EVP_sha256()), 0);
    return certificate;
}

static int note_name(SSL *library, int *alert, void *argument)
{
    struct tls_server *server = argument;
    const char *name = SSL_get_servername(library, TLSEXT_NAMETYPE_host_name);

    (void)alert;
    if (name != NULL) {
        snprintf(server->asked_for, sizeof(server->asked_for), "%s", name);
    }
    return SSL_TLSEXT_ERR_OK;
}

struct tls_server *tls_server_new(const struct tls_server_options *options)
{
    struct tls_server *server = NEW(struct tls_server);
    EVP_PKEY *key =
        options->weak ? EVP_RSA_gen(WEAK_BITS) : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

    assert_non_null(key);
    server->certificate = make_certificate(key, options);
    server->context = SSL_CTX_new(TLS_server_method());
    assert_non_null(server->context);
    /* Old versions and short keys are to be seen from the other side. */
    SSL_CTX_set_security_level(server->context, 0);
    SSL_CTX_set_min_proto_version(server->context, options->version);
    SSL_CTX_set_max_proto_version(server->context, options->version);
    assert_int_equal(SSL_CTX_use_certificate(server->context, server->certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(server->context, key), 1);
    EVP_PKEY_free(key);
    SSL_CTX_set_tlsext_servername_callback(server->context, note_name);
    SSL_CTX_set_tlsext_servername_arg(server->context, server);
    if (options->wants_certificate) {
        SSL_CTX_set_verify(server->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                           NULL);
    }
    server->library = SSL_new(server->context);
    server->input = BIO_new(BIO_s_mem());
    server->output = BIO_new(BIO_s_mem());
    SSL_set_bio(server->library, server->input, server->output);
    SSL_set_accept_state(server->library);
    return server;
}

void tls_server_free(struct tls_server *server)
{
    SSL_free(server->library);
    SSL_CTX_free(server->context);
    X509_free(server->certificate);
    free(server);
}

void tls_server_write_certificate(const struct tls_server *server, const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, server->certificate), 1);
    assert_int_equal(fclose(file), 0);
}

void tls_server_hashed_name(const struct tls_server *server, char name[16])
{
    snprintf(name, 16, "%08lx.0", X509_subject_name_hash(server->certificate));
}

static void take_output(struct tls_server *server, struct buffer *output)
{
    size_t pending = BIO_ctrl_pending(server->output);
    size_t got = 0;

    if (pending > 0) {
        assert_int_equal(
            BIO_read_ex(server->output, buffer_reserve(output, pending), pending, &got), 1);
        buffer_commit(output, got);
    }
}

bool tls_server_receive(struct tls_server *server, struct slice encrypted, struct buffer *output,
                        struct buffer *plain)
{
    size_t got = 0;
    int result = 1;

    ERR_clear_error();
    if (encrypted.length > 0) {
        assert_int_equal(BIO_write_ex(server->input, encrypted.data, encrypted.length, &got), 1);
    }
    while (result == 1) {
        result = SSL_read_ex(server->library, buffer_reserve(plain, BLOCK), BLOCK, &got);
        buffer_commit(plain, result == 1 ? got : 0);
    }
    take_output(server, output);
    int reason = SSL_get_error(server->library, result);
    ERR_clear_error();
    return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_ZERO_RETURN;
}

void tls_server_send(struct tls_server *server, struct slice plain, struct buffer *output)
{
    size_t written = 0;

    assert_int_equal(SSL_write_ex(server->library, plain.data, plain.length, &written), 1);
    assert_int_equal(written, plain.length);
    take_output(server, output);
}

void tls_server_close(struct tls_server *server, struct buffer *output)
{
    (void)SSL_shutdown(server->library);
    take_output(server, output);
}

bool tls_server_was_left(const struct tls_server *server)
{
    return (SSL_get_shutdown(server->library) & SSL_RECEIVED_SHUTDOWN) != 0;
}

const char *tls_server_asked_for(const struct tls_server *server)
{
    return server->asked_for[0] == '\0' ? NULL : server->asked_for;
}
