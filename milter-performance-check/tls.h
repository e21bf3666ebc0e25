/*
 * tls - TLS without I/O: bytes of the network in, plain bytes out, and back
 * (RFC 5246, 8446; server names: RFC 6066 section 3, 6125).
 *
 * TLS 1.2 or later.  With tls_fault the only file that knows OpenSSL.
 */
#ifndef MILTER_PERFORMANCE_CHECK_TLS_H
#define MILTER_PERFORMANCE_CHECK_TLS_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"

struct tls_context; /* what all connections have in common */
struct tls;

/*
 * verify: the chain and the name must be right; without it any certificate will do.
 * ca: a file of certificates (PEM) or a directory of hashed ones, NULL: the system's.
 */
struct tls_context *tls_context_new(bool verify, const char *ca, struct error *error);
/* NULL is fine. */
void tls_context_free(struct tls_context *context);

/* host: of the server, for SNI and to verify; an address is verified as one and not sent as SNI. */
struct tls *tls_new(struct tls_context *context, const char *host, struct error *error);
/* NULL is fine. */
void tls_free(struct tls *tls);

enum tls_state { TLS_HANDSHAKE, TLS_OPEN, TLS_CLOSED /* by the peer, properly */, TLS_FAILED };

/*
 * Goes on with the handshake; the first call begins it.  encrypted: what came
 * from the network, all of it is taken.  What is to be sent is appended to
 * output, what was said to plain, also in a call that ends with TLS_CLOSED or TLS_FAILED.
 * TLS_FAILED: *error says why, naming the certificate's fault; output may hold an alert to send.
 */
enum tls_state tls_receive(struct tls *tls, struct slice encrypted, struct buffer *output,
                           struct buffer *plain, struct error *error);
/* Once open: encrypts all of plain onto output. */
bool tls_send(struct tls *tls, struct slice plain, struct buffer *output, struct error *error);
/* Nothing is to be sent any more: appends the farewell (close_notify) when TLS is open. */
void tls_close(struct tls *tls, struct buffer *output);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", once open. */
const char *tls_description(const struct tls *tls);

#endif
