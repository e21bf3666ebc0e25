/*
 * tls - TLS without I/O, by OpenSSL between two buffers in memory.
 *
 * Owns the connections of the library.  A connection that has failed stays so and
 * says its first error again.
 */
#include "milter-performance-check/tls.h"

#include "libcore/base/memory.h"
#include "milter-performance-check/plain_text.h"
#include "milter-performance-check/tls_fault.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    RECORD = 16384,    /* plain bytes of one record, RFC 8446 section 5.1 */
    RECORD_ALERT = 21, /* the first byte of what a server says first */
    RECORD_HANDSHAKE = 22,
    GREETING_SHOWN = 80,
    DESCRIPTION = 80,
    HASH_DIGITS = 8, /* of the name of a hashed certificate, "9d66eef0.0" */
};

struct tls_context {
    SSL_CTX *library;
    bool verify;
};

struct tls {
    SSL *library;
    BIO *input, *output; /* the library's */
    enum tls_state state;
    bool answered; /* something has come */
    struct error error;
    char fault[TLS_FAULT]; /* of the certificate; empty: none */
    char description[DESCRIPTION];
};

/* ---- context */

static const char *last_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_error());
    return reason == NULL ? "no reason given" : reason;
}

/* Called for each fault that is found in the chain; the first is what is told. */
static int note_fault(int good, X509_STORE_CTX *store)
{
    const SSL *library = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls *tls = SSL_get_app_data(library);

    if (!good && tls->fault[0] == '\0') {
        tls_fault_describe(store, tls->fault);
    }
    return good;
}

static bool is_hashed_name(const char *name)
{
    for (size_t i = 0; i < HASH_DIGITS; i++) {
        if (!isxdigit((unsigned char)name[i])) {
            return false;
        }
    }
    return name[HASH_DIGITS] == '.' && isdigit((unsigned char)name[HASH_DIGITS + 1]);
}

static bool load_directory(SSL_CTX *library, const char *path, struct error *error)
{
    DIR *directory = opendir(path);
    if (directory == NULL) {
        error_set_errno(error, "cannot open the directory of certificates %s", path);
        return false;
    }
    /* The library looks into it only when it needs one, and finds nothing then. */
    bool hashed = false;
    for (const struct dirent *entry = readdir(directory); entry != NULL && !hashed;
         entry = readdir(directory)) {
        hashed = is_hashed_name(entry->d_name);
    }
    closedir(directory);
    if (!hashed) {
        error_set(error, ERROR_USAGE,
                  "no hashed certificate is in the directory %s: \"openssl rehash %s\" makes them",
                  path, path);
        return false;
    }
    if (SSL_CTX_load_verify_dir(library, path) != 1) {
        error_set(error, ERROR_USAGE, "cannot use the directory of certificates %s: %s", path,
                  last_reason());
        return false;
    }
    return true;
}

static bool load_file(SSL_CTX *library, const char *path, struct error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        error_set_errno(error, "cannot open the file of certificates %s", path);
        return false;
    }
    (void)close(file);
    if (SSL_CTX_load_verify_file(library, path) != 1) {
        error_set(error, ERROR_USAGE,
                  "%s is not a file of certificates in the form PEM (-----BEGIN CERTIFICATE-----): "
                  "%s",
                  path, last_reason());
        return false;
    }
    return true;
}

static bool load_authorities(SSL_CTX *library, bool verify, const char *ca, struct error *error)
{
    struct stat status;

    if (ca != NULL) {
        return stat(ca, &status) == 0 && S_ISDIR(status.st_mode)
                   ? load_directory(library, ca, error)
                   : load_file(library, ca, error);
    }
    if (verify && SSL_CTX_set_default_verify_paths(library) != 1) {
        error_set(error, ERROR_SYSTEM, "cannot use the authorities of the system: %s",
                  last_reason());
        return false;
    }
    return true;
}

struct tls_context *tls_context_new(bool verify, const char *ca, struct error *error)
{
    ERR_clear_error();
    SSL_CTX *library = SSL_CTX_new(TLS_client_method());
    if (library == NULL || SSL_CTX_set_min_proto_version(library, TLS1_2_VERSION) != 1) {
        error_set(error, ERROR_SYSTEM, "OpenSSL cannot be used: %s", last_reason());
        SSL_CTX_free(library);
        return NULL;
    }
    if (!load_authorities(library, verify, ca, error)) {
        SSL_CTX_free(library);
        return NULL;
    }
    SSL_CTX_set_verify(library, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                       verify ? note_fault : NULL);
    SSL_CTX_set_session_cache_mode(library, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_options(library, SSL_OP_NO_RENEGOTIATION);
    /* There may be thousands of connections, most of them waiting. */
    (void)SSL_CTX_set_mode(library, SSL_MODE_RELEASE_BUFFERS);

    struct tls_context *context = NEW(struct tls_context);
    context->library = library;
    context->verify = verify;
    return context;
}

void tls_context_free(struct tls_context *context)
{
    if (context != NULL) {
        SSL_CTX_free(context->library);
        free(context);
    }
}

/* ---- connection */

static bool is_address(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

/* Without a zone ("fe80::1%eth0"), and without the dot of a complete name: certificates have
 * neither.  Owned by the caller. */
static char *plain_host(const char *host)
{
    size_t length = strcspn(host, "%");
    if (length > 1 && host[length - 1] == '.') {
        length--;
    }
    return memory_copy_bytes(host, length);
}

static bool set_host(SSL *library, const char *host, bool verify)
{
    X509_VERIFY_PARAM *parameters = SSL_get0_param(library);

    if (is_address(host)) {
        return !verify || X509_VERIFY_PARAM_set1_ip_asc(parameters, host) == 1;
    }
    if (SSL_set_tlsext_host_name(library, host) != 1) {
        return false;
    }
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return !verify || X509_VERIFY_PARAM_set1_host(parameters, host, 0) == 1;
}

struct tls *tls_new(struct tls_context *context, const char *host, struct error *error)
{
    struct tls *tls = NEW(struct tls);
    char *name = plain_host(host);

    ERR_clear_error();
    tls->library = SSL_new(context->library);
    tls->input = BIO_new(BIO_s_mem());
    tls->output = BIO_new(BIO_s_mem());
    if (tls->library == NULL || tls->input == NULL || tls->output == NULL) {
        error_set(error, ERROR_SYSTEM, "OpenSSL cannot be used: %s", last_reason());
        BIO_free(tls->input);
        BIO_free(tls->output);
    } else {
        SSL_set_bio(tls->library, tls->input, tls->output);
        SSL_set_connect_state(tls->library);
        if (SSL_set_app_data(tls->library, tls) == 1 && name[0] != '\0' &&
            set_host(tls->library, name, context->verify)) {
            free(name);
            return tls;
        }
        error_set(error, ERROR_USAGE, "TLS cannot be spoken with a host of the name <%s>", name);
    }
    free(name);
    tls_free(tls);
    return NULL;
}

void tls_free(struct tls *tls)
{
    if (tls != NULL) {
        SSL_free(tls->library);
        free(tls);
    }
}

const char *tls_description(const struct tls *tls)
{
    return tls->description;
}

/* ---- bytes */

static void take_output(struct tls *tls, struct buffer *output)
{
    size_t pending = BIO_ctrl_pending(tls->output);
    size_t got = 0;

    if (pending > 0 && BIO_read_ex(tls->output, buffer_reserve(output, pending), pending, &got)) {
        buffer_commit(output, got);
    }
}

static enum tls_state fail(struct tls *tls)
{
    tls->state = TLS_FAILED;
    return TLS_FAILED;
}

/* What the library says to a call that has not succeeded. */
static enum tls_state judge(struct tls *tls, int result)
{
    switch (SSL_get_error(tls->library, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return tls->state;
    case SSL_ERROR_ZERO_RETURN:
        if (tls->state == TLS_OPEN) {
            (void)SSL_shutdown(tls->library);
            tls->state = TLS_CLOSED;
            return TLS_CLOSED;
        }
        error_set(&tls->error, ERROR_PROTOCOL, "the server has ended TLS before it had begun");
        return fail(tls);
    default:
        if (tls->fault[0] != '\0') {
            error_set(&tls->error, ERROR_PROTOCOL, "%s", tls->fault);
        } else {
            tls_fault_set_error(tls->state == TLS_HANDSHAKE, &tls->error);
        }
        return fail(tls);
    }
}

static enum tls_state shake_hands(struct tls *tls)
{
    int result = SSL_do_handshake(tls->library);

    if (result != 1) {
        return judge(tls, result);
    }
    tls->state = TLS_OPEN;
    snprintf(tls->description, sizeof(tls->description), "%s %s", SSL_get_version(tls->library),
             SSL_get_cipher_name(tls->library));
    return TLS_OPEN;
}

static enum tls_state read_plain(struct tls *tls, struct buffer *plain)
{
    for (;;) {
        size_t got = 0;
        int result = SSL_read_ex(tls->library, buffer_reserve(plain, RECORD), RECORD, &got);
        if (result != 1) {
            return judge(tls, result);
        }
        buffer_commit(plain, got);
    }
}

/* The library would call a greeting a wrong version. */
static bool speaks_tls(struct tls *tls, struct slice encrypted)
{
    char greeting[GREETING_SHOWN];
    size_t length = 0;

    if (tls->answered || encrypted.length == 0) {
        return true;
    }
    tls->answered = true;
    if (encrypted.data[0] == RECORD_ALERT || encrypted.data[0] == RECORD_HANDSHAKE) {
        return true;
    }
    while (length < encrypted.length && encrypted.data[length] != '\r' &&
           encrypted.data[length] != '\n') {
        length++;
    }
    plain_text_copy(slice_of(encrypted.data, length), greeting, sizeof(greeting));
    error_set(&tls->error, ERROR_PROTOCOL, "the server does not speak TLS here, but says \"%s\"",
              greeting);
    (void)fail(tls);
    return false;
}

enum tls_state tls_receive(struct tls *tls, struct slice encrypted, struct buffer *output,
                           struct buffer *plain, struct error *error)
{
    size_t written = 0;

    if (tls->state != TLS_CLOSED && tls->state != TLS_FAILED && speaks_tls(tls, encrypted)) {
        ERR_clear_error();
        if (encrypted.length > 0) {
            (void)BIO_write_ex(tls->input, encrypted.data, encrypted.length, &written);
        }
        if (tls->state == TLS_HANDSHAKE) {
            (void)shake_hands(tls);
        }
        if (tls->state == TLS_OPEN) {
            (void)read_plain(tls, plain);
        }
        take_output(tls, output);
        ERR_clear_error();
    }
    if (tls->state == TLS_FAILED) {
        error_set(error, tls->error.code, "%s", tls->error.message);
    }
    return tls->state;
}

bool tls_send(struct tls *tls, struct slice plain, struct buffer *output, struct error *error)
{
    bool good = tls->state == TLS_OPEN;
    size_t written = 0;

    ERR_clear_error();
    if (good && plain.length > 0) {
        good = SSL_write_ex(tls->library, plain.data, plain.length, &written) == 1;
        take_output(tls, output);
    }
    if (!good && tls->state == TLS_FAILED) {
        error_set(error, tls->error.code, "%s", tls->error.message);
    } else if (!good) {
        error_set(error, ERROR_CLOSED, "TLS is not open, nothing can be sent");
    }
    ERR_clear_error();
    return good;
}

void tls_close(struct tls *tls, struct buffer *output)
{
    if (tls->state == TLS_OPEN) {
        ERR_clear_error();
        (void)SSL_shutdown(tls->library);
        take_output(tls, output);
        ERR_clear_error();
    }
}
