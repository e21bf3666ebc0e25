/*
 * sasl - logging in, by GNU SASL: bytes in, bytes out (RFC 4422, 4616, 2195, 5802,
 * 7677).  Channel binding is not used.
 *
 * The only file that knows GNU SASL.
 */
#ifndef MILTER_PERFORMANCE_CHECK_SASL_H
#define MILTER_PERFORMANCE_CHECK_SASL_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"
#include "milter-performance-check/server.h"

struct sasl_context; /* shared */
struct sasl;         /* one exchange */

struct sasl_context *sasl_context_new(struct error *error);
/* After the last exchange.  NULL is fine. */
void sasl_context_free(struct sasl_context *context);

/*
 * The mechanism to use of those offered ("PLAIN LOGIN"), its name as in AUTH.
 * wanted: NULL or "auto" for scram-sha-256, cram-md5, plain, login in this order,
 * else that one.  NULL with *error, which says what was offered.
 */
const char *sasl_choose(const char *wanted, struct slice offered, struct error *error);
/* True when --auth-mechanism may be that: auto plain login cram_md5 cram-md5 scram-sha-256
 * scram-sha-1, in any case, with '_' as '-'. */
bool sasl_mechanism_known(const char *wanted);

/* mechanism: from sasl_choose.  credentials must live as long as the exchange, host is copied. */
struct sasl *sasl_new(struct sasl_context *context, const char *mechanism,
                      const struct credentials *credentials, const char *host, struct error *error);
/* NULL is fine. */
void sasl_free(struct sasl *sasl);
/* True when the client speaks first in this mechanism. */
bool sasl_client_first(const struct sasl *sasl);
/*
 * Appends the answer to a challenge (bytes, not base64); empty at first.  False
 * with *error: the challenge is none, asks too much, or the server has not proved
 * that it knows the password.
 */
bool sasl_step(struct sasl *sasl, struct slice challenge, struct buffer *response,
               struct error *error);
/*
 * The server says that we are in.  False with *error when it has not shown what the
 * mechanism demands: SCRAM's signature by which the server proves who it is.
 */
bool sasl_accepted(const struct sasl *sasl, struct error *error);

#endif
