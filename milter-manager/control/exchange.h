/*
 * exchange - one question to a controller and its answer, over HTTP/1.1.
 *
 * It understands what our own server sends, no more: a status line, header
 * fields, and a body of a known length.
 */
#ifndef MILTER_MANAGER_CONTROL_EXCHANGE_H
#define MILTER_MANAGER_CONTROL_EXCHANGE_H

#include "libcore/base/buffer.h"
#include "libcore/base/error.h"
#include "libcore/net/connection_spec.h"

struct exchange {
    const struct socket_address *address;
    const char *method; /* "GET" */
    const char *path;   /* percent-encoded */
    const char *token;  /* NULL: none */
    double patience;    /* s without a byte */

    unsigned status; /* of the answer */
    struct buffer body;
};

/* Waits for the answer.  False with *error: there is none that could be understood. */
bool exchange_run(struct exchange *exchange, struct error *error);
/* The whole answer is in input, up to the end of the connection. */
bool exchange_parse(struct exchange *exchange, struct slice input, struct error *error);
void exchange_clear(struct exchange *exchange);

#endif
