/*
 * tls_fault - what is wrong with a certificate or a handshake, in words of operators.
 *
 * For tls alone: it speaks of OpenSSL.
 */
#ifndef MILTER_PERFORMANCE_CHECK_TLS_FAULT_H
#define MILTER_PERFORMANCE_CHECK_TLS_FAULT_H

#include "libcore/base/error.h"

#include <openssl/x509_vfy.h>
#include <stdbool.h>

enum { TLS_FAULT = 400 };

/* The fault that the verification has just found. */
void tls_fault_describe(X509_STORE_CTX *store, char text[TLS_FAULT]);
/* What the library has just put into its queue of errors; handshake: it was not over. */
void tls_fault_set_error(bool handshake, struct error *error);

#endif
