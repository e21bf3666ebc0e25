/*
 * tls_fault - what is wrong with a certificate or a handshake, in words of operators.
 *
 * Owns nothing.  What certificates say is shown without control characters.
 */
#include "milter-performance-check/tls_fault.h"

#include "libcore/base/buffer.h"
#include "milter-performance-check/plain_text.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

enum {
    NAMES_SHOWN = 5,
    IPV4_LENGTH = 4,
    IPV6_LENGTH = 16,
    SUBJECT = 128,
};

/* ---- certificates */

static void append_name(struct buffer *names, size_t number, struct slice name)
{
    if (number < NAMES_SHOWN) {
        buffer_append_string(names, number == 0 ? "" : ", ");
        buffer_append_slice(names, name);
    } else if (number == NAMES_SHOWN) {
        buffer_append_string(names, ", ...");
    }
}

static bool append_general_name(struct buffer *names, size_t number, const GENERAL_NAME *name)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (name->type == GEN_DNS) {
        append_name(names, number,
                    slice_of(ASN1_STRING_get0_data(name->d.dNSName),
                             (size_t)ASN1_STRING_length(name->d.dNSName)));
        return true;
    }
    if (name->type == GEN_IPADD) {
        int length = ASN1_STRING_length(name->d.iPAddress);
        if (length == IPV4_LENGTH || length == IPV6_LENGTH) {
            (void)inet_ntop(length == IPV4_LENGTH ? AF_INET : AF_INET6,
                            ASN1_STRING_get0_data(name->d.iPAddress), text, sizeof(text));
            append_name(names, number, slice_from_string(text));
            return true;
        }
    }
    return false;
}

/* RFC 6125 section 6.4.4: the common name counts only when there is no other. */
static void append_names(struct buffer *names, const X509 *certificate)
{
    GENERAL_NAMES *alternatives = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    size_t number = 0;

    for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); i++) {
        if (append_general_name(names, number, sk_GENERAL_NAME_value(alternatives, i))) {
            number++;
        }
    }
    GENERAL_NAMES_free(alternatives);
    const X509_NAME *subject = X509_get_subject_name(certificate);
    int place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (number == 0 && place >= 0) {
        const ASN1_STRING *name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place));
        append_name(names, 0,
                    slice_of(ASN1_STRING_get0_data(name), (size_t)ASN1_STRING_length(name)));
    }
}

static void describe_mismatch(X509_STORE_CTX *store, struct buffer *sentence)
{
    X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(store);
    const char *host = X509_VERIFY_PARAM_get0_host(parameters, 0);
    char *address = host == NULL ? X509_VERIFY_PARAM_get1_ip_asc(parameters) : NULL;
    struct buffer names = {0};

    append_names(&names, X509_STORE_CTX_get0_cert(store));
    if (host == NULL) {
        host = address == NULL ? "the server" : address;
    }
    if (buffer_length(&names) == 0) {
        buffer_append_format(sentence, "certificate names no host, %s was expected", host);
    } else {
        buffer_append_string(sentence, "certificate is for ");
        buffer_append_slice(sentence, buffer_slice(&names));
        buffer_append_format(sentence, ", not %s", host);
    }
    OPENSSL_free(address);
    buffer_clear(&names);
}

static void append_time(struct buffer *sentence, const ASN1_TIME *time)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *data = NULL;

    if (text != NULL && time != NULL && ASN1_TIME_print(text, time) == 1) {
        long length = BIO_get_mem_data(text, &data);
        buffer_append_string(sentence, " (");
        buffer_append(sentence, data, (size_t)length);
        buffer_append_string(sentence, ")");
    }
    BIO_free(text);
}

static void append_issuer(struct buffer *sentence, const X509 *certificate)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *data = NULL;

    buffer_append_string(sentence, " (");
    if (text != NULL && X509_NAME_print_ex(text, X509_get_issuer_name(certificate), 0,
                                           XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        long length = BIO_get_mem_data(text, &data);
        buffer_append_string(sentence, "issued by ");
        buffer_append(sentence, data, (size_t)length < SUBJECT ? (size_t)length : SUBJECT);
        buffer_append_string(sentence, "; ");
    }
    buffer_append_string(sentence, "--tls-ca names authorities to trust)");
    BIO_free(text);
}

void tls_fault_describe(X509_STORE_CTX *store, char text[TLS_FAULT])
{
    int fault = X509_STORE_CTX_get_error(store);
    const X509 *certificate = X509_STORE_CTX_get_current_cert(store);
    struct buffer sentence = {0};

    if (fault == X509_V_ERR_HOSTNAME_MISMATCH || fault == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        describe_mismatch(store, &sentence);
    } else {
        buffer_append_format(&sentence, "certificate verify failed: %s",
                             X509_verify_cert_error_string(fault));
        switch (certificate == NULL ? X509_V_OK : fault) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            append_time(&sentence, X509_get0_notAfter(certificate));
            break;
        case X509_V_ERR_CERT_NOT_YET_VALID:
            append_time(&sentence, X509_get0_notBefore(certificate));
            break;
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            append_issuer(&sentence, certificate);
            break;
        default:
            break;
        }
    }
    plain_text_copy(buffer_slice(&sentence), text, TLS_FAULT);
    buffer_clear(&sentence);
}

/* ---- the library's errors */

static const struct {
    int reason;
    const char *sentence;
} REASONS[] = {
    {SSL_R_UNSUPPORTED_PROTOCOL, "the server speaks only versions of TLS before 1.2"},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
     "the server speaks neither TLS 1.2 nor 1.3, only other versions"},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE,
     "the server has no cipher that both sides know, or wants a certificate of its clients"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "the server wants a certificate of its clients"},
};

static const char *sentence_of(int reason)
{
    for (size_t i = 0; i < sizeof(REASONS) / sizeof(REASONS[0]); i++) {
        if (reason == REASONS[i].reason) {
            return REASONS[i].sentence;
        }
    }
    return reason > SSL_AD_REASON_OFFSET ? "the server has ended it" : NULL;
}

/* Of all that is in the queue what the protocol says: a cipher only says that it has failed. */
static unsigned long take_cause(void)
{
    unsigned long cause = ERR_get_error();

    for (unsigned long next = cause; next != 0; next = ERR_get_error()) {
        if (ERR_GET_LIB(cause) != ERR_LIB_SSL && ERR_GET_LIB(next) == ERR_LIB_SSL) {
            cause = next;
        }
    }
    return cause;
}

void tls_fault_set_error(bool handshake, struct error *error)
{
    unsigned long cause = take_cause();
    const char *what = handshake ? "TLS handshake failed" : "TLS failed";
    const char *text = ERR_reason_error_string(cause);
    const char *sentence =
        ERR_GET_LIB(cause) == ERR_LIB_SSL ? sentence_of(ERR_GET_REASON(cause)) : NULL;

    if (text == NULL) {
        text = "no reason is known";
    }
    if (sentence == NULL) {
        error_set(error, ERROR_PROTOCOL, "%s: %s", what, text);
    } else {
        error_set(error, ERROR_PROTOCOL, "%s: %s (%s)", what, sentence, text);
    }
}
